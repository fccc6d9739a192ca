"""The device cookie: a browser that signed in to an account before has its own failure counter."""

from __future__ import annotations

from keywright.core.crypto import MasterSecrets, Purpose
from keywright.core.ids import new_secret

MAX_COOKIE = 512


def remember_device(secrets: MasterSecrets, account: str, previous: str | None) -> str:
    """The cookie for a browser that just signed in to `account` (a folded e-mail address)."""
    if previous is not None and is_known_device(secrets, previous, account):
        return previous
    device_id = new_secret(128)
    mac = secrets.mac(Purpose.DEVICE_COOKIE, material(device_id, account))
    return f"{device_id}.{mac.hex()}"


def is_known_device(secrets: MasterSecrets, cookie: str | None, account: str) -> bool:
    if cookie is None or len(cookie) > MAX_COOKIE or not cookie.isascii():
        return False
    device_id, _, encoded = cookie.partition(".")
    try:
        mac = bytes.fromhex(encoded)
    except ValueError:
        return False
    return secrets.verify_mac(Purpose.DEVICE_COOKIE, material(device_id, account), mac)


def material(device_id: str, account: str) -> bytes:
    return f"{device_id}|{account}".encode()
