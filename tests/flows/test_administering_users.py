"""An administrator makes accounts, disables them and hands out roles."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from parts.house import ADA, EVE, OTHER_PASSWORD, PASSWORD, House, expect, problem

from keywright import UserCreated, UserDisabled, UserUpdated, UserVerified
from keywright.accounts.passwords.errors import WeakPassword
from keywright.accounts.users import service as users
from keywright.accounts.users.addresses import InvalidEmail
from keywright.accounts.users.errors import (
    EmailTaken,
    LastAdministrator,
    UnknownRole,
    UsernameTaken,
    UserNotFound,
)
from keywright.audit import service as audit
from keywright.core.errors import InvalidInput
from keywright.flows.administer_roles import grant_role, revoke_role
from keywright.flows.administer_users import (
    NewUser,
    create_reset_token,
    create_user,
    disable_user,
    enable_user,
)
from keywright.flows.administrators import Actor

pytestmark = pytest.mark.anyio
NOBODY = Actor()


async def make(house: House, email: str = ADA, **fields):
    return await create_user(house.kw, NewUser(email, **fields), NOBODY)


async def test_an_account_with_a_password_signs_in_at_once(house, visitor):
    user = await make(house, password=PASSWORD, name="Ada", username="ada", roles=("moderator",))
    assert (user.email_verified, user.roles) == (True, ("moderator",))
    answer = expect(await visitor.login(ADA, PASSWORD), 200).json()
    assert answer["user"]["name"] == "Ada"
    assert await house.outbox.mails() == []


async def test_without_a_password_its_owner_is_mailed_a_link_to_choose_one(house, visitor):
    await make(house)
    problem(await visitor.login(ADA, PASSWORD), 401, "invalid_credentials")
    mail = await house.outbox.last(ADA)
    expect(await visitor.reset(mail.token, OTHER_PASSWORD), 200)
    expect(await visitor.login(ADA, OTHER_PASSWORD), 200)


async def test_the_link_may_also_be_made_for_showing(house, visitor):
    user = await make(house)
    token = await create_reset_token(house.kw, user.id)
    expect(await visitor.reset(token, OTHER_PASSWORD), 200)


async def test_sign_ups_that_waited_at_its_address_are_dropped(house, visitor):
    expect(await visitor.register(ADA), 202)
    link = (await house.outbox.last(ADA)).token
    await make(house, password=OTHER_PASSWORD)
    problem(await visitor.verify(link), 400, "invalid_link")
    problem(await visitor.login(ADA, PASSWORD), 401, "invalid_credentials")


async def test_what_is_taken_unknown_or_weak_makes_no_account(house):
    await make(house, username="ada")
    with pytest.raises(EmailTaken, match=r"ADA@example\.com"):
        await make(house, "ADA@example.com")
    with pytest.raises(UsernameTaken):
        await make(house, EVE, username="Ada")
    with pytest.raises(UnknownRole, match="user, moderator, admin"):
        await make(house, EVE, roles=("king",))
    with pytest.raises(InvalidEmail):
        await make(house, "eve")
    with pytest.raises(InvalidInput, match="200 characters"):
        await make(house, EVE, name="e" * 201)
    with pytest.raises(WeakPassword):
        await make(house, EVE, password="password1")
    assert await users.find_by_email(house.kw.db, EVE) is None


async def test_of_racing_creations_of_one_address_one_succeeds(house):
    made = await asyncio.gather(*(make(house) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(each, EmailTaken) for each in made) == 4


async def test_a_disabled_account_is_out_at_once_and_stays_out(house, visitor):
    await visitor.join()
    expect(await visitor.forgot(), 202)
    link = (await house.outbox.last(ADA)).token
    ada = await users.find_by_email(house.kw.db, ADA)
    assert await disable_user(house.kw, ada.id, NOBODY)
    problem(await visitor.me(), 401, "session_ended")
    problem(await visitor.refresh(), 401, "session_ended")
    problem(await visitor.login(), 401, "invalid_credentials")
    problem(await visitor.reset(link), 400, "invalid_link")
    assert not await disable_user(house.kw, ada.id, NOBODY)


async def test_an_enabled_account_signs_in_again_and_old_tokens_stay_dead(house, visitor):
    await visitor.join()
    ada = await users.find_by_email(house.kw.db, ADA)
    await disable_user(house.kw, ada.id, NOBODY)
    assert await enable_user(house.kw, ada.id, NOBODY)
    problem(await visitor.me(), 401, "session_ended")
    problem(await visitor.refresh(), 401, "session_ended")
    house.clock.advance(seconds=1)
    await visitor.sign_in()
    expect(await visitor.me(), 200)
    assert not await enable_user(house.kw, ada.id, NOBODY)


async def test_a_role_counts_from_the_next_request_on(house, visitor):
    await visitor.join()
    ada = await users.find_by_email(house.kw.db, ADA)
    expect(await visitor.me(), 200)
    assert await grant_role(house.kw, ada.id, "moderator", NOBODY)
    assert expect(await visitor.me(), 200).json()["roles"] == ["moderator"]
    assert not await grant_role(house.kw, ada.id, "moderator", NOBODY)
    assert await revoke_role(house.kw, ada.id, "moderator", NOBODY)
    assert expect(await visitor.me(), 200).json()["roles"] == []
    assert not await revoke_role(house.kw, ada.id, "moderator", NOBODY)


async def test_the_role_that_everybody_holds_is_neither_given_nor_taken(house):
    ada = await make(house)
    assert not await grant_role(house.kw, ada.id, "user", NOBODY)
    with pytest.raises(InvalidInput, match="Everybody has the role user"):
        await revoke_role(house.kw, ada.id, "user", NOBODY)
    assert [one.event for one in (await audit.list_for_user(house.kw.db, ada.id)).items] == [
        "user.created"
    ]


async def test_the_last_administrator_stays(house):
    ada = await make(house, roles=("admin",))
    with pytest.raises(LastAdministrator):
        await disable_user(house.kw, ada.id, NOBODY)
    with pytest.raises(LastAdministrator):
        await revoke_role(house.kw, ada.id, "admin", NOBODY)
    eve = await make(house, EVE, roles=("admin",))
    assert await disable_user(house.kw, eve.id, NOBODY)
    with pytest.raises(LastAdministrator):
        await disable_user(house.kw, ada.id, NOBODY)


async def leave_at_once(house: House, leave) -> list[object]:
    ada, eve = await make(house, roles=("admin",)), await make(house, EVE, roles=("admin",))
    both = (leave(house.kw, ada.id), leave(house.kw, eve.id))
    return [type(answer) for answer in await asyncio.gather(*both, return_exceptions=True)]


async def test_two_administrators_who_go_at_once_leave_one_behind(house):
    outcomes = await leave_at_once(house, lambda kw, who: revoke_role(kw, who, "admin", NOBODY))
    assert sorted(outcomes, key=str) == [bool, LastAdministrator]
    assert await users.has_administrator(house.kw.db)


async def test_two_administrators_disabled_at_once_leave_one_behind(house):
    outcomes = await leave_at_once(house, lambda kw, who: disable_user(kw, who, NOBODY))
    assert sorted(outcomes, key=str) == [bool, LastAdministrator]
    assert await users.has_administrator(house.kw.db)


async def test_nobody_is_administrator_until_there_is_one(house):
    assert not await users.has_administrator(house.kw.db)
    ada = await make(house, roles=("moderator",))
    assert not await users.has_administrator(house.kw.db)
    await grant_role(house.kw, ada.id, "admin", NOBODY)
    assert await users.has_administrator(house.kw.db)


async def test_every_change_is_audited_with_who_made_it(house):
    eve = await make(house, EVE, roles=("admin",))
    by_eve = Actor(eve.id)
    ada = await create_user(house.kw, NewUser(ADA, roles=("user",)), by_eve)
    await grant_role(house.kw, ada.id, "moderator", by_eve)
    await revoke_role(house.kw, ada.id, "moderator", by_eve)
    await disable_user(house.kw, ada.id, by_eve)
    await enable_user(house.kw, ada.id, by_eve)
    page = await audit.list_for_user(house.kw.db, ada.id)
    assert {record.actor_id for record in page.items} == {eve.id}
    assert {record.event for record in page.items} == {
        "user.created",
        "user.role_granted",
        "user.role_revoked",
        "user.disabled",
        "user.enabled",
    }
    granted = next(record for record in page.items if record.event == "user.role_granted")
    assert granted.details == {"role": "moderator"}


async def test_applications_hear_of_every_change(house):
    heard = []
    for event_type in (UserCreated, UserVerified, UserUpdated, UserDisabled):

        @house.kw.hooks.on(event_type)
        async def hear(event, tx):
            heard.append((type(event).__name__, getattr(event, "fields", None)))

    ada = await make(house)
    await grant_role(house.kw, ada.id, "moderator", NOBODY)
    await disable_user(house.kw, ada.id, NOBODY)
    await enable_user(house.kw, ada.id, NOBODY)
    assert heard == [
        ("UserCreated", None),
        ("UserVerified", None),
        ("UserUpdated", ("roles",)),
        ("UserDisabled", None),
        ("UserUpdated", ("status",)),
    ]


async def test_an_account_that_is_none_is_not_found(house):
    for change in (disable_user, enable_user):
        with pytest.raises(UserNotFound):
            await change(house.kw, uuid4(), NOBODY)
    with pytest.raises(UserNotFound):
        await grant_role(house.kw, uuid4(), "admin", NOBODY)
