"""No test is left out: the run says how many were, and in CI one is enough to fail it."""

from __future__ import annotations

import os

import pytest
from _pytest.terminal import TerminalReporter

LEFT_OUT = ("skipped", "xfailed", "xpassed", "deselected")


def left_out(reporter: TerminalReporter) -> dict[str, int]:
    return {kind: len(reporter.stats.get(kind, [])) for kind in LEFT_OUT}


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    counts = left_out(terminalreporter)
    words = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    terminalreporter.write_line(f"left out: {words}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    if any(left_out(reporter).values()) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
