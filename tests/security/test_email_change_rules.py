"""Rules of security.md, "Mailed and shown secrets": another e-mail address, and the way back."""

from __future__ import annotations

import httpx
import pytest
from parts.email_changes import (
    NEW,
    NEWER,
    THIEFS,
    ask,
    change,
    confirm,
    confirmation_for,
    mail_with,
    steal,
    undo,
    way_back_to,
)
from parts.house import (
    ADA,
    ELSEWHERE,
    EVE,
    HOME,
    OTHER_PASSWORD,
    PASSWORD,
    Browser,
    House,
    Native,
    expect,
    problem,
)

from keywright.accounts.link_tokens.table import link_tokens
from keywright.accounts.users import service as users
from keywright.accounts.users.errors import EmailTaken
from keywright.accounts.users.table import reserved_addresses
from keywright.audit.table import audit
from keywright.core.principal import UserStatus
from keywright.core.ratelimit.defaults import CHANGE_EMAIL_OF_ACCOUNT
from keywright.flows.administer_users import (
    NewUser,
    create_user,
    delete_user,
    disable_user,
    enable_user,
)
from keywright.flows.administrators import Actor
from keywright.flows.confirm_email_change import preview_email_change
from keywright.flows.prove_address import LinkHolder
from keywright.flows.undo_email_change import preview_undo
from keywright.outbox.table import outbox
from keywright.sessions.table import sessions

pytestmark = pytest.mark.anyio
A_THIRD = "a third password of hers"


@pytest.fixture
async def ada(house: House) -> Browser:
    browser = await house.browser()
    await browser.join()
    return browser


@pytest.fixture
async def thief(house: House, ada: Browser) -> Native:
    return await (await house.native(ELSEWHERE)).sign_in()


async def id_of(house: House, email: str = ADA):
    user = await users.find_by_email(house.kw.db, email)
    assert user is not None
    return user.id


# Asking


async def test_asking_for_another_address_needs_a_fresh_session(house, ada):
    house.clock.advance(minutes=11)
    expect(await ada.refresh(), 200)
    answer = problem(await ask(ada), 401, "reauthentication_required")
    assert answer["status"] == 401
    expect(await ada.reauthenticate(), 200)
    expect(await ask(ada), 202)


async def test_the_current_address_is_told_at_once_and_nothing_is_changed_yet(house, thief):
    expect(await ask(thief, THIEFS), 202)
    told = await mail_with(house, ADA, "another e-mail address")
    assert "about to get another" in told.subject
    assert ELSEWHERE in told.text
    assert "/forgot-password" in told.text
    assert THIEFS not in told.text
    assert (await thief.me()).json()["email"] == ADA


async def test_asking_for_any_address_is_the_same_work_and_answer(house, ada):
    eve, kept = await house.native(), "kept@example.com"
    await eve.join(kept, OTHER_PASSWORD)
    await change(house, eve, EVE)
    seen = []
    for email in (EVE, kept, NEW):
        await house.outbox.mails()
        expect(await ada.me(), 200)
        house.db.steps.clear()
        before = [await house.count(one) for one in (link_tokens, outbox, audit)]
        answer = expect(await ask(ada, email), 202)
        steps = house.db.steps.copy()
        rows = [await house.count(one) for one in (link_tokens, outbox, audit)]
        grown = [now - was for now, was in zip(rows, before, strict=True)]
        seen.append((all_but_ids(answer), steps, grown[1:]))
    assert seen[0] == seen[1] == seen[2]


def all_but_ids(answer: httpx.Response) -> object:
    headers = {n: v for n, v in answer.headers.items() if n not in {"x-request-id", "date"}}
    return answer.status_code, answer.json(), headers


async def test_a_known_address_that_is_asked_for_is_told_only_to_its_owner(house, ada):
    eve = await house.native()
    await eve.join(EVE, OTHER_PASSWORD)
    expect(await ask(ada, "EVE@Example.com"), 202)
    told = await house.outbox.last(EVE)
    assert "was asked for" in told.subject
    assert "token=" not in told.text
    assert "whoever tried was not told" in told.text.lower()
    assert await house.outbox.mails("EVE@example.com") == []


async def test_a_link_for_a_new_address_says_nothing_that_was_typed(house):
    browser = await house.browser()
    await browser.join(name="BUY-NOW", username="buynow")
    expect(await ask(browser), 202)
    (mail,) = await house.outbox.mails(NEW)
    said = (mail.subject + mail.text + mail.html).lower()
    assert "buy" not in said
    assert HOME not in said


async def test_mail_to_a_new_address_is_limited(house, ada):
    for _ in range(5):
        expect(await ask(ada), 202)
        await house.outbox.mails()
    assert len(await house.outbox.mails(NEW)) == 3


async def test_one_account_asks_for_so_many_addresses_a_day(house, ada):
    for number in range(CHANGE_EMAIL_OF_ACCOUNT.amount):
        expect(await ask(ada, f"ada{number}@example.org"), 202)
    problem(await ask(ada), 429, "too_many_requests")
    house.clock.advance(days=1)
    expect(await ada.refresh(), 200)
    expect(await ada.reauthenticate(), 200)
    expect(await ask(ada), 202)


@pytest.mark.settings(rate_limits="on")
async def test_one_network_asks_and_uses_links_so_often(house):
    browser = await house.browser()
    await browser.join()
    statuses = [(await ask(browser)).status_code for _ in range(4)]
    assert statuses == [202, 202, 202, 429]
    for use in (confirm, undo):
        assert [(await use(browser, "x")).status_code for _ in range(11)] == [400] * 10 + [429]


# The link to the new address


async def test_opening_the_links_of_a_change_never_uses_them(house, ada):
    expect(await ask(ada), 202)
    token = await confirmation_for(house)
    await opened_by_a_scanner(house, "confirm-email-change", token)
    await preview_email_change(house.kw, token, LinkHolder())
    expect(await confirm(ada, token), 200)
    token = await way_back_to(house)
    await opened_by_a_scanner(house, "undo-email-change", token)
    await preview_undo(house.kw, token)
    expect(await undo(ada, token), 200)


async def opened_by_a_scanner(house: House, page: str, token: str) -> None:
    scanner = await house.browser(ELSEWHERE)
    for _ in range(2):
        expect(await scanner.http.get(f"/{page}", params={"token": token}), 200)
        await scanner.http.head(f"/{page}", params={"token": token})
    for method in ("GET", "HEAD", "OPTIONS", "PUT"):
        answer = await scanner.http.request(method, f"/api/v1/auth/{page}?token={token}")
        assert answer.status_code in {404, 405}


async def test_each_link_of_a_change_works_once_and_for_its_purpose_alone(house, ada):
    expect(await ask(ada), 202)
    token = await confirmation_for(house)
    problem(await undo(ada, token), 400, "invalid_link")
    problem(await ada.reset(token), 400, "invalid_link")
    expect(await confirm(ada, token), 200)
    problem(await confirm(ada, token), 400, "invalid_link")
    token = await way_back_to(house)
    problem(await confirm(ada, token), 400, "invalid_link")
    problem(await ada.reset(token), 400, "invalid_link")
    expect(await undo(ada, token), 200)
    problem(await undo(ada, token), 400, "invalid_link")


@pytest.mark.parametrize("end", ["change", "reset", "disable"])
async def test_a_requested_change_dies_with_another_password_and_with_the_account(house, ada, end):
    expect(await ask(ada), 202)
    token = await confirmation_for(house)
    if end == "change":
        expect(await ada.change_password(), 200)
    elif end == "reset":
        expect(await ada.forgot(), 202)
        expect(await ada.reset((await mail_with(house, ADA, "/reset-password?")).token), 200)
    else:
        await disable_user(house.kw, await id_of(house), Actor())
        await enable_user(house.kw, await id_of(house), Actor())
    problem(await confirm(ada, token), 400, "invalid_link")
    assert await id_of(house)


async def test_a_requested_change_of_a_disabled_account_is_not_confirmed(house, ada):
    expect(await ask(ada), 202)
    token = await confirmation_for(house)
    async with house.db.transaction() as tx:
        await users.disable(tx, await id_of(house), house.clock.now())
    problem(await confirm(ada, token), 400, "invalid_link")


async def test_links_that_were_mailed_to_the_old_address_die_with_it(house, ada):
    expect(await ada.forgot(), 202)
    reset = (await mail_with(house, ADA, "/reset-password?")).token
    await change(house, ada)
    problem(await ada.reset(reset, A_THIRD), 400, "invalid_link")


async def test_a_change_of_address_ends_every_session_but_the_one_that_asked(house, ada, thief):
    pages = await house.browser()
    await pages.sign_in_to_pages()
    await change(house, ada)
    expect(await ada.me(), 200)
    expect(await ada.refresh(), 200)
    problem(await thief.me(), 401, "session_ended")
    problem(await thief.refresh(), 401, "session_ended")
    problem(await pages.get("/auth/me"), 401, "not_authenticated")
    assert await house.count(sessions) == 1


async def test_the_link_of_a_change_sets_no_password(house, ada):
    """Whoever got it by a typing error has no more than an address that is not theirs."""
    expect(await ask(ada), 202)
    expect(await confirm(ada, await confirmation_for(house), new_password=A_THIRD), 200)
    problem(await ada.login(NEW, A_THIRD), 401, "invalid_credentials")
    expect(await ada.login(NEW, PASSWORD), 200)


@pytest.mark.settings(require_verification=False)
async def test_who_proves_an_unproven_account_elsewhere_chooses_its_password(house):
    """Somebody signed up, and gave the account an address of another person."""
    mallory, owner = await house.native(ELSEWHERE), await house.browser()
    expect(await mallory.register(), 201)
    expect(await ask(mallory, NEW), 202)
    token = await confirmation_for(house)
    problem(await confirm(owner, token), 409, "new_password_required")
    expect(await confirm(owner, token, new_password=OTHER_PASSWORD), 200)
    house.clock.advance(seconds=1)
    problem(await mallory.me(), 401, "session_ended")
    problem(await mallory.login(NEW, PASSWORD), 401, "invalid_credentials")
    expect(await owner.login(NEW, OTHER_PASSWORD), 200)


@pytest.mark.settings(require_verification=False)
async def test_an_address_that_was_never_proven_gets_no_way_back(house):
    """It was mistyped, perhaps: its owner would get the account."""
    ada = await house.browser()
    expect(await ada.register(), 201)
    expect(await ask(ada), 202)
    body = {"token": await confirmation_for(house)}
    expect(await ada.call("POST", "/auth/confirm-email-change", json=body), 200)
    assert len(await house.outbox.mails(ADA)) == 1
    expect(await (await house.native()).register(), 201)


# The way back


async def test_the_old_address_is_told_of_a_change_with_the_way_back(house, thief):
    await change(house, thief, THIEFS)
    told = await house.outbox.last(ADA)
    assert "was changed" in told.subject
    assert THIEFS in told.text
    assert ELSEWHERE in told.text
    assert f"/undo-email-change?token={told.token}" in told.text


async def test_the_way_back_outlives_another_password_and_another_address(house, ada, thief):
    await steal(house, thief)
    house.clock.advance(seconds=1)
    await change(house, thief, NEWER)
    expect(await thief.change_password(OTHER_PASSWORD, A_THIRD), 200)
    house.clock.advance(hours=70)
    owner = await house.browser()
    restored = expect(await undo(owner, await way_back_to(house)), 200).json()
    expect(await owner.reset(restored["reset_token"], "her own password once more"), 200)
    house.clock.advance(seconds=1)
    expect(await owner.login(ADA, "her own password once more"), 200)


async def test_nothing_of_a_thiefs_signs_in_after_the_undoing(house, ada, thief):
    await steal(house, thief)
    another = await house.native(ELSEWHERE)
    await another.sign_in(THIEFS, OTHER_PASSWORD)
    house.clock.advance(seconds=1)
    expect(await undo(ada, await way_back_to(house)), 200)
    for one in (thief, another):
        problem(await one.me(), 401, "session_ended")
        problem(await one.refresh(), 401, "session_ended")
    assert await house.count(sessions) == 0


async def test_no_password_of_before_the_undoing_signs_in(house, ada, thief):
    await steal(house, thief)
    expect(await undo(ada, await way_back_to(house)), 200)
    house.clock.advance(seconds=1)
    for email in (ADA, THIEFS):
        for password in (PASSWORD, OTHER_PASSWORD):
            problem(await thief.login(email, password), 401, "invalid_credentials")


async def test_what_a_thief_asked_for_dies_with_the_undoing(house, ada, thief):
    await steal(house, thief)
    expect(await ask(thief, NEWER), 202)
    expect(await thief.forgot(THIEFS), 202)
    pending = await confirmation_for(house, NEWER)
    reset = (await mail_with(house, THIEFS, "/reset-password?")).token
    expect(await undo(ada, await way_back_to(house)), 200)
    problem(await confirm(thief, pending), 400, "invalid_link")
    problem(await thief.reset(reset, A_THIRD), 400, "invalid_link")


async def test_nobody_undoes_the_undoing(house, ada, thief):
    """A → B → C: A's link ends the one that B got."""
    await change(house, thief, THIEFS)
    await change(house, thief, NEWER)
    of_thief = await way_back_to(house, THIEFS)
    expect(await undo(ada, await way_back_to(house)), 200)
    problem(await undo(thief, of_thief), 400, "invalid_link")
    assert await id_of(house, ADA)
    for email in (THIEFS, NEWER):
        assert not await users.email_is_taken(house.kw.db, email, house.clock.now())


async def test_the_order_of_two_changes_is_not_a_matter_of_clocks(house, ada, thief):
    """The second was made on a machine whose clock is behind."""
    await change(house, thief, THIEFS)
    of_owner = await way_back_to(house)
    house.clock.advance(seconds=-30)
    expect(await ask(thief, NEWER), 202)
    expect(await confirm(thief, await confirmation_for(house, NEWER)), 200)
    house.clock.advance(seconds=60)
    of_thief = await way_back_to(house, THIEFS)
    expect(await undo(ada, of_owner), 200)
    problem(await undo(thief, of_thief), 400, "invalid_link")


async def test_an_earlier_way_back_outlives_a_later_one(house, ada):
    """A → B → C: after B's link, A's still works, and A stays kept."""
    await change(house, ada, NEW)
    await change(house, ada, NEWER)
    expect(await undo(ada, await way_back_to(house, NEW)), 200)
    assert await id_of(house, NEW)
    with pytest.raises(EmailTaken):
        await create_user(house.kw, NewUser(ADA, PASSWORD), Actor())
    expect(await undo(ada, await way_back_to(house, ADA)), 200)
    assert await id_of(house, ADA)
    assert await house.count(reserved_addresses) == 0


async def test_the_owner_is_told_that_the_address_is_back_and_the_thief_not_from_where(
    house, ada, thief
):
    await steal(house, thief)
    expect(await undo(ada, await way_back_to(house)), 200)
    back, gone = await house.outbox.last(ADA), await house.outbox.last(THIEFS)
    assert HOME in back.text
    assert "former e-mail address back" in back.subject
    assert "any more" in gone.subject
    assert HOME not in gone.text
    assert ADA not in gone.text


async def test_a_deletion_that_a_thief_began_ends_with_the_undoing(house, ada, thief):
    await steal(house, thief)
    expect(await thief.call("POST", "/auth/request-deletion", json={}), 202)
    token = (await mail_with(house, THIEFS, "/confirm-deletion?")).token
    expect(await thief.post("/auth/confirm-deletion", json={"token": token}), 200)
    user = await users.find_by_email(house.kw.db, THIEFS)
    assert user.status is UserStatus.CLOSING
    expect(await undo(ada, await way_back_to(house)), 200)
    user = await users.find_by_email(house.kw.db, ADA)
    assert user.status is UserStatus.ACTIVE


async def test_the_way_back_of_a_disabled_account_waits_until_it_is_enabled(house, ada):
    await change(house, ada)
    user_id, token = await id_of(house, NEW), await way_back_to(house)
    await disable_user(house.kw, user_id, Actor())
    problem(await undo(ada, token), 400, "invalid_link")
    await enable_user(house.kw, user_id, Actor())
    expect(await undo(ada, token), 200)


# The address meanwhile


async def test_nobody_else_gets_an_address_that_is_kept(house, ada):
    await change(house, ada)
    stranger, eve = await house.native(), await house.native()
    expect(await stranger.register(ADA, OTHER_PASSWORD), 202)
    assert "token=" not in (await house.outbox.last(ADA)).text.partition("sign up")[2]
    with pytest.raises(EmailTaken):
        await create_user(house.kw, NewUser("ADA@example.com", PASSWORD), Actor())
    await eve.join(EVE, OTHER_PASSWORD)
    expect(await ask(eve, ADA), 202)
    assert [m for m in await house.outbox.mails(ADA) if "/confirm-email-change?" in m.text] == []


async def test_a_link_that_is_older_than_the_keeping_gives_nobody_a_kept_address(house, ada):
    """The write itself decides: whatever was asked before."""
    await change(house, ada)
    async with house.db.transaction() as tx:
        with pytest.raises(EmailTaken):
            await users.create(
                tx, email=ADA, password_hash=None, now=house.clock.now(), verified=True
            )


async def test_a_deleted_account_keeps_no_address(house, ada):
    await change(house, ada)
    await delete_user(house.kw, await id_of(house, NEW), Actor())
    assert await house.count(reserved_addresses) == 0
    assert await house.count(link_tokens) == 0
    await create_user(house.kw, NewUser(ADA, PASSWORD), Actor())
