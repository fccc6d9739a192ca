"""Put the parts of one Keywright together. Nothing is opened yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial

from pydantic import BaseModel

from keywright.accounts.link_tokens import service as link_tokens
from keywright.accounts.passwords import throttle
from keywright.accounts.passwords.hasher import Hasher
from keywright.accounts.passwords.policy import PasswordPolicy
from keywright.accounts.registrations import service as registrations
from keywright.accounts.users.reservations import service as reservations
from keywright.authenticate import RequestAuthenticator
from keywright.core import hooks, idempotency
from keywright.core.checks import Check
from keywright.core.clock import Clock
from keywright.core.context import Context
from keywright.core.crypto import MasterSecrets, Purpose
from keywright.core.db import Database
from keywright.core.errors import Unavailable
from keywright.core.hooks import Hooks
from keywright.core.notices import Notices
from keywright.core.notifications import Notification, Notifications
from keywright.core.ratelimit import Limits
from keywright.core.roles import RolePermissions
from keywright.core.settings import Settings, development_secret
from keywright.core.tasks import Periodic
from keywright.flows.jobs import JOBS
from keywright.flows.purge_account import purge_due
from keywright.keys.ring import KeyRing
from keywright.migrations.state import refuse_pending
from keywright.operations.runner import Runner
from keywright.outbox.channels.mail.channel import KIND as MAIL
from keywright.outbox.channels.mail.channel import MailChannel, mail_transports
from keywright.outbox.channels.mail.mailbox import DevelopmentMailbox, open_mailbox
from keywright.outbox.channels.mail.message import MailTransport
from keywright.outbox.delivery import Courier
from keywright.outbox.models import Message
from keywright.outbox.writer import OutboxWriter
from keywright.sessions import service as sessions

KEYS_SECONDS = 5.0
ROTATION_SECONDS = 3600.0
SWEEP_SECONDS = 600.0
PURGE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What `Context` does not show to routes, but starting and stopping needs."""

    context: Context
    policy: PasswordPolicy
    keys: KeyRing
    passwords: Hasher
    courier: Courier
    runner: Runner
    mailbox: DevelopmentMailbox | None
    checks: tuple[Check, ...]


def assemble(
    settings: Settings,
    *,
    db: Database,
    clock: Clock,
    workers: int,
    profile: type[BaseModel] | None,
    permissions: Mapping[str, Iterable[str]] | None,
    notifications: Mapping[str, str | Notification] | None,
    transports: Sequence[MailTransport] | None = None,
    context: Context | None = None,
) -> Parts:
    """`transports` carry the mails; those of the settings unless given. An existing `context` is
    filled again, so that routes and requirements that hold it see the new parts.
    """
    secrets = open_master_secrets(settings)
    courier = Courier(db, secrets, clock)
    outbox = OutboxWriter(secrets, clock, courier.wake)
    keys = KeyRing(db, secrets, clock, settings)
    passwords = Hasher(settings, workers)
    policy = PasswordPolicy(settings)
    fresh = Context(
        settings=settings,
        db=db,
        clock=clock,
        secrets=secrets,
        limits=Limits(settings, db, clock, key=secrets.derive(Purpose.RATE_LIMIT)),
        notices=Notices(settings, db, clock),
        hooks=Hooks(outbox),
        roles=RolePermissions(permissions),
        keys=keys,
        outbox=outbox,
        passwords=passwords,
        password_policy=policy,
        notifications=Notifications(notifications),
        profile=profile,
    )
    context = fresh if context is None else refill(context, fresh)
    context.authenticator = RequestAuthenticator(context)
    mailbox = open_mailbox(settings)
    carriers = mail_transports(settings, mailbox) if transports is None else transports
    register_deliveries(context, courier, carriers)
    runner = Runner(periodic_work(context, keys))
    return Parts(context, policy, keys, passwords, courier, runner, mailbox, checks(context))


def refill(context: Context, fresh: Context) -> Context:
    """Give `context` the parts of `fresh`; the hooks that are registered stay."""
    hooks = context.hooks
    for part in fields(Context):
        if part.init:
            setattr(context, part.name, getattr(fresh, part.name))
    hooks.write_to(fresh.outbox)
    context.hooks = hooks
    return context


def open_master_secrets(settings: Settings) -> MasterSecrets:
    secret = settings.secret_key
    if secret is None:
        secret = development_secret(settings.data_dir)
    return MasterSecrets(secret, settings.secret_keys_old)


def register_deliveries(kw: Context, courier: Courier, transports: Sequence[MailTransport]) -> None:
    for kind, job in JOBS.items():
        courier.register_job(kind, partial(job, kw))
    courier.register(MAIL, MailChannel(kw.settings, transports).deliver)
    courier.register(hooks.MESSAGE_KIND, partial(run_after_hook, kw))


async def run_after_hook(kw: Context, message: Message) -> None:
    await kw.hooks.deliver(message.payload)


def periodic_work(kw: Context, keys: KeyRing) -> tuple[Periodic, ...]:
    """Each domain's own cleaning, and keys that other processes changed."""

    async def sweep() -> None:
        now = kw.clock.now()
        await sessions.sweep(kw.db, now)
        await link_tokens.sweep(kw.db, now)
        await registrations.sweep(kw.db, now)
        await reservations.sweep(kw.db, now)
        await throttle.sweep(kw.db, now=now)
        await idempotency.sweep(kw.db, now)
        await kw.limits.sweep()
        await kw.notices.sweep()

    return (
        Periodic("keys", KEYS_SECONDS, keys.refresh),
        Periodic("key-rotation", ROTATION_SECONDS, keys.rotate_when_due),
        Periodic("purge", PURGE_SECONDS, partial(purge_due, kw)),
        Periodic("sweep", SWEEP_SECONDS, sweep),
    )


def checks(kw: Context) -> tuple[Check, ...]:
    async def check_database() -> None:
        await kw.db.ping()

    async def check_migrations() -> None:
        await refuse_pending(kw.db)

    async def check_notices() -> None:
        kw.notices.require_fresh()

    async def check_keys() -> None:
        if not kw.keys.jwks()["keys"]:
            raise Unavailable

    return (
        Check("database", check_database),
        Check("migrations", check_migrations),
        Check("revocations", check_notices),
        Check("signing_keys", check_keys),
    )
