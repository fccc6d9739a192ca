"""What this server asks of a new password, from its settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from keywright.accounts.passwords.strength import check_new_password
from keywright.core.settings import Settings

if TYPE_CHECKING:
    from keywright.accounts.passwords.breaches import BreachedPasswords


class PasswordPolicy:
    """Implements `core.context.PasswordPolicy`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._breaches = open_breaches() if settings.password_breach_check else None

    async def check(self, password: str, *, about: Iterable[str], field: str = "password") -> None:
        await check_new_password(
            password,
            settings=self._settings,
            user_inputs=[*about, self._settings.app_name],
            breaches=self._breaches,
            field=field,
        )

    async def close(self) -> None:
        if self._breaches is not None:
            await self._breaches.close()


def open_breaches() -> BreachedPasswords:
    """Its HTTP client is loaded by those alone who ask somebody for a list."""
    from keywright.accounts.passwords.breaches import BreachedPasswords

    return BreachedPasswords()
