from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import msgspec


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `key` is what the client sent; it counts for this principal and place alone."""

    principal: UUID
    method: str
    path: str
    key: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do the work of a call, until it is finished or given up."""

    key: bytes
    holder: UUID


@dataclass(frozen=True, slots=True)
class Done:
    """What an earlier call with the same key and body made."""

    status: int
    resource_id: UUID


class StoredKey(msgspec.Struct, frozen=True):
    request: bytes
    holder: UUID
    status: int | None
    resource_id: UUID | None
