"""Keywright: keys for Python applications — accounts, sign-in, sessions and tokens.

    from keywright import Keywright, User

Names are loaded when they are first used, so that `import keywright.verify` stays small.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keywright import tables
    from keywright.core.errors import ConfigurationError, KeywrightError
    from keywright.core.events import (
        Event,
        PasswordChanged,
        PasswordReset,
        SessionRevoked,
        SignedIn,
        SignedOut,
        UserClosing,
        UserCreated,
        UserDeleted,
        UserDeleting,
        UserDisabled,
        UserEmailChanged,
        UserExported,
        UserRegistered,
        UserReopened,
        UserUpdated,
        UserVerified,
    )
    from keywright.core.notifications import Notification
    from keywright.core.principal import Claims, Principal, User
    from keywright.core.settings import Settings
    from keywright.integration import Keywright

__version__ = "0.1.0"

HOMES = {
    "Claims": "keywright.core.principal",
    "ConfigurationError": "keywright.core.errors",
    "Event": "keywright.core.events",
    "Keywright": "keywright.integration",
    "KeywrightError": "keywright.core.errors",
    "Notification": "keywright.core.notifications",
    "PasswordChanged": "keywright.core.events",
    "PasswordReset": "keywright.core.events",
    "Principal": "keywright.core.principal",
    "SessionRevoked": "keywright.core.events",
    "Settings": "keywright.core.settings",
    "SignedIn": "keywright.core.events",
    "SignedOut": "keywright.core.events",
    "User": "keywright.core.principal",
    "UserClosing": "keywright.core.events",
    "UserCreated": "keywright.core.events",
    "UserDeleted": "keywright.core.events",
    "UserDeleting": "keywright.core.events",
    "UserDisabled": "keywright.core.events",
    "UserEmailChanged": "keywright.core.events",
    "UserExported": "keywright.core.events",
    "UserRegistered": "keywright.core.events",
    "UserReopened": "keywright.core.events",
    "UserUpdated": "keywright.core.events",
    "UserVerified": "keywright.core.events",
    "tables": "keywright.tables",
}

__all__ = [
    "Claims",
    "ConfigurationError",
    "Event",
    "Keywright",
    "KeywrightError",
    "Notification",
    "PasswordChanged",
    "PasswordReset",
    "Principal",
    "SessionRevoked",
    "Settings",
    "SignedIn",
    "SignedOut",
    "User",
    "UserClosing",
    "UserCreated",
    "UserDeleted",
    "UserDeleting",
    "UserDisabled",
    "UserEmailChanged",
    "UserExported",
    "UserRegistered",
    "UserReopened",
    "UserUpdated",
    "UserVerified",
    "tables",
]


def __getattr__(name: str) -> Any:
    home = HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'keywright' has no attribute {name!r}")
    module = import_module(home)
    return module if home.rpartition(".")[2] == name else getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
