"""Every table in one metadata: what migrations compare with, what a host's foreign keys name."""

from __future__ import annotations

from keywright.accounts.closings.table import closings
from keywright.accounts.link_tokens.table import link_tokens
from keywright.accounts.passwords.table import password_attempts
from keywright.accounts.registrations.table import registrations
from keywright.accounts.users.table import reserved_addresses, roles, users
from keywright.audit.table import audit, audit_origins
from keywright.core.db import metadata
from keywright.core.idempotency.table import idempotency_keys
from keywright.core.notices.table import revocations
from keywright.core.ratelimit.table import rate_limits
from keywright.keys.table import signing_keys
from keywright.outbox.table import outbox
from keywright.sessions.devices.table import known_devices
from keywright.sessions.table import sessions

__all__ = [
    "audit",
    "audit_origins",
    "closings",
    "idempotency_keys",
    "known_devices",
    "link_tokens",
    "metadata",
    "outbox",
    "password_attempts",
    "rate_limits",
    "registrations",
    "reserved_addresses",
    "revocations",
    "roles",
    "sessions",
    "signing_keys",
    "users",
]
