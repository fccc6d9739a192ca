from __future__ import annotations

import hashlib
import time

import pytest
from parts.pwned_passwords import pwned_passwords

from keywright.accounts.passwords.breaches import BreachedPasswords
from keywright.accounts.passwords.errors import BreachedPassword

pytestmark = pytest.mark.anyio
STOLEN = "correct horse battery"


@pytest.fixture
def service():
    with pwned_passwords() as service:
        service.breached = {STOLEN: 1234, "correct horse padding": 0}
        yield service


@pytest.fixture
async def breaches(service):
    breaches = BreachedPasswords(service.address, timeout=0.2)
    yield breaches
    await breaches.close()


async def test_a_stolen_password_is_counted(breaches):
    assert await breaches.count(STOLEN) == 1234


async def test_a_password_that_nobody_stole_passes(breaches):
    await breaches.refuse_breached("incorrect donkey battery")


async def test_padding_is_no_breach(breaches):
    await breaches.refuse_breached("correct horse padding")


async def test_the_refusal_names_the_field(breaches):
    with pytest.raises(BreachedPassword) as caught:
        await breaches.refuse_breached(STOLEN, field="new_password")
    assert caught.value.status == 422
    assert [error.field for error in caught.value.errors] == ["new_password"]


async def test_only_five_characters_of_the_digest_leave_the_server(breaches, service):
    await breaches.refuse_breached("incorrect donkey battery")
    [(path, headers)] = service.asked
    digest = hashlib.sha1(b"incorrect donkey battery").hexdigest().upper()
    assert path == f"/range/{digest[:5]}"
    assert headers["Add-Padding"] == "true"
    assert digest[5:] not in str(headers)


@pytest.mark.parametrize(
    ("status", "body"), [(503, None), (302, None), (200, "<html>sign in to the wi-fi</html>")]
)
async def test_an_answer_that_makes_no_sense_lets_the_password_pass(
    breaches, service, caplog, status, body
):
    service.status, service.body = status, body
    await breaches.refuse_breached(STOLEN)
    assert "breach_check_unavailable" in caplog.text
    assert STOLEN not in caplog.text


async def test_no_answer_lets_the_password_pass_soon(breaches, service, caplog):
    service.answering.clear()
    began = time.monotonic()
    await breaches.refuse_breached(STOLEN)
    assert time.monotonic() - began < 1
    assert "breach_check_unavailable" in caplog.text
