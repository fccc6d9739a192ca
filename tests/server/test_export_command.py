"""`keywright export`: what is held about one account, for who runs the server."""

from __future__ import annotations

import json
import stat

import pytest

ADA = "ada@example.com"


@pytest.fixture
def export(keywright, on_database):
    """`export(EMAIL_OR_ID, …)`, on a database where Ada has an account."""
    made = keywright("user", "create", "--email", ADA, "--name", "Ada L.", **on_database)
    assert made.code == 0, made.err

    def export(*arguments):
        return keywright("export", *arguments, **on_database)

    return export


def test_an_account_is_written_as_json(export):
    answer = export(ADA)
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert found["account"]["email"] == ADA
    assert "user.created" in [one["event"] for one in found["events"]]
    again = json.loads(export(found["account"]["id"]).out)
    newest = next(one for one in again["events"] if one["event"] == "user.exported")
    assert (newest["by"], newest["ip"]) == ("system", None)


def test_a_file_is_new_and_its_owner_s_alone(export, tmp_path):
    path = tmp_path / "ada.json"
    answer = export(ADA, "--output", str(path))
    assert answer.code == 0, answer.err
    assert f"about {ADA} to {path}" in answer.out
    assert json.loads(path.read_text())["format"] == "keywright-account-1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = export(ADA, "--output", str(path))
    assert (again.code, "already" in again.err) == (2, True)


def test_nobody_is_exported_who_is_not_there(export):
    answer = export("eve@example.com")
    assert answer.code == 1
    assert "no account eve@example.com" in answer.err
    assert export("nobody").code == 2
