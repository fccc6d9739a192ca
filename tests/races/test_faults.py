"""The database goes away in the middle: a clear 503, nothing half done, and a retry succeeds."""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from parts.house import (
    ADA,
    OTHER_PASSWORD,
    PASSWORD,
    Builder,
    House,
    Native,
    expect,
    problem,
)
from parts.outages import cable_to
from parts.postgres import execute
from parts.watched import COMMIT, Trouble
from parts.wire import wire_to

from keywright.accounts.link_tokens.table import link_tokens
from keywright.accounts.registrations.table import registrations
from keywright.accounts.users.table import users
from keywright.audit.table import audit
from keywright.outbox.table import outbox
from keywright.sessions.table import sessions

pytestmark = pytest.mark.anyio
Act = Callable[[], Awaitable[httpx.Response]]
ROOM_FOR_A_REFRESH = 12_000  # bytes: two pages of the log, and none for a sign-up
TABLES = (users, registrations, link_tokens, sessions, outbox, audit)


# What a person may be doing. Each prepares somebody new, and gives the one request to be disturbed.


async def sign_up(house: House, email: str) -> Act:
    native = await house.native()
    return lambda: native.register(email, username=f"u{email[:-12]}")


async def ask_for_another_link(house: House, email: str) -> Act:
    native = await house.native()
    await native.register(email)
    await house.outbox.mails()
    return lambda: native.resend(email)


async def prove_the_address(house: House, email: str) -> Act:
    native = await house.native()
    await native.register(email, username=f"u{email[:-12]}")
    token = (await house.outbox.last(email)).token
    return lambda: native.verify(token)


async def sign_in(house: House, email: str) -> Act:
    native = await joined(house, email)
    return lambda: native.login(email)


async def refresh(house: House, email: str) -> Act:
    native = await joined(house, email)
    return native.refresh


async def sign_out(house: House, email: str) -> Act:
    native = await joined(house, email)
    return native.logout


async def prove_oneself_again(house: House, email: str) -> Act:
    native = await joined(house, email)
    return native.reauthenticate


async def forget_the_password(house: House, email: str) -> Act:
    native = await joined(house, email)
    return lambda: native.forgot(email)


async def reset_the_password(house: House, email: str) -> Act:
    native = await joined(house, email)
    await native.forgot(email)
    token = (await house.outbox.last(email)).token
    return lambda: native.reset(token)


async def change_the_password(house: House, email: str) -> Act:
    native = await joined(house, email)
    return native.change_password


async def sign_other_devices_out(house: House, email: str) -> Act:
    native = await joined(house, email)
    await (await house.native()).sign_in(email)
    return lambda: native.call("DELETE", "/auth/sessions")


async def edit_the_profile(house: House, email: str) -> Act:
    native = await joined(house, email)
    return lambda: native.call("PATCH", "/users/me", json={"name": "Ada", "username": email[:-12]})


async def joined(house: House, email: str) -> Native:
    native = await house.native()
    await native.join(email)
    await house.outbox.mails()
    return native


STORIES = [
    sign_up,
    ask_for_another_link,
    prove_the_address,
    sign_in,
    refresh,
    sign_out,
    prove_oneself_again,
    forget_the_password,
    reset_the_password,
    change_the_password,
    sign_other_devices_out,
    edit_the_profile,
]


async def rows(house: House) -> list[int]:
    return [await house.count(table) for table in TABLES]


async def disturb(house: House, act: Act, trouble: Trouble | None) -> tuple[httpx.Response, list]:
    """The answer, and how many rows there are more in each table."""
    before = await rows(house)
    house.db.steps.clear()
    house.db.trouble = trouble
    answer = await act()
    house.db.trouble = None
    return answer, [now - was for now, was in zip(await rows(house), before, strict=True)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for-a-while"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_a_connection_cut_at_any_statement_is_a_503_and_nothing_is_half_done(
    house: House, story: Callable[[House, str], Awaitable[Act]], when, lasting
) -> None:
    undisturbed, whole = await disturb(house, await story(house, "undisturbed@example.com"), None)
    assert undisturbed.status_code < 300, undisturbed.text
    steps = house.db.steps.copy()
    for number, step in enumerate(steps):
        act = await story(house, f"person{number}@example.com")
        answer, changed = await disturb(house, act, Trouble(number, when, lasting))
        where = f"{when} step {number} of {len(steps)}: {step}"
        problem(answer, 503, "database_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        is_kept = when == "after" and (step == COMMIT or step.writes) and changed == whole
        assert is_kept or not any(changed), f"{where}: {changed} of {whole}"
        again, _ = await disturb(house, act, None)
        assert again.status_code == undisturbed.status_code or is_kept, f"{where}: {again.text}"
        assert again.status_code < 500, where


async def test_a_sign_up_that_was_cut_off_can_be_finished(house: House) -> None:
    """Also where the COMMIT happened and nobody heard of it: there are two links then."""
    native = await house.native()
    expect((await disturb(house, lambda: native.register("eve@example.com"), None))[0], 202)
    commit = house.db.steps.index(COMMIT)
    lost, _ = await disturb(house, native.register, Trouble(commit, "after"))
    problem(lost, 503, "database_unavailable")
    assert len(await house.outbox.mails(ADA)) == 1
    expect(await native.register(), 202)
    mails = await house.outbox.mails(ADA)
    assert len(mails) == 2
    expect(await native.verify(mails[1].token), 200)
    expect(await native.login(), 200)


async def test_a_refresh_that_was_cut_off_can_be_repeated(house: House) -> None:
    """The row has moved on; the same token gets the same successor."""
    native = await joined(house, ADA)
    presented = native.refresh_token
    lost, _ = await disturb(house, native.refresh, Trouble(0, "after"))
    problem(lost, 503, "database_unavailable")
    assert native.refresh_token == presented
    expect(await native.refresh(), 200)
    expect(await native.refresh(), 200)


# A real disk, and a real line


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """A full disk, as far as this process can tell (RLIMIT_FSIZE)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_is_a_503_and_what_comes_after_it_works(
    sqlite_house_url: str, builder: Builder, tmp_path: Path
) -> None:
    async with builder.build(sqlite_house_url, tmp_path) as house:
        native = await joined(house, ADA)
        before = await rows(house)
        log = tmp_path / "house.db-wal"
        for room in (0, 100, 5_000):
            with files_no_larger_than(log.stat().st_size + room):
                problem(await native.register("eve@example.com"), 503, "database_unavailable")
                problem(await native.refresh(), 503, "database_unavailable")
                expect(await native.me(), 200)
        with files_no_larger_than(log.stat().st_size + ROOM_FOR_A_REFRESH):
            problem(await native.register("eve@example.com"), 503, "database_unavailable")
            expect(await native.refresh(), 200)
        assert await rows(house) == before
        expect(await native.register("eve@example.com"), 202)
        expect(await native.refresh(), 200)
        assert len(await house.outbox.mails("eve@example.com")) == 1


DISK_FULL = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$
"""


@pytest.fixture
async def a_full_disk(postgres_house_url: str) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Called as `a_full_disk("kw_outbox")`: the server has no room for a row of that table."""
    await execute(postgres_house_url, DISK_FULL)

    async def fill(table: str) -> None:
        await execute(
            postgres_house_url,
            f"CREATE TRIGGER disk_full BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION refuse()",
        )

    yield fill
    await execute(postgres_house_url, "DROP FUNCTION refuse CASCADE")


@pytest.mark.parametrize("table", ["kw_registration", "kw_outbox", "kw_audit", "kw_audit_origin"])
async def test_a_full_disk_of_the_server_is_a_503_and_nothing_is_half_done(
    postgres_house_url, builder, tmp_path, a_full_disk, table
):
    async with builder.build(postgres_house_url, tmp_path) as house:
        native = await house.native()
        await a_full_disk(table)
        problem(await native.register(), 503, "database_unavailable")
        assert not any(await rows(house))
        await execute(postgres_house_url, f"DROP TRIGGER disk_full ON {table}")
        await native.join()


async def test_a_full_disk_of_the_server_refuses_a_refresh_and_keeps_the_session(
    postgres_house_url, builder, tmp_path, a_full_disk
):
    async with builder.build(postgres_house_url, tmp_path) as house:
        native = await joined(house, ADA)
        await a_full_disk("kw_session")
        problem(await native.refresh(), 503, "database_unavailable")
        problem(await native.login(), 503, "database_unavailable")
        await execute(postgres_house_url, "DROP TRIGGER disk_full ON kw_session")
        expect(await native.refresh(), 200)
        assert await house.count(sessions) == 1


@pytest.mark.parametrize("cut", ["cut_before", "cut_after"])
async def test_a_line_cut_at_the_commit_is_a_503_and_a_retry_succeeds(
    postgres_house_url, builder, tmp_path, cut
):
    async with (
        wire_to(postgres_house_url) as (wire, near),
        builder.build(near, tmp_path) as house,
    ):
        native = await house.native()
        setattr(wire, cut, b"COMMIT")
        problem(await native.register(), 503, "database_unavailable")
        kept = cut == "cut_after"
        assert await house.count(registrations) == await house.count(outbox) == kept
        assert len(await house.outbox.mails(ADA)) == kept
        expect(await native.register(), 202)
        mails = await house.outbox.mails(ADA)
        assert len(mails) == 1 + kept
        expect(await native.verify(mails[-1].token), 200)
        expect(await native.login(), 200)


async def test_while_the_database_is_gone_nobody_is_signed_out_and_after_it_all_goes_on(
    postgres_house_url, builder, tmp_path
):
    async with (
        cable_to(postgres_house_url) as (cable, near),
        builder.build(near, tmp_path) as house,
    ):
        native = await joined(house, ADA)
        await cable.pull_out()
        for ask in (
            native.refresh(),
            native.login(),
            native.login(password=OTHER_PASSWORD),
            native.register("eve@example.com"),
            native.forgot(),
            native.logout(),
            native.change_password(PASSWORD, OTHER_PASSWORD),
        ):
            problem(await ask, 503, "database_unavailable")
        ready = await native.http.get("/system/health/ready")
        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "failing")
        expect(await native.http.get("/system/health/live"), 200)
        await cable.plug_in()
        expect(await native.refresh(), 200)
        expect(await native.me(), 200)
        expect(await native.login(), 200)
        expect(await native.http.get("/system/health/ready"), 200)
