"""Rules of api.md, "Users": who may administer whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from keywright import Keywright, Settings
from keywright.accounts.users import service as users
from keywright.accounts.users.errors import LastAdministrator
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent, Outcome
from keywright.core.principal import UserStatus
from keywright.core.roles import ADMIN
from keywright.flows.administer_roles import revoke_role, set_roles
from keywright.flows.administer_users import delete_user, disable_user
from keywright.flows.administrators import Actor, AdministratorNoLonger
from keywright.testing import KeywrightUnderTest

pytestmark = pytest.mark.anyio
USERS = "/api/v1/users"
PERMISSIONS = {
    "support": ["users:read", "users:write"],
    "auditor": ["audit:read"],
    "billing": [],  # routes ask for it by name
}
PASSWORD = "correct horse battery"
CHANGES_BY_ROUTE = [
    ("PATCH", "", {"name": "Renamed"}),
    ("DELETE", "", None),
    ("PUT", "/roles", {"roles": []}),
    ("POST", "/disable", None),
    ("POST", "/sign-out", None),
]


@pytest.fixture
def keywright_instance(tmp_path) -> Keywright:
    return Keywright(Settings(_env_file=None, data_dir=tmp_path), permissions=PERMISSIONS)


@pytest.fixture
async def client(kw: KeywrightUnderTest) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    kw.keywright.install(app)
    async with kw.client(app) as client:
        yield client


async def denials(kw: KeywrightUnderTest, subject: UUID) -> list[tuple[str, str]]:
    page = await audit.list_for_user(kw.keywright.context.db, subject)
    return [
        (one.event, (one.details or {})["code"])
        for one in page.items
        if one.outcome is Outcome.DENIED
    ]


# Who is let in


@pytest.mark.parametrize(
    ("role", "reading", "writing"),
    [(None, 403, 403), ("moderator", 200, 403), ("support", 200, 201), ("admin", 200, 201)],
)
async def test_each_role_administers_what_its_permissions_say(kw, client, role, reading, writing):
    await kw.sign_in(client, roles=[role] if role else [])
    assert (await client.get(USERS)).status_code == reading
    made = await client.post(USERS, json={"email": "new@example.com"})
    assert made.status_code == writing


async def test_nobody_administers_without_a_session(client):
    for method, path in [("GET", USERS), ("POST", USERS), ("DELETE", f"{USERS}/{UUID(int=1)}")]:
        answer = await client.request(method, path, json={} if method == "POST" else None)
        assert answer.status_code == 401


async def test_a_token_narrowed_to_other_scopes_administers_nobody(kw, client):
    await kw.sign_in(client, roles=["admin"], scopes=["users:read"])
    assert (await client.get(USERS)).status_code == 200
    assert (await client.post(USERS, json={"email": "new@example.com"})).status_code == 403


async def test_who_is_not_let_in_is_recorded(kw, client):
    ada = await kw.sign_in(client)
    await client.get(USERS)
    assert await denials(kw, ada.id) == [(AuditEvent.ACCESS_DENIED, "insufficient_scope")]


# What nobody may do


async def test_nobody_gives_a_role_whose_permissions_they_lack(kw, client):
    eve = await kw.create_user("eve@example.com")
    await kw.sign_in(client, roles=["support", "moderator"])
    for role in ("admin", "auditor"):
        refused = await client.put(f"{USERS}/{eve.id}/roles", json={"roles": [role]})
        assert (refused.status_code, refused.json()["code"]) == (403, "greater_grant")
    allowed = await client.put(f"{USERS}/{eve.id}/roles", json={"roles": ["moderator", "user"]})
    assert allowed.json()["roles"] == ["moderator"]
    assert await denials(kw, eve.id) == [(AuditEvent.ROLES_SET, "greater_grant")] * 2


async def test_nobody_gives_a_role_that_they_lack_whatever_it_permits(kw, client):
    """`moderator` permits less than `support`, and `billing` nothing: they are roles all the same."""
    eve = await kw.create_user("eve@example.com")
    await kw.sign_in(client, roles=["support"])
    for role in ("billing", "moderator"):
        refused = await client.put(f"{USERS}/{eve.id}/roles", json={"roles": [role]})
        assert (refused.status_code, refused.json()["code"]) == (403, "greater_grant")
        body = {"email": "new@example.com", "roles": [role]}
        assert (await client.post(USERS, json=body)).json()["code"] == "greater_grant"
    await kw.sign_in(client, roles=["billing"])
    allowed = await client.put(f"{USERS}/{eve.id}/roles", json={"roles": ["billing"]})
    assert allowed.json()["roles"] == ["billing"]


async def test_nobody_changes_an_account_with_a_role_that_they_lack(kw, client):
    eve = await kw.create_user("eve@example.com", roles=["billing"])
    await kw.sign_in(client, roles=["support"])
    for method, action, body in CHANGES_BY_ROUTE:
        refused = await client.request(method, f"{USERS}/{eve.id}{action}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "stronger_account"), action
    await kw.sign_in(client, email="boss@example.com", roles=["admin"])
    taken = await client.put(f"{USERS}/{eve.id}/roles", json={"roles": []})
    assert taken.json()["roles"] == []


@pytest.mark.parametrize("wanted", [[], ["moderator"]])
async def test_a_narrowed_token_takes_no_role_beyond_its_own_scopes(kw, client, wanted):
    eve = await kw.create_user("eve@example.com", roles=["billing", "moderator"])
    await kw.sign_in(client, roles=["admin"], scopes=["users:read", "users:write"])
    refused = await client.put(f"{USERS}/{eve.id}/roles", json={"roles": wanted})
    assert (refused.status_code, refused.json()["code"]) == (403, "stronger_account")
    await kw.sign_in(client, scopes=["*"])
    taken = await client.put(f"{USERS}/{eve.id}/roles", json={"roles": wanted})
    assert taken.json()["roles"] == wanted


@pytest.mark.parametrize(("method", "action", "body"), CHANGES_BY_ROUTE)
async def test_a_narrowed_token_changes_no_account_beyond_its_own_scopes(
    kw, client, method, action, body
):
    boss = await kw.create_user("boss@example.com", roles=["admin"])
    eve = await kw.create_user("eve@example.com")
    ada = await kw.sign_in(client, roles=["admin"], scopes=["users:write"])
    for stronger in (boss, ada):
        refused = await client.request(method, f"{USERS}/{stronger.id}{action}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "stronger_account")
    assert (await client.request(method, f"{USERS}/{eve.id}{action}", json=body)).status_code < 300
    await kw.sign_in(client, scopes=["*"])
    changed = await client.request(method, f"{USERS}/{boss.id}{action}", json=body)
    assert changed.status_code < 300


async def test_nobody_makes_an_account_that_may_do_more_than_they(kw, client):
    await kw.sign_in(client, roles=["support"])
    refused = await client.post(USERS, json={"email": "new@example.com", "roles": ["admin"]})
    assert (refused.status_code, refused.json()["code"]) == (403, "greater_grant")
    assert (await client.get(USERS, params={"search": "new@"})).json()["items"] == []


async def test_a_narrowed_token_gives_no_role_beyond_its_own_scopes(kw, client):
    eve = await kw.create_user("eve@example.com")
    await kw.sign_in(client, roles=["admin"], scopes=["users:write"])
    refused = await client.put(f"{USERS}/{eve.id}/roles", json={"roles": ["admin"]})
    assert refused.json()["code"] == "greater_grant"


async def test_nobody_changes_their_own_roles(kw, client):
    ada = await kw.sign_in(client, roles=["admin"])
    await kw.create_user("eve@example.com", roles=["admin"])
    for roles in (["admin", "moderator"], []):
        refused = await client.put(f"{USERS}/{ada.id}/roles", json={"roles": roles})
        assert (refused.status_code, refused.json()["code"]) == (403, "own_roles")
    assert await denials(kw, ada.id) == [(AuditEvent.ROLES_SET, "own_roles")] * 2


@pytest.mark.parametrize(("method", "action", "body"), CHANGES_BY_ROUTE)
async def test_nobody_changes_an_account_that_may_do_more_than_they(
    kw, client, method, action, body
):
    boss = await kw.create_user("boss@example.com", roles=["admin"])
    await kw.create_user("other@example.com", roles=["admin"])
    await kw.sign_in(client, roles=["support"])
    refused = await client.request(method, f"{USERS}/{boss.id}{action}", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "stronger_account")
    assert [code for _, code in await denials(kw, boss.id)] == ["stronger_account"]


async def test_deleting_an_account_needs_a_recent_sign_in(kw, client):
    eve = await kw.create_user("eve@example.com")
    await kw.sign_in(client, roles=["admin"])
    kw.clock.advance(minutes=11)
    refused = await client.delete(f"{USERS}/{eve.id}")
    assert (refused.status_code, refused.json()["code"]) == (401, "reauthentication_required")
    await kw.sign_in(client)
    assert (await client.delete(f"{USERS}/{eve.id}")).status_code == 204


# The last administrator


@pytest.mark.parametrize(("method", "action"), [("POST", "/disable"), ("DELETE", "")])
async def test_the_last_administrator_stays(kw, client, method, action):
    ada = await kw.sign_in(client, roles=["admin"])
    await kw.create_user("eve@example.com", roles=["moderator"])
    refused = await client.request(method, f"{USERS}/{ada.id}{action}")
    assert (refused.status_code, refused.json()["code"]) == (409, "last_administrator")
    assert [code for _, code in await denials(kw, ada.id)] == ["last_administrator"]
    assert (await client.get(USERS)).status_code == 200


async def test_the_last_administrator_keeps_the_role(kw, client):
    """From the command line, where nobody is signed in."""
    ada = await kw.create_user(roles=["admin"])
    context = kw.keywright.context
    for change in (
        revoke_role(context, ada.id, ADMIN, Actor()),
        set_roles(context, ada.id, ["moderator"], Actor()),
    ):
        with pytest.raises(LastAdministrator):
            await change
    assert (await users.get(context.db, ada.id)).role_names == ("admin",)


async def test_a_disabled_administrator_does_not_count(kw, client):
    ada = await kw.sign_in(client, roles=["admin"])
    eve = await kw.create_user("eve@example.com", roles=["admin"])
    assert (await client.post(f"{USERS}/{eve.id}/disable")).status_code == 200
    assert (await client.post(f"{USERS}/{ada.id}/disable")).status_code == 409


CHANGES = {
    "disable": disable_user,
    "revoke": lambda kw, target, actor: revoke_role(kw, target, ADMIN, actor),
    "delete": delete_user,
    "set_roles": lambda kw, target, actor: set_roles(kw, target, [], actor),
}


@pytest.fixture(params=["sqlite", "postgresql"])
async def two_processes(request, tmp_path) -> AsyncIterator[list[Keywright]]:
    """Two Keywrights on one database (on SQLite, two writers of one process)."""
    url = f"sqlite:///{tmp_path / 'keywright.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    settings = Settings(_env_file=None, data_dir=tmp_path, database_url=url)
    async with AsyncExitStack() as stack:
        found = [Keywright(settings) for _ in range(2)]
        for kw in found:
            await stack.enter_async_context(kw.lifespan())
        yield found


@pytest.mark.parametrize("change", CHANGES)
async def test_two_administrators_who_remove_each_other_leave_one(two_processes, change):
    for attempt in range(10):
        pair = [await add_administrator(two_processes[0], f"{n}.{attempt}") for n in range(2)]
        removals = [
            CHANGES[change](kw.context, target, Actor(actor))
            for kw, actor, target in zip(two_processes, pair, reversed(pair), strict=True)
        ]
        outcomes = await asyncio.gather(*removals, return_exceptions=True)
        refused = [one for one in outcomes if isinstance(one, Exception)]
        assert [type(one) for one in refused] in ([LastAdministrator], [AdministratorNoLonger])
        assert len(await remaining(two_processes[0], pair)) == 1
        await retire(two_processes[0], pair)


async def add_administrator(kw: Keywright, name: str) -> UUID:
    async with kw.context.db.transaction() as tx:
        made = await users.create(
            tx,
            email=f"{name}@example.com",
            password_hash=None,
            now=kw.context.clock.now(),
            verified=True,
            roles=[ADMIN],
        )
    return made.id


async def remaining(kw: Keywright, ids: list[UUID]) -> list[UUID]:
    found = [await users.find(kw.context.db, one) for one in ids]
    return [one.id for one in found if one and one.active and ADMIN in one.role_names]


async def retire(kw: Keywright, ids: list[UUID]) -> None:
    """Out of the way of the next attempt, last or not."""
    async with kw.context.db.transaction() as tx:
        for one in ids:
            await users.repository.set_status(
                tx, one, UserStatus.ACTIVE, UserStatus.DISABLED, kw.context.clock.now()
            )


async def test_who_was_disabled_a_moment_ago_changes_nothing_more(two_processes):
    """Three administrators: the last one is not at stake, only who acts."""
    kw = two_processes[0]
    ada, eve, _ = [await add_administrator(kw, name) for name in ("ada", "eve", "third")]
    await disable_user(kw.context, ada, Actor(eve))
    with pytest.raises(AdministratorNoLonger):
        await disable_user(kw.context, eve, Actor(ada))


# What a change ends


async def test_disabling_ends_the_accounts_sessions_at_once(kw, client):
    async with httpx.AsyncClient(transport=client._transport, base_url=client.base_url) as hers:
        eve = await kw.sign_in(hers, email="eve@example.com")
        await kw.sign_in(client, roles=["admin"])
        assert (await client.post(f"{USERS}/{eve.id}/disable")).json()["status"] == "disabled"
        ended = await hers.get(f"{USERS}/me")
        assert (ended.status_code, ended.json()["code"]) == (401, "session_ended")
        await client.post(f"{USERS}/{eve.id}/enable")
        assert (await hers.get(f"{USERS}/me")).status_code == 401


async def test_signing_out_ends_the_accounts_sessions_and_no_others(kw, client):
    async with httpx.AsyncClient(transport=client._transport, base_url=client.base_url) as hers:
        eve = await kw.sign_in(hers, email="eve@example.com")
        await kw.sign_in(client, roles=["admin"])
        assert (await client.post(f"{USERS}/{eve.id}/sign-out")).json() == {"ended": 1}
        assert (await hers.get(f"{USERS}/me")).status_code == 401
        assert (await client.get(f"{USERS}/me")).status_code == 200


async def test_a_role_that_was_taken_away_permits_nothing_more(kw, client):
    async with httpx.AsyncClient(transport=client._transport, base_url=client.base_url) as hers:
        eve = await kw.sign_in(hers, email="eve@example.com", roles=["moderator"])
        assert (await hers.get(USERS)).status_code == 200
        await kw.sign_in(client, roles=["admin"])
        await client.put(f"{USERS}/{eve.id}/roles", json={"roles": []})
        assert (await hers.get(USERS)).status_code == 403
        assert (await hers.get(f"{USERS}/me")).status_code == 200


# What stays of a deleted account


async def test_nothing_personal_stays_of_a_deleted_account(kw, client):
    eve = await kw.create_user("eve@example.com", password=PASSWORD, roles=["moderator"])
    await client.post("/api/v1/auth/login", json={"email": "eve@example.com", "password": PASSWORD})
    await client.post("/api/v1/auth/forgot-password", json={"email": "eve@example.com"})
    await kw.outbox.mails()
    await kw.sign_in(client, roles=["admin"])
    await client.patch(
        f"{USERS}/{eve.id}", json={"name": "Eve Example", "username": "eve", "locale": "en"}
    )
    await kw.outbox.mails()
    assert (await client.delete(f"{USERS}/{eve.id}")).status_code == 204
    await kw.outbox.mails()
    async with kw.keywright.context.db.exclusive() as raw:
        tables = [
            name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        rows = {
            name: str(raw.execute(f"SELECT * FROM {name}").fetchall()).lower() for name in tables
        }
    assert [name for name, content in rows.items() if "eve@example" in content] == []
    assert [name for name, content in rows.items() if "eve example" in content] == []
    assert eve.id.hex in rows["kw_user"]
    assert eve.id.hex not in rows["kw_session"] + rows["kw_link_token"] + rows["kw_user_role"]
    record = await users.find(kw.keywright.context.db, eve.id)
    assert (record.password_hash, record.status) == (None, UserStatus.DELETED)


async def test_where_a_deleted_account_acted_from_is_forgotten(kw, client):
    eve = await kw.create_user("eve@example.com", password=PASSWORD)
    await client.post("/api/v1/auth/login", json={"email": "eve@example.com", "password": PASSWORD})
    kw.clock.advance(seconds=1)
    await kw.sign_in(client, roles=["admin"])
    await client.delete(f"{USERS}/{eve.id}")
    records = (await audit.list_for_user(kw.keywright.context.db, eve.id)).items
    assert [(one.event, one.ip) for one in records] == [
        (AuditEvent.USER_DELETED, "127.0.0.1"),  # the administrator's
        (AuditEvent.SIGNED_IN, None),
    ]


async def test_a_tombstone_is_no_account(kw, client):
    eve = await kw.create_user("eve@example.com")
    await kw.sign_in(client, roles=["admin"])
    await client.delete(f"{USERS}/{eve.id}")
    assert (await client.get(f"{USERS}/{eve.id}")).status_code == 404
    assert (await client.delete(f"{USERS}/{eve.id}")).status_code == 404
    assert (await client.post(f"{USERS}/{eve.id}/enable")).status_code == 404
    assert (
        await client.put(f"{USERS}/{eve.id}/roles", json={"roles": ["admin"]})
    ).status_code == 404
    listed = await client.get(USERS, params={"total": "true"})
    assert (len(listed.json()["items"]), listed.json()["total"]) == (1, 1)
    placeholder = (await users.find(kw.keywright.context.db, eve.id)).email
    assert (await users.find_by_email(kw.keywright.context.db, placeholder)) is None
    await client.post("/api/v1/auth/forgot-password", json={"email": placeholder})
    assert await kw.outbox.mails(placeholder) == []
    signed_in = await client.post(
        "/api/v1/auth/login", json={"email": placeholder, "password": PASSWORD}
    )
    assert signed_in.status_code == 401


async def test_a_deleted_address_may_sign_up_again(kw, client):
    eve = await kw.create_user("eve@example.com")
    await kw.sign_in(client, roles=["admin"])
    await client.delete(f"{USERS}/{eve.id}")
    made = await client.post(USERS, json={"email": "eve@example.com"})
    assert made.status_code == 201
    assert made.json()["id"] != str(eve.id)


async def test_the_owner_of_a_deleted_account_is_told(kw, client):
    eve = await kw.create_user("eve@example.com")
    await kw.sign_in(client, roles=["admin"])
    await client.delete(f"{USERS}/{eve.id}")
    assert (await kw.outbox.last("eve@example.com")).subject.endswith("was deleted")
