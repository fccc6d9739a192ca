"""Switch off each defence and demand that its test turns red: `make sabotage`.

`tests/security/rules.toml` names for each rule of the security page its test and the function that
defends it. With the function replaced by one that lets everything through the test must fail;
without, it must pass (the ordinary test run sees to that).

    sabotage.py                 all rules, several at a time
    sabotage.py WORD …          rules whose text, test or defence contains one of the words

Everything is loaded once; each rule is tried in a fork of that process.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import tomllib
import traceback
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.chdir(ROOT)

import pytest  # noqa: E402 - it and the tests' parts are found from here on
from parts import postgres, sabotage  # noqa: E402

RULES = ROOT / "tests" / "security" / "rules.toml"
LETS_EVERYTHING_THROUGH = "lambda *args, **kwargs: None"
PYTEST = [
    "-q",
    "-x",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:schemathesis",
    "-p",
    "no:xdist",
    "--assert=plain",
]
TURNED_RED = 1  # pytest's exit code; any other than this and 0 means that it could not run
SECONDS = 180


@dataclass(frozen=True)
class Rule:
    """`replace` is an expression for the function that takes the defence's place."""

    rule: str
    test: str
    defence: str
    replace: str = LETS_EVERYTHING_THROUGH


@dataclass(frozen=True)
class Trial:
    rule: Rule
    output: Path
    until: float


def main() -> None:
    words = sys.argv[1:]
    rules = [rule for rule in read_rules() if matches(rule, words)]
    if not rules:
        sys.exit("sabotage: no rule matches.")
    sabotage.load_everything()
    folder = Path(tempfile.mkdtemp(prefix="keywright-sabotage-"))
    servers = folder / "postgres"
    servers.mkdir()
    folder.chmod(0o755)  # PostgreSQL may run as another user
    os.environ[postgres.DIRECTORY_VARIABLE] = str(servers)
    try:
        survivors = try_all(rules, folder)
    finally:
        postgres.end_run(servers)
        shutil.rmtree(folder, ignore_errors=True)  # a killed trial's server may still write there
    for survivor in survivors:
        print(survivor, file=sys.stderr)
    print(f"sabotage: {len(rules)} rules, {len(rules) - len(survivors)} defences are needed.")
    sys.exit(1 if survivors else 0)


def read_rules() -> list[Rule]:
    return [Rule(**entry) for entry in tomllib.loads(RULES.read_text())["rule"]]


def matches(rule: Rule, words: list[str]) -> bool:
    text = f"{rule.rule} {rule.test} {rule.defence}"
    return not words or any(word in text for word in words)


def try_all(rules: list[Rule], folder: Path) -> list[str]:
    """What is wrong with the rules' entries."""
    waiting, trials, survivors = list(enumerate(rules)), dict[int, Trial](), list[str]()
    while waiting or trials:
        while waiting and len(trials) < (os.cpu_count() or 1):
            number, rule = waiting.pop(0)
            output = folder / str(number)
            trials[fork(rule, output)] = Trial(rule, output, time.monotonic() + SECONDS)
        for child in list(trials):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                verdict = judge(trials.pop(child), os.waitstatus_to_exitcode(status))
                survivors += [verdict] if verdict else []
            elif time.monotonic() > trials[child].until:
                os.kill(child, 9)
        time.sleep(0.02)
    return survivors


def fork(rule: Rule, output: Path) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    with output.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    code = 4
    try:
        sabotage.replace_defence(rule.defence, rule.replace)
        # files of its own: in pytest's shared folder one trial's clean-up meets another's files
        code = int(pytest.main([*PYTEST, f"--basetemp={output}-files", rule.test]))
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def judge(trial: Trial, code: int) -> str | None:
    """None when the test turned red, as it must."""
    rule = trial.rule
    if code == TURNED_RED:
        return None
    if code == 0:
        return f"STILL GREEN  {rule.test} passes without {rule.defence}: {rule.rule}"
    said = trial.output.read_text(errors="replace")[-1500:]
    return f"{said}\nNOT RUN ({code})  {rule.test} without {rule.defence}; its last words are above"


if __name__ == "__main__":
    main()
