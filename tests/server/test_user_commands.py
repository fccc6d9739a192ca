from __future__ import annotations

import os
import pty
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from parts.server import PRODUCTION, PROGRAM, environment

ADA, EVE = "ada@example.com", "eve@example.com"
PASSWORD = "correct horse battery"


@pytest.fixture
def make(keywright, on_database):
    """`make(email, …)`, and `make.user(…)` for the other commands, on the same database."""

    def user(*arguments, stdin=""):
        return keywright("user", *arguments, stdin=stdin, **on_database)

    def make(email, *arguments, stdin=""):
        answer = user("create", "--email", email, *arguments, stdin=stdin)
        assert answer.code == 0, answer.err
        return answer

    make.user = user
    return make


def listed(make) -> dict:
    return {row["email"]: row for row in make.user("list", "--json").json()}


def test_help_does_not_promise_a_sign_in_by_user_name(keywright):
    said = " ".join(keywright("user", "create", "--help").out.split())
    assert "Unique name to be known by" in said
    assert "sign in with" not in said


def test_a_created_account_is_verified_and_has_its_roles(make):
    made = make(
        *(ADA, "--role", "admin", "--role", "moderator", "--name", "Ada L."),
        *("--username", "ada", "--password-stdin"),
        stdin=f"{PASSWORD}\n",
    )
    assert made.out.startswith(f"Made the account {ADA}, with admin, moderator.")
    ada = listed(make)[ADA]
    assert (ada["email_verified"], ada["status"]) == (True, "active")
    assert (ada["roles"], ada["name"]) == (["admin", "moderator"], "Ada L.")
    assert PASSWORD not in made.out + made.err


def test_without_a_password_development_shows_the_link_too(make):
    made = make(ADA)
    assert "A link to choose a password goes to that address" in made.out
    assert "http://127.0.0.1:8000/reset-password?token=" in made.out


def test_production_shows_the_link_to_nobody_but_its_owner(keywright):
    made = keywright("user", "create", "--email", ADA, **PRODUCTION)
    assert made.code == 0, made.err
    assert "token" not in made.out


def test_a_password_is_typed_twice_and_hidden(tmp_path):
    with at_a_terminal(tmp_path, "user", "create", "--email", ADA) as terminal:
        shown = b""
        for question, answer in [
            (b"choose one): ", PASSWORD),
            (b"same again: ", "mistyped"),
            (b"two different passwords", ""),
            (b"choose one): ", PASSWORD),
            (b"same again: ", PASSWORD),
            (b"Made the account", ""),
        ]:
            shown += read_until(terminal, question)
            os.write(terminal, f"{answer}\n".encode() if answer else b"")
    assert PASSWORD.encode() not in shown


@contextmanager
def at_a_terminal(directory: Path, *arguments: str) -> Iterator[int]:
    """The program where a person would sit; our end of its terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *arguments],
        cwd=directory,
        env=environment({}),
        preexec_fn=partial(os.login_tty, its),  # noqa: PLW1509 - one system call, takes no lock
    )
    os.close(its)
    try:
        yield ours
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(terminal: int, question: bytes) -> bytes:
    shown = b""
    while question not in shown:
        assert select.select([terminal], [], [], 30)[0], shown
        shown += os.read(terminal, 1)
    return shown


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "sentence"),
    [
        (("--email", ADA), "", 1, f"There is an account with the e-mail address {ADA} already."),
        (("--email", EVE, "--role", "king"), "", 2, "There is no role 'king'; there are user, "),
        (("--email", "eve"), "", 2, "That does not look like an e-mail address."),
        (("--email", EVE, "--username", "a@b"), "", 2, "username"),
        (("--email", EVE, "--password-stdin"), "", 2, "standard input is empty"),
        (("--email", EVE, "--password-stdin"), "password1\n", 2, "password"),
    ],
)
def test_what_cannot_be_made_is_refused_in_a_sentence(make, arguments, stdin, code, sentence):
    make(ADA)
    answer = make.user("create", *arguments, stdin=stdin)
    assert answer.code == code
    assert sentence in answer.err
    assert list(listed(make)) == [ADA]


def test_a_list_is_cut_at_its_limit_and_says_so(make):
    for number in range(3):
        make(f"person{number}@example.com")
    answer = make.user("list", "--limit", "2")
    assert "person1@example.com" in answer.out
    assert "person2@example.com" not in answer.out
    assert "There are more than 2" in answer.out
    assert len(make.user("list", "--limit", "2", "--json").json()) == 2


def test_an_account_is_disabled_and_enabled_by_address_or_id(make):
    make(ADA)
    assert make.user("disable", ADA.upper()).out == (
        f"{ADA} is disabled; its sessions and links have ended.\n"
    )
    assert make.user("disable", ADA).out == f"{ADA} was disabled already.\n"
    ada = listed(make)[ADA]
    assert ada["status"] == "disabled"
    assert make.user("enable", ada["id"]).out == f"{ADA} may sign in again.\n"
    assert make.user("enable", ada["id"]).out == f"{ADA} was not disabled.\n"


def test_roles_are_granted_and_revoked(make):
    make(ADA)
    assert make.user("grant", ADA, "moderator").out == f"{ADA} has the role moderator now.\n"
    assert make.user("grant", ADA, "moderator").out == f"{ADA} had the role moderator already.\n"
    assert listed(make)[ADA]["roles"] == ["moderator"]
    assert make.user("revoke", ADA, "moderator").out == f"{ADA} no longer has the role moderator.\n"
    assert make.user("revoke", ADA, "moderator").out == f"{ADA} did not have the role moderator.\n"


def test_the_last_administrator_cannot_go(make):
    make(ADA, "--role", "admin")
    for arguments in (("disable", ADA), ("revoke", ADA, "admin")):
        answer = make.user(*arguments)
        assert answer.code == 1
        assert answer.err.startswith("keywright: This is the last active administrator.")


def test_an_account_that_is_none_is_refused_in_a_sentence(make):
    for person in (EVE, str(uuid4())):
        answer = make.user("disable", person)
        assert answer.code == 1
        assert answer.err == (
            f"keywright: There is no account {person}; `keywright user list` shows them.\n"
        )


def test_a_pending_migration_is_refused_in_production(keywright, postgres_url):
    answer = keywright("user", "list", DATABASE_URL=postgres_url, **PRODUCTION)
    assert answer.code == 1
    assert "keywright migrate" in answer.err
