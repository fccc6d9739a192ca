"""Switch off each defence and demand that its test turns red: `make sabotage`.

`tests/security/rules.toml` names for each rule of the security page its test and the function that
defends it. With the function replaced by one that lets everything through the test must fail;
without, it must pass (the ordinary test run sees to that).

    sabotage.py                 all rules, several at a time
    sabotage.py WORD …          rules whose text, test or defence contains one of the words
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "tests" / "security" / "rules.toml"
PLUGIN = "parts.sabotage"
TESTS_FAILED = 1  # pytest's exit code; any other than this and 0 means that it could not run them
SECONDS = 180


@dataclass(frozen=True)
class Rule:
    """`replace` is an expression for the function that takes the defence's place."""

    rule: str
    test: str
    defence: str
    replace: str = "lambda *args, **kwargs: None"


def main() -> None:
    words = sys.argv[1:]
    rules = [rule for rule in read_rules() if matches(rule, words)]
    if not rules:
        sys.exit("sabotage: no rule matches.")
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        verdicts = list(pool.map(try_without, rules))
    survivors = [verdict for verdict in verdicts if verdict]
    for survivor in survivors:
        print(survivor, file=sys.stderr)
    print(f"sabotage: {len(rules)} rules, {len(rules) - len(survivors)} defences are needed.")
    sys.exit(1 if survivors else 0)


def read_rules() -> list[Rule]:
    return [Rule(**entry) for entry in tomllib.loads(RULES.read_text())["rule"]]


def matches(rule: Rule, words: list[str]) -> bool:
    text = f"{rule.rule} {rule.test} {rule.defence}"
    return not words or any(word in text for word in words)


def try_without(rule: Rule) -> str | None:
    """What is wrong with this rule's entry; None when its test turned red as it must."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", PLUGIN, "-p", "no:cacheprovider"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "tests"),
        "SABOTAGE_DEFENCE": rule.defence,
        "SABOTAGE_REPLACE": rule.replace,
    }
    try:
        done = subprocess.run(
            [*command, rule.test],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"NO ANSWER  {rule.test} without {rule.defence} took over {SECONDS} s"
    if done.returncode == TESTS_FAILED:
        return None
    if done.returncode == 0:
        return f"STILL GREEN  {rule.test} passes without {rule.defence}: {rule.rule}"
    return f"NOT RUN  {rule.test} ({rule.defence}):\n{done.stdout[-1500:]}{done.stderr[-1500:]}"


if __name__ == "__main__":
    main()
