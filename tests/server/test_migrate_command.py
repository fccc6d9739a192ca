from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from parts.server import run_keywright

from keywright.migrations import HEAD


def test_an_empty_database_gets_its_tables(keywright, on_database):
    assert keywright("migrate", **on_database).out == f"Made the tables, at revision {HEAD}.\n"
    answer = keywright("migrate", **on_database)
    assert (answer.code, answer.out) == (0, f"Nothing to do: up to date, at revision {HEAD}.\n")


def test_check_says_whether_a_run_is_due(keywright, on_database):
    answer = keywright("migrate", "--check", **on_database)
    assert answer.code == 1
    assert answer.out == f"A migration is due: the database is empty, this version needs {HEAD}.\n"
    keywright("migrate", **on_database)
    assert keywright("migrate", "--check", **on_database).code == 0


def test_check_makes_no_file(keywright, home):
    assert keywright("migrate", "--check").code == 1
    assert list(home.iterdir()) == []


def test_it_needs_neither_secret_nor_mail_server(keywright, on_database):
    assert keywright("migrate", ENV="production", **on_database).code == 0


@pytest.mark.timeout(240)
def test_two_at_once_both_succeed(tmp_path, on_database):
    def migrate(_: int):
        return run_keywright("migrate", directory=tmp_path, settings=on_database)

    with ThreadPoolExecutor(2) as two:
        answers = list(two.map(migrate, range(2)))
    assert [answer.returncode for answer in answers] == [0, 0], [a.stderr for a in answers]
