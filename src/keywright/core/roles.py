"""Roles and what they permit. Routes ask for permissions; a role is a name for a set of them.

Everybody holds `user`: it is given to nobody, taken from nobody and listed nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

USER = "user"
MODERATOR = "moderator"
ADMIN = "admin"
LADDER = (USER, MODERATOR, ADMIN)
EVERYTHING = "*"
REMEMBERED = 1024  # sets of roles; most accounts share a few

DEFAULT_PERMISSIONS: Mapping[str, frozenset[str]] = {
    USER: frozenset(),
    MODERATOR: frozenset({"users:read"}),
    ADMIN: frozenset({EVERYTHING}),
}


@dataclass(frozen=True, slots=True)
class Powers:
    """The roles of an account, and what it may do now; less than they permit where `narrowed`."""

    roles: tuple[str, ...]
    permissions: frozenset[str]
    narrowed: bool = False


class RolePermissions:
    """What each role permits. `ladder` roles include those below them; others stand alone."""

    def __init__(self, permissions: Mapping[str, Iterable[str]] | None = None) -> None:
        own = {role: frozenset(names) for role, names in (permissions or {}).items()}
        self._permissions = {**DEFAULT_PERMISSIONS, **own}
        self._of = lru_cache(REMEMBERED)(self._permissions_of)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._permissions)

    def known(self, role: str) -> bool:
        return role in self._permissions

    def of(self, roles: Iterable[str]) -> frozenset[str]:
        """Every permission that an account with these roles has now."""
        return self._of(tuple(roles))

    def _permissions_of(self, roles: tuple[str, ...]) -> frozenset[str]:
        held = {lower for role in roles for lower in _with_lower(role)} | {USER}
        return frozenset().union(*(self._permissions.get(role, frozenset()) for role in held))

    def is_held(self, role: str, powers: Powers) -> bool:
        """Whether who has these powers has the role, by its own name or one above it."""
        return holds_role(powers.roles, role) and (
            not powers.narrowed or self.is_covered(role, powers.permissions)
        )

    def is_covered(self, role: str, permissions: frozenset[str]) -> bool:
        """Whether a credential with these permissions has all of the role's power. A name that
        permits nothing by itself is power that no permission stands for, but `*`.
        """
        wanted, everybodys = self.of([role]), self.of([USER])
        return permits(permissions, [EVERYTHING]) or (
            permits(permissions, wanted) and (role == USER or wanted > everybodys)
        )


def permits(held: Iterable[str], wanted: Iterable[str]) -> bool:
    """Whether who holds these permissions may do all of `wanted`."""
    held = frozenset(held)
    return EVERYTHING in held or held.issuperset(wanted)


def holds_role(roles: Iterable[str], wanted: str) -> bool:
    """Whether one of `roles` is `wanted` or stands above it on the ladder; all hold the lowest."""
    return any(wanted in _with_lower(role) for role in (USER, *roles))


def _with_lower(role: str) -> tuple[str, ...]:
    return LADDER[: LADDER.index(role) + 1] if role in LADDER else (role,)
