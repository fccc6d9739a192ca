"""`kill -9` in the middle of deliveries: what was acknowledged arrives, at least once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parts.smtp import SmtpServer

TESTS = Path(__file__).parents[1]
KILLS = 3


@contextmanager
def started(
    database_url: str, server: SmtpServer, task: str, seconds_ahead: int
) -> Iterator[subprocess.Popen[str]]:
    paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "parts.courier_process"),
            *(database_url, server.url, task, str(seconds_ahead)),
        ],
        cwd=TESTS,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def kill_after(process: subprocess.Popen[str], server: SmtpServer, mails: int) -> set[str]:
    """The ids that the process acknowledged before it was killed, `mails` deliveries later."""
    server.wait_for(len(server.mails) + mails)
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGKILL
    return {line.strip() for line in output.splitlines(keepends=True) if line.endswith("\n")}


def test_what_was_acknowledged_arrives_however_often_the_process_is_killed(
    database_url: str, smtp: SmtpServer
) -> None:
    acknowledged: set[str] = set()
    for kill in range(KILLS):
        # each process lives past the leases of the one before
        with started(database_url, smtp, "write", kill * 120) as process:
            acknowledged |= kill_after(process, smtp, random.randint(1, 25))
    with started(database_url, smtp, "deliver", KILLS * 120) as last:
        assert last.wait(timeout=60) == 0
    arrived = {mail.message_id.removeprefix("<").partition("@")[0] for mail in smtp.mails}
    print(  # noqa: T201 - the table of what was promised and what came
        f"{len(acknowledged)} acknowledged, {len(smtp.mails)} mails, {len(arrived)} different"
    )
    assert len(acknowledged) >= KILLS
    assert acknowledged - arrived == set()
