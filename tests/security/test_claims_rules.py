"""Rules of security.md, "Durability": what the application adds to tokens may be gone. Then there
is a clear answer and nothing is lost, for we sign first and write last.
"""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

import pytest
from parts.house import (
    OTHER_PASSWORD,
    PAGE_COOKIE,
    PASSWORD,
    Browser,
    House,
    Native,
    claims_of,
    expect,
    problem,
)
from parts.watched import COMMIT
from pydantic import BaseModel, field_validator

from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.errors import Forbidden
from keywright.sessions import repository
from keywright.sessions.table import sessions

pytestmark = pytest.mark.anyio
PLAN = "https://example.com/plan"


class Billing:
    """Asked for the plan of everybody who gets a token; may be down, slow, or talk nonsense."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.asked = 0
        self.answer: Any = "pro"
        self.error: Exception | None = None
        self.seconds = 0.0

    async def plan(self, _user: object) -> dict[str, Any]:
        self.asked += 1
        self.house.clock.advance(seconds=self.seconds)
        if self.error is not None:
            raise self.error
        return {PLAN: self.answer}


@pytest.fixture
def billing(house: House) -> Billing:
    billing = Billing(house)
    house.kw.hooks.claims(billing.plan)
    return billing


@pytest.fixture
async def ada(house: House, billing: Billing) -> Native:
    native = await house.native()
    await native.join()
    return native


@pytest.fixture
async def page(house: House, ada: Native) -> Browser:
    browser = await house.browser()
    await browser.sign_in_to_pages()
    return browser


async def recorded(house: House, ada: Native) -> set[str]:
    user_id = UUID(claims_of(ada.access_token)["sub"])
    return {record.event for record in (await audit.list_for_user(house.kw.db, user_id)).items}


async def test_a_refresh_token_is_as_good_as_before_after_a_source_failed(house, billing, ada):
    """As a client should, it tries again with the same token, for longer than the grace lasts."""
    presented, billing.error = ada.refresh_token, ConnectionError("the billing service is down")
    for _ in range(3):
        answer = problem(await ada.refresh(), 503, "claims_unavailable").copy()
        assert "billing" not in str(answer)
        house.clock.advance(seconds=4)
    assert ada.refresh_token == presented
    billing.error = None
    expect(await ada.refresh(), 200)
    assert claims_of(ada.access_token)[PLAN] == "pro"
    assert await house.count(sessions) == 1
    assert AuditEvent.REFRESH_TOKEN_REUSED not in await recorded(house, ada)


async def test_likewise_after_an_answer_that_no_token_can_carry(house, billing, ada):
    billing.answer = object()
    problem(await ada.refresh(), 500, "internal_error")
    house.clock.advance(seconds=11)
    billing.answer = "free"
    expect(await ada.refresh(), 200)
    assert claims_of(ada.access_token)[PLAN] == "free"


async def test_a_refusal_of_the_applications_own_is_answered_as_such(house, billing, ada):
    billing.error = Forbidden("Your company left.")
    assert problem(await ada.refresh(), 403, "forbidden")["detail"] == "Your company left."
    house.clock.advance(seconds=11)
    billing.error = None
    expect(await ada.refresh(), 200)


async def test_the_log_names_the_source_that_failed(house, billing, ada, caplog):
    billing.error = ConnectionError("the billing service is down")
    with caplog.at_level(logging.ERROR):
        problem(await ada.refresh(), 503, "claims_unavailable")
    assert "Billing.plan" in caplog.text
    assert "the billing service is down" in caplog.text


async def test_a_page_stays_signed_in_after_a_source_failed(house, billing, page):
    """Proving oneself again replaces the page's cookie, which an answer must bring."""
    house.clock.advance(minutes=11)
    billing.error = ConnectionError("the billing service is down")
    proving = {"json": {"password": PASSWORD}}
    answer = await page.post("/auth/reauthenticate", **proving)
    problem(answer, 503, "claims_unavailable")
    assert "set-cookie" not in answer.headers
    expect(await page.get("/auth/me"), 200)
    problem(await page.http.get("/host/fresh"), 401, "reauthentication_required")
    billing.error = None
    assert PAGE_COOKIE in expect(await page.post("/auth/reauthenticate", **proving), 200).cookies
    expect(await page.http.get("/host/fresh"), 200)


async def test_a_sign_in_that_failed_at_a_source_leaves_no_session(house, billing, ada):
    billing.error = ConnectionError("the billing service is down")
    problem(await ada.login(), 503, "claims_unavailable")
    assert await house.count(sessions) == 1
    billing.error = None
    expect(await ada.login(), 200)


async def test_no_source_keeps_a_reused_token_from_ending_its_family(house, billing, ada):
    presented = ada.refresh_token
    expect(await ada.refresh(), 200)
    expect(await ada.refresh(), 200)
    ada.refresh_token, asked = presented, billing.asked
    billing.error = ConnectionError("the billing service is down")
    problem(await ada.refresh(), 401, "session_ended")
    assert billing.asked == asked
    assert await house.count(sessions) == 0


async def test_the_time_that_a_source_takes_makes_nobody_a_thief(house, billing, ada):
    """Two tabs with one token: the second is judged by when it came, and asks in its grace."""
    presented = ada.refresh_token
    expect(await ada.refresh(), 200)
    successor, ada.refresh_token = ada.refresh_token, presented
    house.clock.advance(seconds=5)
    billing.seconds = 8
    expect(await ada.refresh(), 200)
    assert ada.refresh_token == successor


async def test_the_grace_begins_when_the_token_was_used_and_not_when_it_came(house, billing, ada):
    """Else an answer that a slow source held back, and that was lost, ends the session."""
    presented, billing.seconds = ada.refresh_token, 8
    expect(await ada.refresh(), 200)
    ada.refresh_token, billing.seconds = presented, 0
    house.clock.advance(seconds=9)
    expect(await ada.refresh(), 200)


async def test_a_session_that_ends_while_a_source_is_asked_stays_ended(house, billing, ada):
    other = await (await house.native()).sign_in()
    ask = billing.plan

    async def plan(user: object) -> dict[str, Any]:
        expect(await other.call("DELETE", "/auth/sessions"), 200)
        return await ask(user)

    house.kw.hooks.claims(plan)
    problem(await ada.refresh(), 401, "session_ended")


async def test_what_is_asked_of_the_database_for_a_refresh(house, visitor):
    """One statement; where the application has a say one more, before it is asked."""
    await visitor.join()
    house.db.steps.clear()
    expect(await visitor.refresh(), 200)
    assert house.db.steps == [repository.ROTATE]
    house.kw.hooks.claims(Billing(house).plan)
    house.db.steps.clear()
    expect(await visitor.refresh(), 200)
    assert house.db.steps == [repository.REFRESHABLE, repository.ROTATE]
    assert COMMIT not in house.db.steps


class Moody(BaseModel):
    company: str = ""

    @field_validator("company")
    @classmethod
    def look_up(cls, company: str) -> str:
        return COMPANIES[company]


COMPANIES = {"": ""}


@pytest.mark.settings(profile=Moody)
async def test_a_profile_that_cannot_be_read_costs_no_session_either(house, monkeypatch):
    native = await house.native()
    await native.join()
    monkeypatch.setitem(COMPANIES, "x", "x")
    expect(await native.call("PATCH", "/users/me", json={"profile": {"company": "x"}}), 200)
    monkeypatch.delitem(COMPANIES, "x")
    problem(await native.refresh(), 500, "internal_error")
    house.clock.advance(seconds=11)
    monkeypatch.setitem(COMPANIES, "x", "x")
    expect(await native.refresh(), 200)


async def test_a_wrong_password_asks_no_source(house, billing, ada):
    asked = billing.asked
    problem(await ada.reauthenticate(OTHER_PASSWORD), 401, "invalid_credentials")
    assert billing.asked == asked
