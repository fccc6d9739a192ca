"""Rules of security.md, "Abuse": what an `Idempotency-Key` promises, and what is kept of it."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from parts.house import ADA, EVE, PASSWORD, House, Visitor, expect, problem

from keywright.core import idempotency
from keywright.core.db import Statement
from keywright.core.idempotency import Call, Claim
from keywright.core.idempotency.errors import StillRunning
from keywright.core.idempotency.service import AT_WORK, KEPT
from keywright.core.idempotency.table import idempotency_keys
from keywright.flows.administer_users import NewUser, create_user, delete_user
from keywright.flows.administrators import Actor

pytestmark = pytest.mark.anyio
NEW = "new@example.com"
BODY = {"email": NEW, "password": "quiet harbour lantern 42"}
KEY = "2f1c1f3e-5a51-4c8f-9d0a-0d1a8d2b7c11"


class Row(msgspec.Struct, frozen=True):
    key: bytes
    request: bytes
    holder: UUID
    status: int | None
    resource_id: UUID | None


STORED = Statement(
    sa.select(*(idempotency_keys.c[name] for name in Row.__struct_fields__)), row=Row
)


@pytest.fixture
async def admin(house: House) -> Visitor:
    return await administrator(house, ADA)


async def administrator(house: House, email: str) -> Visitor:
    await create_user(house.kw, NewUser(email, password=PASSWORD, roles=("admin",)), Actor())
    return await (await house.native()).sign_in(email)


async def post(admin: Visitor, key: str = KEY, **changes: Any) -> httpx.Response:
    return await admin.call(
        "POST", "/users", json={**BODY, **changes}, headers={"Idempotency-Key": key}
    )


async def test_the_same_call_again_makes_nothing_and_answers_alike(house, admin):
    first = expect(await post(admin), 201)
    again = expect(await post(admin), 201)
    assert again.json() == first.json()
    problem(await post(admin, key="another"), 409, "email_taken")


async def test_racing_calls_with_one_key_make_one_account(admin):
    answers = await asyncio.gather(*(post(admin) for _ in range(8)))
    made = {one.json()["id"] for one in answers if one.status_code == 201}
    others = {one.json()["code"] for one in answers if one.status_code != 201}
    assert len(made) == 1
    assert others <= {"idempotency_key_in_use"}


async def test_a_key_with_another_body_is_refused(admin):
    expect(await post(admin), 201)
    problem(await post(admin, email="other@example.com"), 422, "idempotency_key_reused")
    problem(await post(admin, password="Quiet harbour lantern 42"), 422, "idempotency_key_reused")


async def test_a_call_that_is_still_at_work_is_not_begun_again(house):
    call = Call(UUID(int=1), "POST", "/users", KEY, b"{}")
    kw = house.kw
    first = await idempotency.begin(kw.db, kw.secrets, call, kw.clock.now())
    with pytest.raises(StillRunning):
        await idempotency.begin(kw.db, kw.secrets, call, kw.clock.now())
    house.clock.advance(seconds=AT_WORK.total_seconds())
    second = await idempotency.begin(kw.db, kw.secrets, call, kw.clock.now())
    assert isinstance(second, Claim)
    with pytest.raises(StillRunning):  # it was taken for dead: its work is undone with this
        await finish(house, first)
    await finish(house, second)


async def finish(house: House, claim: Any) -> None:
    async with house.kw.db.transaction() as tx:
        await idempotency.finish(
            tx, claim, status=201, resource_id=UUID(int=7), now=house.kw.clock.now()
        )


async def test_a_key_is_one_persons_own(house, admin):
    eve = await administrator(house, EVE)
    expect(await post(admin), 201)
    problem(await post(eve), 409, "email_taken")


async def test_a_key_without_a_session_is_not_looked_at(house):
    expect(await post(await house.native()), 401)
    assert await house.kw.db.many(STORED) == []


async def test_what_failed_may_be_tried_again_with_its_key(house, admin):
    other = await create_user(house.kw, NewUser(NEW), Actor())
    problem(await post(admin), 409, "email_taken")
    weak = await post(admin, key="weak", email="weak@example.com", password="password")
    problem(weak, 422, "weak_password")
    assert await house.kw.db.many(STORED) == []
    await delete_user(house.kw, other.id, Actor())
    expect(await post(admin), 201)


async def test_a_key_is_kept_for_24_hours(house, admin):
    made = expect(await post(admin), 201).json()["id"]
    house.clock.advance(seconds=KEPT.total_seconds() - 60)
    await admin.sign_in(ADA)
    assert expect(await post(admin), 201).json()["id"] == made
    house.clock.advance(seconds=60)
    problem(await post(admin), 409, "email_taken")
    assert timedelta(hours=24) == KEPT


async def test_a_key_that_is_over_is_swept(house, admin):
    expect(await post(admin), 201)
    assert await idempotency.sweep(house.kw.db, house.kw.clock.now()) == 0
    house.clock.advance(hours=24)
    assert await idempotency.sweep(house.kw.db, house.kw.clock.now()) == 1


async def test_of_a_call_a_mac_its_status_and_an_id_are_kept(house, admin):
    answer = expect(await post(admin), 201)
    (row,) = await house.kw.db.many(STORED)
    assert (row.status, row.resource_id) == (201, UUID(answer.json()["id"]))
    body = answer.request.content
    for kept in (row.key, row.request):
        assert KEY.encode() not in kept
        assert NEW.encode() not in kept
        assert hashlib.sha256(body).digest() not in kept  # its password could be guessed


async def test_an_account_that_is_gone_is_not_made_again(house, admin):
    made = expect(await post(admin), 201).json()["id"]
    await delete_user(house.kw, UUID(made), Actor())
    problem(await post(admin), 404, "user_not_found")


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "\u00e4"])
async def test_a_key_that_is_none_is_refused(admin, key):
    problem(await post(admin, key=key.encode()), 422, "invalid_input")
