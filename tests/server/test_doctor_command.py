from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from parts.postgres import execute, run_apart
from parts.processes import free_port
from parts.server import PRODUCTION

POSTGRES_HOST = """
    CREATE TABLE picture (owner uuid REFERENCES kw_user (id));
    CREATE TABLE album (owner uuid REFERENCES kw_user (id) ON DELETE CASCADE)
"""
SAFE_HASHES = {"ARGON2_MEMORY_KIB": "19456", "ARGON2_TIME_COST": "2"}
SQLITE_HOST = POSTGRES_HOST.replace("uuid", "CHAR(32)")


@pytest.fixture
def doctor(keywright):
    """The findings as `(part, verdict, says, advice)`, and the exit code."""

    def doctor(*arguments, **settings):
        answer = keywright("doctor", "--json", *arguments, **settings)
        return Report(answer.json(), answer.code)

    return doctor


class Report:
    def __init__(self, findings, code):
        self.findings = findings
        self.code = code

    def find(self, text: str) -> dict:
        found = [each for each in self.findings if text in f"{each['says']} {each['advice']}"]
        assert found, self.findings
        return found[0]

    def verdict(self, part: str) -> set[str]:
        return {each["verdict"] for each in self.findings if each["part"] == part}

    @property
    def complaints(self) -> list[str]:
        return [each["says"] for each in self.findings if each["verdict"] != "ok"]


def test_a_migrated_development_database_is_well(keywright, doctor, on_database):
    keywright("migrate", **on_database)
    keywright("key", "rotate", **on_database)
    report = doctor(ENV="development", **SAFE_HASHES, **on_database)
    assert (report.complaints, report.code) == ([], 0)
    parts = {each["part"] for each in report.findings}
    assert parts == {
        "settings",
        "passwords",
        "database",
        "clock",
        "references",
        "keys",
        "outbox",
        "deletions",
        "mail",
    }


def test_people_read_a_line_for_each_finding_with_what_to_do(keywright):
    answer = keywright("doctor", RATE_LIMITS="off")
    lines = answer.out.splitlines()
    assert lines[0].split(maxsplit=2)[:2] == ["ok", "settings"]
    assert any(line.startswith("warning  settings   KEYWRIGHT_RATE_LIMITS=off") for line in lines)
    assert any(line.strip().startswith("→ Set KEYWRIGHT_RATE_LIMITS=on") for line in lines)


def test_it_changes_nothing_where_there_is_nothing_yet(doctor, home):
    report = doctor()
    assert report.code == 0
    assert report.find("There is no database yet")["verdict"] == "warning"
    assert list(home.iterdir()) == []


def test_settings_that_cannot_be_read_are_a_problem(doctor):
    report = doctor(BASE_URL="accounts.example.com")
    assert report.code == 1
    assert report.find("KEYWRIGHT_BASE_URL")["verdict"] == "problem"


@pytest.mark.parametrize(
    ("settings", "verdict", "sentence"),
    [
        ({"REQUIRE_VERIFICATION": "false"}, "warning", "implies KEYWRIGHT_REVEAL_REGISTERED"),
        ({"REVEAL_REGISTERED": "true"}, "warning", "which e-mail addresses have an account"),
        ({"RATE_LIMITS": "off"}, "warning", "KEYWRIGHT_RATE_LIMITS=on"),
        ({}, "warning", "KEYWRIGHT_ENV is not set"),
        ({"BASE_URL": "https://accounts.example.com"}, "problem", "KEYWRIGHT_ENV=production"),
        ({"TRUSTED_PROXIES": "unix,0.0.0.0/0"}, "problem", "anybody can pretend"),
        ({"COOKIE_DOMAIN": "other.test"}, "problem", "KEYWRIGHT_COOKIE_DOMAIN"),
        ({"ALLOWED_ORIGINS": "https://app.example.net"}, "problem", "on another site"),
        ({"ARGON2_TIME_COST": "1"}, "warning", "KEYWRIGHT_ARGON2_MEMORY_KIB=19456"),
        ({"PASSWORD_MIN_SCORE": "0"}, "warning", "KEYWRIGHT_PASSWORD_MIN_SCORE=2"),
        ({"ACCESS_TOKEN_TTL": "7200"}, "warning", "Access tokens live 7200 s"),
        ({"SESSION_MAX_AGE": "3600"}, "warning", "KEYWRIGHT_SESSION_MAX_AGE"),
        ({**PRODUCTION, "BASE_URL": "http://x.example"}, "problem", "by https"),
        ({**PRODUCTION, "SECRET_KEY": "short"}, "problem", "KEYWRIGHT_SECRET_KEY is too short"),
        ({**PRODUCTION, "MAIL_FROM": "no-reply@localhost"}, "problem", "KEYWRIGHT_MAIL_FROM"),
        (PRODUCTION, "warning", "KEYWRIGHT_TRUSTED_PROXIES"),
    ],
)
def test_what_nobody_should_want_is_named(doctor, settings, verdict, sentence):
    report = doctor(**(settings | {"MAIL_URL": "smtp://127.0.0.1:1?tls=none"}))
    assert report.find(sentence)["verdict"] == verdict


def test_a_database_out_of_reach_is_a_problem_and_the_rest_is_looked_at(doctor):
    report = doctor(DATABASE_URL="postgresql://u:hidden@127.0.0.1:1/kw")
    assert report.code == 1
    finding = report.find("Its driver says")
    assert (finding["part"], finding["verdict"]) == ("database", "problem")
    assert report.verdict("mail") == {"ok"}
    assert "hidden" not in str(report.findings)


def test_a_pending_migration_is_a_problem_where_the_server_would_not_start(doctor, postgres_url):
    assert doctor(DATABASE_URL=postgres_url).find("It has no tables yet")["verdict"] == "warning"
    report = doctor(DATABASE_URL=postgres_url, **PRODUCTION)
    assert report.find("It has no tables yet")["verdict"] == "problem"


def test_a_hosts_reference_that_would_block_a_purge_is_named(keywright, doctor, on_database):
    keywright("migrate", **on_database)
    add_host_tables(on_database)
    report = doctor(**on_database)
    finding = report.find("picture")
    assert (finding["part"], finding["verdict"]) == ("references", "warning")
    assert not any("album" in says for says in report.complaints)


def add_host_tables(on_database) -> None:
    if "DATABASE_URL" in on_database:
        run_apart(execute(on_database["DATABASE_URL"], POSTGRES_HOST))
        return
    connection = sqlite3.connect("data/keywright.db")
    connection.executescript(SQLITE_HOST)
    connection.close()


def test_rows_that_point_at_nothing_are_a_problem(keywright, doctor):
    keywright("migrate")
    connection = sqlite3.connect("data/keywright.db")  # foreign keys are off: SQLite's default
    connection.execute("INSERT INTO kw_user_role VALUES (x'00', 'admin', 'manual', 0)")
    connection.commit()
    connection.close()
    report = doctor()
    assert report.code == 1
    assert report.find("rows point at rows that are gone")["part"] == "database"


def test_files_that_others_can_read_are_named(keywright, doctor):
    keywright("key", "rotate")
    Path("data/keywright.db").chmod(0o644)
    Path("data/secret_key").chmod(0o640)
    report = doctor()
    assert report.find("chmod 600 data/secret_key")["verdict"] == "problem"
    assert report.find("password hashes and all")["verdict"] == "warning"


def test_keys_that_no_secret_opens_are_a_problem(keywright, doctor, on_database):
    keywright("key", "rotate", SECRET_KEY="the-first-secret-of-this-server-0123", **on_database)
    report = doctor(SECRET_KEY="a-secret-that-sealed-nothing-at-all", **on_database)
    assert report.code == 1
    assert "KEYWRIGHT_SECRET_KEYS_OLD" in report.find("cannot be opened")["advice"]
    assert doctor(**on_database).find("There is no master secret")["verdict"] == "problem"
    old = doctor(
        SECRET_KEY="a-secret-that-sealed-nothing-at-all",
        SECRET_KEYS_OLD="the-first-secret-of-this-server-0123",
        **on_database,
    )
    assert old.find("keywright key rotate --master")["verdict"] == "warning"


def test_valkey_is_asked_for_an_answer_where_it_is_used(doctor, valkey_url):
    assert doctor(CACHE_URL=valkey_url).verdict("cache") == {"ok"}
    gone = doctor(CACHE_URL=f"redis://u:hidden@127.0.0.1:{free_port()}/0")
    assert (gone.verdict("cache"), gone.code) == ({"warning"}, 0)
    assert "hidden" not in str(gone.findings)
    assert doctor(CACHE_URL="http://cache").verdict("cache") == {"problem"}
    assert doctor().verdict("cache") == set()


class TestMail:
    def test_it_signs_in_and_sends_nothing(self, doctor, smtp):
        report = doctor(MAIL_URL=smtp.url, MAIL_FROM="Example <accounts@example.com>")
        assert report.find("Nothing was sent")["verdict"] == "ok"
        assert (smtp.connections, smtp.mails) == (1, [])

    def test_it_sends_a_test_mail_where_it_is_told_to(self, doctor, smtp):
        report = doctor(
            *("--send-to", "ada@example.com"),
            MAIL_URL=smtp.url,
            MAIL_FROM="Example <accounts@example.com>",
        )
        assert report.find("It took a test mail to ada@example.com")["verdict"] == "ok"
        (mail,) = smtp.mails
        assert (mail.recipient, mail.sender) == ("ada@example.com", "accounts@example.com")
        assert "keywright doctor --send-to" in mail.text()

    def test_a_refused_password_is_a_problem_without_the_password(self, doctor, smtp):
        smtp.refuse("auth", "535 5.7.8 no")
        report = doctor(MAIL_URL=smtp.url)
        assert (report.code, report.verdict("mail")) == (1, {"problem"})
        assert "refuses user or password" in report.find("KEYWRIGHT_MAIL_URL")["says"]

    def test_a_url_that_cannot_be_used_is_a_problem(self, doctor):
        report = doctor(MAIL_URL="http://example.com")
        assert "must begin with smtp://" in report.find("KEYWRIGHT_MAIL_URL")["says"]

    def test_an_address_that_is_none_is_a_problem(self, doctor, smtp):
        report = doctor("--send-to", "ada\nBcc: eve@example.com", MAIL_URL=smtp.url)
        assert (report.code, smtp.mails) == (1, [])

    def test_without_a_server_there_is_nothing_to_send_with(self, doctor):
        assert doctor("--send-to", "ada@example.com").verdict("mail") == {"problem"}
