from __future__ import annotations

import pytest

OLD, NEW = "the-first-secret-of-this-server-0123", "the-next-secret-of-this-server-4567"


@pytest.fixture
def key(keywright, on_database):
    """`key(…)` on an empty database, whose tables are made."""
    keywright("migrate", **on_database)

    def key(*arguments, **settings):
        return keywright("key", *arguments, **(on_database | settings))

    return key


def states(key, **settings) -> list[tuple[int, str]]:
    return [(row["number"], row["state"]) for row in key("list", "--json", **settings).json()]


def test_there_is_no_key_before_the_first_start(key):
    assert key("list", "--json").json() == []


def test_a_rotated_key_is_published_before_it_signs(key):
    answer = key("rotate")
    assert answer.code == 0
    assert states(key) == [(2, "next"), (1, "signing")]
    (newest, older) = key("list", "--json").json()
    assert newest["kid"] in answer.out
    assert older["retires_at"] > newest["activates_at"]


def test_the_list_is_a_table_for_people(key):
    key("rotate")
    lines = key("list").out.splitlines()
    assert lines[0].split() == [
        *("Key", "id", "Algorithm", "State"),
        *("Signs", "from", "Published", "until"),
    ]
    assert len(lines) == 3


def test_leaked_keys_are_all_withdrawn(key):
    key("rotate")
    answer = key("rotate", "--leaked")
    assert (answer.code, states(key)) == (0, [(3, "signing")])
    assert "every earlier one is withdrawn" in answer.out


def test_stored_secrets_move_to_the_new_master_secret(key):
    key("rotate", SECRET_KEY=OLD)
    assert key("rotate", SECRET_KEY=NEW).code == 0  # needs no private key of the earlier ones
    refused = key("rotate", "--master", SECRET_KEY=NEW)
    assert refused.code == 1
    assert "KEYWRIGHT_SECRET_KEYS_OLD" in refused.err
    moved = key("rotate", "--master", SECRET_KEY=NEW, SECRET_KEYS_OLD=OLD)
    assert moved.code == 0
    assert "Wrapped 2 signing keys and 0 waiting messages" in moved.out
    assert "Nothing that is stored needs an old secret any more." in moved.out
    assert "Keep it in KEYWRIGHT_SECRET_KEYS_OLD for 30 days" in moved.out
    again = key("rotate", "--master", SECRET_KEY=NEW)
    assert (again.code, "Wrapped 0 signing keys" in again.out) == (0, True)


def test_developments_own_secret_has_no_successor(key):
    assert "there is nothing to rotate" in key("rotate", "--master").out
