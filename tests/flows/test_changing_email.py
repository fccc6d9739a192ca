"""A person gives their account another e-mail address, and takes it back."""

from __future__ import annotations

from uuid import UUID

import pytest
from parts.email_changes import (
    NEW,
    NEWER,
    ask,
    change,
    confirm,
    confirmation_for,
    mail_with,
    undo,
    way_back_to,
)
from parts.house import ADA, EVE, HOME, OTHER_PASSWORD, PASSWORD, expect, problem

from keywright.accounts.link_tokens.table import link_tokens
from keywright.accounts.registrations.table import registrations
from keywright.accounts.users.table import reserved_addresses
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.events import UserEmailChanged, UserUpdated, UserVerified

pytestmark = pytest.mark.anyio


async def test_the_new_address_is_confirmed_by_its_link_and_signs_in(house, visitor):
    await visitor.join()
    assert expect(await ask(visitor), 202).json() == {"status": "confirmation_sent"}
    assert expect(await visitor.me(), 200).json()["email"] == ADA
    mail = await mail_with(house, NEW, "token=")
    assert f"https://accounts.example.com/confirm-email-change?token={mail.token}" in mail.text
    answer = expect(await confirm(visitor, mail.token), 200).json()
    assert answer == {"status": "email_changed", "email": NEW}
    me = expect(await visitor.me(), 200).json()
    assert (me["email"], me["email_verified"]) == (NEW, True)
    problem(await visitor.login(ADA), 401, "invalid_credentials")
    expect(await visitor.login(NEW), 200)


async def test_somebody_who_is_not_signed_in_may_confirm_with_the_link_alone(house, visitor):
    await visitor.join()
    expect(await ask(visitor), 202)
    elsewhere = await house.browser()
    expect(await confirm(elsewhere, await confirmation_for(house)), 200)
    assert expect(await visitor.me(), 200).json()["email"] == NEW


async def test_the_way_back_restores_the_address_and_leads_to_a_new_password(house, visitor):
    await visitor.join()
    await change(house, visitor)
    mail = await mail_with(house, ADA, "/undo-email-change?")
    assert NEW in mail.text
    assert HOME in mail.text
    answer = expect(await undo(visitor, mail.token), 200).json()
    assert (answer["status"], answer["email"], answer["expires_in"]) == (
        "email_restored",
        ADA,
        3600,
    )
    house.clock.advance(seconds=1)
    for email in (ADA, NEW):
        problem(await visitor.login(email), 401, "invalid_credentials")
    expect(await visitor.reset(answer["reset_token"]), 200)
    assert expect(await visitor.login(ADA, OTHER_PASSWORD), 200).json()["user"]["email"] == ADA


async def test_who_lost_the_answer_to_the_undoing_is_mailed_a_reset(house, visitor):
    await visitor.join()
    await change(house, visitor)
    expect(await undo(visitor, await way_back_to(house)), 200)
    expect(await visitor.forgot(), 202)
    expect(await visitor.reset((await mail_with(house, ADA, "/reset-password?")).token), 200)


async def test_the_way_back_works_for_72_hours(house, visitor):
    await visitor.join()
    await change(house, visitor)
    house.clock.advance(hours=71, minutes=59)
    expect(await undo(visitor, await way_back_to(house)), 200)


async def test_the_way_back_ends_after_72_hours_and_the_address_is_free(house, visitor):
    await visitor.join()
    await change(house, visitor)
    token = await way_back_to(house)
    house.clock.advance(hours=72)
    problem(await undo(visitor, token), 400, "invalid_link")
    eve = await house.native()
    await eve.join(ADA, OTHER_PASSWORD)
    assert expect(await eve.me(), 200).json()["email"] == ADA


async def test_a_confirmation_works_for_a_day(house, visitor):
    await visitor.join()
    expect(await ask(visitor), 202)
    token = await confirmation_for(house)
    house.clock.advance(hours=24)
    problem(await confirm(visitor, token), 400, "invalid_link")


async def test_of_several_requests_the_last_one_counts(house, visitor):
    await visitor.join()
    expect(await ask(visitor, NEW), 202)
    first = await confirmation_for(house)
    expect(await ask(visitor, NEWER), 202)
    problem(await confirm(visitor, first), 400, "invalid_link")
    expect(await confirm(visitor, await confirmation_for(house, NEWER)), 200)


async def test_a_request_that_was_replaced_before_its_mail_went_out_is_not_mailed(house, visitor):
    await visitor.join()
    expect(await ask(visitor, NEW), 202)
    expect(await ask(visitor, NEWER), 202)
    assert await house.outbox.mails(NEW) == []
    assert len(await house.outbox.mails(NEWER)) == 1


async def test_ones_own_address_is_no_change_and_another_spelling_of_it_is(house, visitor):
    await visitor.join()
    answer = problem(await ask(visitor, ADA), 422, "same_email")
    assert [one["field"] for one in answer["errors"]] == ["new_email"]
    await change(house, visitor, "Ada@example.com")
    assert expect(await visitor.me(), 200).json()["email"] == "Ada@example.com"
    expect(await undo(visitor, await way_back_to(house)), 200)


async def test_what_is_no_address_is_refused_at_its_field(house, visitor):
    await visitor.join()
    answer = problem(await ask(visitor, "nonsense"), 422, "invalid_email")
    assert [one["field"] for one in answer["errors"]] == ["new_email"]


@pytest.mark.settings(reveal_registered=True)
async def test_where_the_settings_tell_a_taken_address_is_refused(house, visitor):
    eve = await house.native()
    await eve.join(EVE)
    await visitor.join()
    problem(await ask(visitor, EVE), 409, "email_taken")
    await change(house, eve, NEWER)
    problem(await ask(visitor, EVE), 409, "email_taken")
    problem(await (await house.native()).register(EVE), 409, "email_taken")
    expect(await ask(eve, EVE), 202)


async def test_who_took_the_address_meanwhile_keeps_it_and_nothing_is_lost(house, visitor):
    await visitor.join()
    expect(await ask(visitor), 202)
    token = await confirmation_for(house)
    other = await house.native()
    await other.join(NEW, OTHER_PASSWORD)
    answer = problem(await confirm(visitor, token), 409, "email_taken")
    assert "keeps the one it had" in answer["detail"]
    assert expect(await visitor.me(), 200).json()["email"] == ADA
    await change(house, other, NEWER)
    house.clock.advance(hours=23)
    problem(await confirm(visitor, token), 409, "email_taken")


async def test_sign_ups_that_waited_for_the_address_are_dropped(house, visitor):
    await visitor.join()
    stranger = await house.native()
    expect(await stranger.register(NEW, OTHER_PASSWORD), 202)
    link = (await house.outbox.last(NEW)).token
    await change(house, visitor)
    assert await house.count(registrations) == 0
    problem(await stranger.verify(link), 400, "invalid_link")


async def test_who_signs_up_at_an_address_that_is_kept_is_told_by_mail(house, visitor):
    await visitor.join()
    await change(house, visitor)
    stranger = await house.browser()
    expect(await stranger.register(ADA, OTHER_PASSWORD), 202)
    told = await house.outbox.last(ADA)
    assert "is kept for your account" in told.subject
    assert "token=" not in told.text
    before = len(await house.outbox.mails(ADA))
    expect(await stranger.forgot(ADA), 202)
    assert len(await house.outbox.mails(ADA)) == before + 1


async def test_who_changed_to_a_kept_address_of_somebody_else_gets_no_link(house, visitor):
    await visitor.join()
    await change(house, visitor)
    eve = await house.native()
    await eve.join(EVE, OTHER_PASSWORD)
    expect(await ask(eve, ADA), 202)
    assert "is kept for your account" in (await house.outbox.last(ADA)).subject
    assert expect(await eve.me(), 200).json()["email"] == EVE


async def test_a_person_comes_back_to_their_own_address_at_any_time(house, visitor):
    await visitor.join()
    await change(house, visitor, NEW)
    first = await way_back_to(house, ADA)
    await change(house, visitor, ADA)
    assert expect(await visitor.me(), 200).json()["email"] == ADA
    await change(house, visitor, NEWER)
    expect(await undo(visitor, first), 200)
    assert await house.count(reserved_addresses) == 0


async def test_hooks_hear_of_the_change_and_of_its_undoing(house, visitor):
    heard = []
    for event in (UserEmailChanged, UserUpdated, UserVerified):
        house.kw.hooks.on(event)(make_hook(heard))
    await visitor.join()
    heard.clear()
    await change(house, visitor)
    assert [type(one) for one in heard] == [UserEmailChanged, UserUpdated]
    assert (heard[0].email, heard[0].previous_email, heard[1].fields) == (NEW, ADA, ("email",))
    heard.clear()
    expect(await undo(visitor, await way_back_to(house)), 200)
    assert (heard[0].email, heard[0].previous_email) == (ADA, NEW)


def make_hook(heard):
    async def hook(event, tx):
        heard.append(event)

    return hook


async def test_what_happened_stands_in_the_record(house, visitor):
    await visitor.join()
    user_id = UUID(expect(await visitor.me(), 200).json()["id"])
    await change(house, visitor)
    expect(await undo(visitor, await way_back_to(house)), 200)
    page = await audit.list_for_user(house.kw.db, user_id)
    events = {item.event for item in page.items}
    assert events >= {
        AuditEvent.EMAIL_CHANGE_REQUESTED,
        AuditEvent.EMAIL_CHANGED,
        AuditEvent.EMAIL_CHANGE_UNDONE,
    }
    assert not any("@" in str(item.details) for item in page.items)


async def test_what_is_over_is_swept(house, visitor):
    await visitor.join()
    await change(house, visitor)
    work = house.under_test.keywright.parts.runner._periodic
    (sweep,) = [one.run for one in work if one.name == "sweep"]
    await sweep()
    assert await house.count(reserved_addresses) == 1
    house.clock.advance(hours=72)
    await sweep()
    assert await house.count(reserved_addresses) == 0
    assert await house.count(link_tokens) == 0


@pytest.mark.settings(require_verification=False)
async def test_an_unproven_account_proves_its_new_address_instead(house):
    """Whoever mistyped theirs; nobody gets a way back to an address that nobody proved."""
    ada = await house.browser()
    expect(await ada.register(), 201)
    expect(await ask(ada), 202)
    token = await confirmation_for(house)
    body = {"token": token}
    expect(await ada.call("POST", "/auth/confirm-email-change", json=body), 200)
    assert expect(await ada.me(), 200).json()["email_verified"] is True
    assert not [m for m in await house.outbox.mails(ADA) if "undo" in m.text or "asked" in m.text]
    assert await house.count(reserved_addresses) == 0
    expect(await ada.login(NEW, PASSWORD), 200)
