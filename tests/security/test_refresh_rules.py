"""Rules of security.md, "Tokens, sessions, grants": refresh families."""

from __future__ import annotations

import base64

import pytest
import sqlalchemy as sa
from parts.house import (
    ELSEWHERE,
    SECRET_KEY,
    House,
    Native,
    expect,
    problem,
)

from keywright.audit import service as audit
from keywright.audit.models import AuditEvent, Outcome
from keywright.core.crypto import MasterSecrets
from keywright.core.db import Statement
from keywright.sessions.models import Session
from keywright.sessions.refresh_token import (
    BODY,
    PREFIX,
    SALT_BYTES,
    RefreshToken,
    read_refresh_token,
    write_refresh_token,
)
from keywright.sessions.table import sessions

pytestmark = pytest.mark.anyio
EVERY_SESSION = Statement(sa.select(*(sessions.c[n] for n in Session.__struct_fields__)), Session)
SET_GENERATION = Statement(
    sa.update(sessions).values(refresh_generation=sa.bindparam("generation"))
)


@pytest.fixture
async def ada(house: House) -> Native:
    native = await house.native()
    await native.join()
    return native


async def only_session(house: House) -> Session:
    (session,) = await house.db.many(EVERY_SESSION)
    return session


def secrets_of(house: House) -> MasterSecrets:
    return house.kw.secrets


def parts_of(house: House, token: str | None) -> RefreshToken:
    parts = read_refresh_token(secrets_of(house), token or "")
    assert parts is not None
    return parts


def flipped(token: str, place: int) -> str:
    raw = bytearray(base64.urlsafe_b64decode(token.removeprefix(PREFIX) + "=="))
    raw[place] ^= 1
    return PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def test_a_token_with_a_wrong_mac_touches_nothing(house, ada):
    """Version, key generation, family, generation, salt, and the MAC itself."""
    good, before = ada.refresh_token, await only_session(house)
    for place in (0, 1, 5, 21, 24, 25, BODY.size, BODY.size + 31):
        ada.refresh_token = flipped(good, place)
        problem(await ada.refresh(), 401, "session_ended")
    assert await only_session(house) == before
    ada.refresh_token = good
    expect(await ada.refresh(), 200)


async def test_a_token_written_under_another_master_secret_is_refused(house, ada):
    theirs = MasterSecrets("a master secret that somebody else made up")
    ada.refresh_token = write_refresh_token(theirs, parts_of(house, ada.refresh_token))
    problem(await ada.refresh(), 401, "session_ended")


async def test_the_master_secret_alone_makes_no_refresh_token(house, ada):
    """The family's salt is its own, and no log or database key tells it."""
    session = await only_session(house)
    forged = RefreshToken(session.id, session.refresh_generation, bytes(SALT_BYTES))
    ada.refresh_token = write_refresh_token(MasterSecrets(SECRET_KEY), forged)
    problem(await ada.refresh(), 401, "session_ended")
    assert (await only_session(house)).refresh_generation == session.refresh_generation


async def test_a_reused_refresh_token_ends_the_family(house, ada):
    old = ada.refresh_token
    await ada.refresh()
    await ada.refresh()
    current, ada.refresh_token = ada.refresh_token, old
    problem(await ada.refresh(), 401, "session_ended")
    ada.refresh_token = current
    problem(await ada.refresh(), 401, "session_ended")
    problem(await ada.me(), 401, "session_ended")


async def test_reuse_is_audited(house, ada):
    session, old = await only_session(house), ada.refresh_token
    await ada.refresh()
    await ada.refresh()
    thief = await house.native(ELSEWHERE)
    thief.refresh_token = old
    await thief.refresh()
    page = await audit.list_for_user(house.kw.db, session.user_id)
    (reuse,) = [one for one in page.items if one.event == AuditEvent.REFRESH_TOKEN_REUSED]
    assert (reuse.outcome, reuse.session_id) == (Outcome.DENIED, session.id)
    assert (reuse.ip, reuse.actor_id) == (ELSEWHERE, None)


async def test_within_ten_seconds_the_same_token_gets_the_same_successor(house, ada):
    """Two tabs, or an answer that was lost: network and user agent don't count."""
    presented = ada.refresh_token
    await ada.refresh()
    successor = ada.refresh_token
    house.clock.advance(seconds=10)
    elsewhere = await house.native(ELSEWHERE, **{"User-Agent": "another tab"})
    elsewhere.refresh_token = presented
    expect(await elsewhere.refresh(), 200)
    assert elsewhere.refresh_token == successor
    expect(await ada.refresh(), 200)


async def test_after_ten_seconds_one_behind_ends_the_family(house, ada):
    presented = ada.refresh_token
    await ada.refresh()
    house.clock.advance(seconds=10.001)
    ada.refresh_token = presented
    problem(await ada.refresh(), 401, "session_ended")
    assert await house.count(sessions) == 0


async def test_two_behind_ends_the_family_at_once(house, ada):
    presented = ada.refresh_token
    await ada.refresh()
    await ada.refresh()
    ada.refresh_token = presented
    problem(await ada.refresh(), 401, "session_ended")
    assert await house.count(sessions) == 0


async def test_the_grace_does_not_last_longer_by_being_used(house, ada):
    presented = ada.refresh_token
    await ada.refresh()
    for _ in range(2):
        house.clock.advance(seconds=5)
        ada.refresh_token = presented
        expect(await ada.refresh(), 200)
    house.clock.advance(seconds=5)
    ada.refresh_token = presented
    problem(await ada.refresh(), 401, "session_ended")


async def test_a_restored_database_catches_up(house, ada):
    """The client is ahead of a backup: its token is right, so the family follows it."""
    for _ in range(3):
        await ada.refresh()
    await house.db.run(SET_GENERATION, generation=1)
    expect(await ada.refresh(), 200)
    assert (await only_session(house)).refresh_generation == 5
    expect(await ada.refresh(), 200)


@pytest.mark.settings(refresh_token_ttl=3600)
async def test_a_session_ends_when_it_is_not_used(house, ada):
    house.clock.advance(seconds=3599)
    expect(await ada.refresh(), 200)
    house.clock.advance(seconds=3600)
    problem(await ada.refresh(), 401, "session_ended")


@pytest.mark.settings(refresh_token_ttl=3600, session_max_age=7200)
async def test_a_session_ends_however_much_it_is_used(house, ada):
    for _ in range(3):
        house.clock.advance(seconds=2399)
        expect(await ada.refresh(), 200)
    house.clock.advance(seconds=3)
    problem(await ada.refresh(), 401, "session_ended")


@pytest.mark.settings(refresh_token_ttl=3600, session_max_age=7200)
async def test_a_page_session_ends_likewise(house, ada):
    page = await house.browser()
    await page.sign_in_to_pages()
    for _ in range(3):
        house.clock.advance(seconds=2399)
        expect(await page.get("/auth/me"), 200)
    house.clock.advance(seconds=3)
    problem(await page.get("/auth/me"), 401, "not_authenticated")
    await page.sign_in_to_pages()
    house.clock.advance(seconds=3600)
    problem(await page.get("/auth/me"), 401, "not_authenticated")
