"""The token that each form carries: it proves that we wrote the form for this very browser.

    token = nonce "." hex(MAC(nonce, binding))

The binding is the signed-in session, or the random form cookie of a browser without one. The nonce
only makes each token look different, so that compression in front of us cannot leak it.
"""

from __future__ import annotations

from keywright.core.crypto import MasterSecrets, Purpose
from keywright.core.errors import Forbidden
from keywright.core.hashing import sha256
from keywright.core.ids import new_secret

FIELD = "form_token"
NONCE_BITS = 96


class FormExpired(Forbidden):
    code = "form_expired"
    title = "Please send this again"
    detail = (
        "This page was open for a long time, or cookies are switched off. Nothing was changed: "
        "send the form again, and allow cookies for this site."
    )


def issue(secrets: MasterSecrets, binding: str) -> str:
    nonce = new_secret(NONCE_BITS)
    return f"{nonce}.{secrets.mac(Purpose.FORM, material(nonce, binding)).hex()}"


def require_own(secrets: MasterSecrets, token: str, binding: str) -> None:
    """Refuses a form that we did not write for this browser, or this session.

    Raises `FormExpired`.
    """
    nonce, _, encoded = token.partition(".")
    try:
        mac = bytes.fromhex(encoded)
    except ValueError:
        raise FormExpired from None
    if not secrets.verify_mac(Purpose.FORM, material(nonce, binding), mac):
        raise FormExpired


def material(nonce: str, binding: str) -> bytes:
    """Of a fixed shape, whatever cookie a browser invents."""
    return sha256(nonce) + sha256(binding)
