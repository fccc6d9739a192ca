from __future__ import annotations

from uuid import uuid4

import pytest

ADA = "ada@example.com"
REFUSAL = "550 5.1.1 no such mailbox"


@pytest.fixture
def refused(keywright, on_database, serve, smtp):
    """A server that runs, and one mail that the mail server did not take."""
    settings = {**on_database, "MAIL_URL": smtp.url, "MAIL_FROM": "accounts@example.com"}
    smtp.refuse("rcpt", REFUSAL)
    assert keywright("user", "create", "--email", ADA, **on_database).code == 0
    with serve(settings) as server:
        server.wait_until(lambda: listed(keywright, on_database), "nothing was given up")
        yield


def listed(keywright, settings) -> list[dict]:
    return keywright("outbox", "list", "--json", **settings).json()


def test_what_was_given_up_is_listed_with_its_reason(keywright, on_database, refused):
    (message,) = listed(keywright, on_database)
    assert "5.1.1" in message["last_error"]
    table = keywright("outbox", "list", **on_database).out
    assert message["id"] in table
    assert ADA not in table
    assert "1 messages were given up" in keywright("doctor", **on_database).out


def test_a_retried_message_is_delivered(keywright, on_database, refused, smtp):
    smtp.behave()
    (message,) = listed(keywright, on_database)
    answer = keywright("outbox", "retry", message["id"], **on_database)
    assert answer.code == 0, answer.err
    (mail,) = smtp.wait_for(1)
    assert mail.recipient == ADA
    assert keywright("outbox", "list", **on_database).out == "No message was given up.\n"


def test_what_was_not_given_up_cannot_be_retried(keywright):
    answer = keywright("outbox", "retry", str(uuid4()))
    assert answer.code == 1
    assert "No message with this id was given up." in answer.err
