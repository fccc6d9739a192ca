from __future__ import annotations

import asyncio
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

import msgspec
import pytest

from keywright.core import events
from keywright.core.errors import BadRequest, ConfigurationError
from keywright.core.events import Event, SignedIn, UserCreated, UserDisabled
from keywright.core.hooks import MESSAGE_KIND, RESERVED_CLAIMS, Hooks, HookTimeout
from keywright.core.principal import User

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
USER_ID = UUID(int=1)
CREATED = UserCreated(at=NOW, user_id=USER_ID, email="a@example.com")
EVENTS = [
    each
    for each in vars(events).values()
    if isinstance(each, type) and issubclass(each, Event) and hasattr(each, "name")
]


class ListedOutbox:
    """Keeps messages the way the real one does: as JSON."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []

    async def add(self, tx, kind, payload, *, expires_at=None):
        self.messages.append((kind, msgspec.json.encode(payload)))

    def payloads(self):
        return [msgspec.json.decode(payload) for _, payload in self.messages]


@pytest.fixture
def outbox() -> ListedOutbox:
    return ListedOutbox()


@pytest.fixture
def hooks(outbox) -> Hooks:
    return Hooks(outbox)


async def test_on_hooks_run_in_order_with_event_and_transaction(hooks):
    seen = []

    @hooks.on(UserCreated)
    async def first(event, tx):
        seen.append(("first", event, tx))

    @hooks.on(UserCreated)
    async def second(event, tx):
        seen.append(("second", event, tx))

    await hooks.emit("the transaction", CREATED)
    assert seen == [("first", CREATED, "the transaction"), ("second", CREATED, "the transaction")]


async def test_hooks_of_other_events_do_not_run(hooks, outbox):
    @hooks.on(SignedIn)
    async def on_sign_in(event, tx):
        raise AssertionError

    @hooks.after(SignedIn)
    async def after_sign_in(event):
        raise AssertionError

    await hooks.emit(None, CREATED)
    assert outbox.messages == []


async def test_what_an_on_hook_raises_reaches_the_flow(hooks, outbox):
    @hooks.on(UserCreated)
    async def refuse(event, tx):
        raise BadRequest("Only addresses of example.org may sign up.")

    @hooks.after(UserCreated)
    async def welcome(event): ...

    with pytest.raises(BadRequest, match=r"example\.org"):
        await hooks.emit(None, CREATED)
    assert outbox.messages == []


async def test_a_hook_that_takes_a_second_is_stopped(hooks, monkeypatch):
    monkeypatch.setattr("keywright.core.hooks.ON_HOOK_SECONDS", 0.02)

    @hooks.on(UserCreated)
    async def dawdle(event, tx):
        await asyncio.Event().wait()

    with pytest.raises(HookTimeout):
        await hooks.emit(None, CREATED)


async def test_a_timeout_of_the_hooks_own_is_not_taken_for_ours(hooks):
    @hooks.on(UserCreated)
    async def call_out(event, tx):
        raise TimeoutError("the CRM")

    with pytest.raises(TimeoutError, match="the CRM"):
        await hooks.emit(None, CREATED)


async def test_each_after_hook_gets_a_message_of_its_own_and_runs_from_it(hooks, outbox):
    seen = []

    @hooks.after(UserCreated)
    async def tell_the_crm(event):
        seen.append(event)

    @hooks.after(UserCreated)
    async def send_a_gift(event):
        raise AssertionError("not this message's hook")

    await hooks.emit(None, CREATED)
    assert [kind for kind, _ in outbox.messages] == [MESSAGE_KIND, MESSAGE_KIND]
    await hooks.deliver(outbox.payloads()[0])
    assert seen == [CREATED]


async def test_a_message_whose_hook_is_gone_says_so(hooks):
    with pytest.raises(ConfigurationError, match=r"no hook user\.created:app\.gone"):
        await hooks.deliver({"hook": "user.created:app.gone", "event": {}})


async def test_a_flow_learns_whether_it_must_be_alone(hooks):
    assert not hooks.has_on(UserCreated, SignedIn)

    @hooks.on(SignedIn)
    async def on_sign_in(event, tx): ...

    @hooks.after(UserDisabled)
    async def after_disabled(event): ...

    assert hooks.has_on(UserCreated, SignedIn)
    assert not hooks.has_on(UserDisabled)


async def test_two_after_hooks_of_one_name_are_refused(hooks):
    async def greet(event): ...

    hooks.after(UserCreated)(greet)
    hooks.after(SignedIn)(greet)
    with pytest.raises(ConfigurationError, match="another"):
        hooks.after(UserCreated)(greet)


async def test_plain_functions_are_refused(hooks):
    with pytest.raises(TypeError, match="async def"):

        @hooks.on(UserCreated)
        def on_created(event, tx): ...


async def test_an_object_with_an_async_call_is_a_hook(hooks):
    class Greeter:
        async def __call__(self, event): ...

    hooks.after(UserCreated)(Greeter())


async def test_applications_declare_their_own_events(hooks, outbox):
    @dataclass(frozen=True, slots=True, kw_only=True)
    class InvoicePaid(Event):
        name: ClassVar[str] = "invoice.paid"
        amount_cents: int

    seen = []

    @hooks.after(InvoicePaid)
    async def thank(event):
        seen.append(event)

    await hooks.emit(None, InvoicePaid(at=NOW, amount_cents=995))
    await hooks.deliver(outbox.payloads()[0])
    assert seen == [InvoicePaid(at=NOW, amount_cents=995)]


async def test_an_event_without_a_name_is_refused(hooks):
    with pytest.raises(TypeError, match="name"):
        hooks.on(Event)


def test_event_names_are_stable_and_their_own():
    assert sorted(event.name for event in EVENTS) == [
        "session.revoked",
        "user.closing",
        "user.created",
        "user.deleted",
        "user.deleting",
        "user.disabled",
        "user.email_changed",
        "user.exported",
        "user.password_changed",
        "user.password_reset",
        "user.registered",
        "user.reopened",
        "user.signed_in",
        "user.signed_out",
        "user.updated",
        "user.verified",
    ]


@pytest.mark.parametrize("event_type", EVENTS)
def test_every_event_survives_json(event_type):
    samples = {"datetime": NOW, "UUID": USER_ID, "str": "a", "tuple[str, ...]": ("a", "b")}
    event = event_type(**{field.name: samples[field.type] for field in fields(event_type)})
    assert msgspec.json.decode(msgspec.json.encode(event), type=event_type) == event


def a_user() -> User[None]:
    return User(
        id=USER_ID,
        email="a@example.com",
        email_verified=True,
        username=None,
        name=None,
        locale=None,
        roles=(),
        created_at=NOW,
    )


async def test_claims_sources_add_to_a_token(hooks):
    assert not hooks.has_claims

    @hooks.claims
    async def plan(user):
        return {"https://example.com/plan": f"pro of {user.id}"}

    assert hooks.has_claims
    assert await hooks.collect_claims(a_user()) == {"https://example.com/plan": f"pro of {USER_ID}"}


@pytest.mark.parametrize("claim", sorted(RESERVED_CLAIMS))
async def test_a_claims_source_never_sets_what_a_token_is(hooks, claim):
    @hooks.claims
    async def forge(user):
        return {claim: "forged"}

    with pytest.raises(ConfigurationError, match=claim):
        await hooks.collect_claims(a_user())
