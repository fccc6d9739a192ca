"""What this server asks of a new password, from its settings."""

from __future__ import annotations

from collections.abc import Iterable

from keywright.accounts.passwords.breaches import BreachedPasswords
from keywright.accounts.passwords.strength import check_new_password
from keywright.core.settings import Settings


class PasswordPolicy:
    """Implements `core.context.PasswordPolicy`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._breaches = BreachedPasswords() if settings.password_breach_check else None

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
