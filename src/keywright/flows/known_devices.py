"""The device cookie: a browser that signed in to an account before has its own failure counter.

It is bound to the account and to the age of its password, so that a reset leaves no device known.
"""

from __future__ import annotations

import re

from keywright.accounts.users.models import UserRecord
from keywright.core.crypto import MasterSecrets, Purpose
from keywright.core.ids import new_secret

COOKIE = re.compile(r"(?P<device_id>[A-Za-z0-9]{1,64})\.(?P<mac>[0-9a-f]{1,256})", re.ASCII)


def remember_device(secrets: MasterSecrets, user: UserRecord, previous: str | None) -> str:
    """The cookie for a browser that just signed in to the account."""
    if previous is not None and find_device(secrets, previous, user) is not None:
        return previous
    device_id = new_secret(128)
    mac = secrets.mac(Purpose.DEVICE_COOKIE, material(device_id, user))
    return f"{device_id}.{mac.hex()}"


def find_device(secrets: MasterSecrets, cookie: str | None, user: UserRecord | None) -> str | None:
    """The id of a browser that signed in to this account before: what its failures count by.

    A cookie has one spelling, or each of its spellings would be counted for itself.
    """
    parts = COOKIE.fullmatch(cookie or "")
    if parts is None or user is None:
        return None
    device_id, mac = parts["device_id"], parts["mac"]
    if len(mac) % 2 or not secrets.verify_mac(
        Purpose.DEVICE_COOKIE, material(device_id, user), bytes.fromhex(mac)
    ):
        return None
    return device_id


def material(device_id: str, user: UserRecord) -> bytes:
    """Everything but the last part has a fixed length: no two cookies share a text."""
    changed_at = user.password_changed_at
    age = b"\0" * 8 if changed_at is None else round(changed_at.timestamp() * 1e6).to_bytes(8)
    return user.id.bytes + age + device_id.encode()
