"""Tables that the run prints at its end, from what its tests counted, on whichever worker.

A test says `tally(request, "Operations", "POST /login", {"2xx": 3})`; equal rows are added up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import pytest
from _pytest.terminal import TerminalReporter

PROPERTY = "tally"
NARROWEST = 9
Rows = dict[str, Counter[str]]


def tally(request: pytest.FixtureRequest, table: str, row: str, counts: Mapping[str, int]) -> None:
    request.node.user_properties.append((PROPERTY, [table, row, dict(counts)]))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    for table, rows in read_tables(terminalreporter).items():
        terminalreporter.section(table)
        for line in draw(rows):
            terminalreporter.write_line(line)


def read_tables(reporter: TerminalReporter) -> dict[str, Rows]:
    """The report of a test's teardown comes last and carries all that it said."""
    tables: dict[str, Rows] = defaultdict(lambda: defaultdict(Counter))
    reports = [one for kind in reporter.stats.values() for one in kind]
    for report in reports:
        if getattr(report, "when", None) == "teardown":
            for name, value in report.user_properties:
                if name == PROPERTY:
                    table, row, counts = value
                    tables[table][row].update(counts)
    return tables


def draw(rows: Rows) -> Iterable[str]:
    columns = sorted({column for counts in rows.values() for column in counts})
    width = max(len(row) for row in rows)
    wide = max(NARROWEST, *(len(column) + 2 for column in columns))
    yield f"{'':{width}}" + "".join(f"{column:>{wide}}" for column in columns)
    for row, counts in sorted(rows.items()):
        yield f"{row:{width}}" + "".join(f"{counts[column]:>{wide}}" for column in columns)
