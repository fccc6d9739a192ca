"""Verifies hashes that other systems made, until the sign-in at which they are replaced.

Costs come from an import file: what would take too long or too much memory is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from types import ModuleType

from argon2 import extract_parameters
from argon2.exceptions import Argon2Error, VerifyMismatchError
from argon2.low_level import verify_secret
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from keywright.accounts.passwords.normalization import encode, normalize

BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}", re.ASCII)
BCRYPT_BYTES = 72
BCRYPT_MOST = 16  # 2^16 rounds: some seconds
PBKDF2_MOST = 5_000_000  # iterations
SCRYPT_MOST = 2**22  # N·r·p; times 128 bytes: 512 MiB
SCRYPT_MEMORY = 2**30  # OpenSSL's own bound, bytes
ARGON2_MOST = 2**22  # KiB times passes
ARGON2_LANES = 64  # each is a thread
FIREBASE = "firebase-scrypt$"
FIREBASE_IV = bytes(16)

Check = Callable[[str, bytes], bool]


class UnusableHash(Exception):
    """Nobody can verify this hash here; the message says why, without the hash."""


def verify_foreign(stored: str, password: str) -> bool:
    """Whether one of `FORMATS` says that this is the password. Raises `UnusableHash`.

    Most systems hash what was typed; some normalize it first. Both spellings count.
    """
    check = find_check(stored)
    spellings = dict.fromkeys(encode(text) for text in (password, normalize(password)))
    try:
        return any(check(stored, spelling) for spelling in spellings)
    except (ValueError, OverflowError, Argon2Error) as error:
        raise UnusableHash(f"The hash is damaged ({type(error).__name__}).") from None


def find_check(stored: str) -> Check:
    for prefix, check in FORMATS.items():
        if stored.startswith(prefix):
            return check
    raise UnusableHash("The hash has no format that Keywright knows.")


def refuse_costly(cost: int, most: int) -> None:
    """An import file does not decide how long a sign-in takes. Raises `UnusableHash`."""
    if not 0 < cost <= most:
        raise UnusableHash(f"The hash costs {cost}; at most {most} is accepted.")


def check_bcrypt(stored: str, password: bytes) -> bool:
    """The algorithm reads 72 bytes; newer packages refuse more instead of cutting."""
    found = BCRYPT.fullmatch(stored)
    if not found:
        raise ValueError(stored[:4])
    refuse_costly(int(found[1]), BCRYPT_MOST)
    matches: bool = load_bcrypt().checkpw(password[:BCRYPT_BYTES], stored.encode())
    return matches


def load_bcrypt() -> ModuleType:
    try:
        import bcrypt
    except ImportError:
        raise UnusableHash(
            "This is a bcrypt hash, and the bcrypt package is missing: pip install bcrypt."
        ) from None
    return bcrypt


def check_django_bcrypt(stored: str, password: bytes) -> bool:
    return check_bcrypt(stored.removeprefix("bcrypt$"), password)


def check_django_bcrypt_sha256(stored: str, password: bytes) -> bool:
    digest = hashlib.sha256(password).hexdigest().encode()
    return check_bcrypt(stored.removeprefix("bcrypt_sha256$"), digest)


def check_django_argon2(stored: str, password: bytes) -> bool:
    return check_argon2(stored.removeprefix("argon2"), password)


def check_argon2(stored: str, password: bytes) -> bool:
    costs = extract_parameters(stored)
    refuse_costly(costs.memory_cost * costs.time_cost, ARGON2_MOST)
    refuse_costly(costs.parallelism, ARGON2_LANES)
    try:
        return verify_secret(stored.encode(), password, costs.type)
    except VerifyMismatchError:
        return False


def check_passlib_pbkdf2(stored: str, password: bytes) -> bool:
    """`$pbkdf2-sha256$<rounds>$<salt>$<hash>`, in passlib's base64 with dots."""
    _, name, rounds, salt, expected = stored.split("$")
    algorithm = name.removeprefix("pbkdf2-") if "-" in name else "sha1"
    return pbkdf2_matches(algorithm, password, unpack(salt), int(rounds), unpack(expected))


def check_django_pbkdf2(stored: str, password: bytes) -> bool:
    """`pbkdf2_sha256$<iterations>$<salt>$<hash>`; the salt is text."""
    name, rounds, salt, expected = stored.split("$")
    algorithm = name.removeprefix("pbkdf2_")
    return pbkdf2_matches(algorithm, password, salt.encode(), int(rounds), unpack(expected))


def check_werkzeug_pbkdf2(stored: str, password: bytes) -> bool:
    """`pbkdf2:sha256:<iterations>$<salt>$<hex>`; the salt is text."""
    method, salt, expected = stored.split("$")
    _, algorithm, rounds = method.split(":")
    found = bytes.fromhex(expected)
    return pbkdf2_matches(algorithm, password, salt.encode(), int(rounds), found)


def pbkdf2_matches(
    algorithm: str, password: bytes, salt: bytes, rounds: int, expected: bytes
) -> bool:
    if algorithm not in {"sha1", "sha256", "sha512"}:
        raise ValueError(algorithm)
    refuse_costly(rounds, PBKDF2_MOST)
    derived = hashlib.pbkdf2_hmac(algorithm, password, salt, rounds)
    return hmac.compare_digest(derived, expected)


def check_werkzeug_scrypt(stored: str, password: bytes) -> bool:
    """`scrypt:<N>:<r>:<p>$<salt>$<hex>`; the salt is text."""
    method, salt, expected = stored.split("$")
    _, n, r, p = method.split(":")
    derived = derive_scrypt(password, salt.encode(), int(n), int(r), int(p))
    return hmac.compare_digest(derived, bytes.fromhex(expected))


def check_django_scrypt(stored: str, password: bytes) -> bool:
    """`scrypt$<N>$<salt>$<r>$<p>$<hash>`; the salt is text."""
    _, n, salt, r, p, expected = stored.split("$")
    derived = derive_scrypt(password, salt.encode(), int(n), int(r), int(p))
    return hmac.compare_digest(derived, unpack(expected))


def check_firebase(stored: str, password: bytes) -> bool:
    """Firebase's own scrypt: the derived key encrypts the project's signer key.

    https://github.com/firebase/scrypt
    """
    rounds, mem_cost, signer_key, separator, salt, expected = stored.removeprefix(FIREBASE).split(
        "$"
    )
    refuse_costly(int(mem_cost), SCRYPT_MOST.bit_length())
    salted = unpack(salt) + unpack(separator)
    key = derive_scrypt(password, salted, 2 ** int(mem_cost), int(rounds), 1)[:32]
    cipher = Cipher(algorithms.AES(key), modes.CTR(FIREBASE_IV)).encryptor()
    signed = cipher.update(unpack(signer_key)) + cipher.finalize()
    return hmac.compare_digest(signed, unpack(expected))


def firebase_hash(
    *, hash_: str, salt: str, signer_key: str, salt_separator: str, rounds: int, mem_cost: int
) -> str:
    """What is stored for an account of a Firebase export, with its project's hash parameters.

    Each text is base64, as the export and the console show it.
    """
    parts = (repack(text) for text in (signer_key, salt_separator, salt, hash_))
    return f"{FIREBASE}{rounds}${mem_cost}${'$'.join(parts)}"


def derive_scrypt(password: bytes, salt: bytes, n: int, r: int, p: int) -> bytes:
    for cost in (n, r, p, n * r * p):
        refuse_costly(cost, SCRYPT_MOST)
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=SCRYPT_MEMORY, dklen=64)


def unpack(text: str) -> bytes:
    """Base64 in any of its dialects: standard, for URLs, passlib's; padded or not."""
    plain = text.rstrip("=").translate(str.maketrans("-_.", "+/+"))
    return b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def repack(text: str) -> str:
    return b64encode(unpack(text)).decode()


FORMATS: dict[str, Check] = {
    "$2a$": check_bcrypt,
    "$2b$": check_bcrypt,
    "$2y$": check_bcrypt,
    "bcrypt$": check_django_bcrypt,
    "bcrypt_sha256$": check_django_bcrypt_sha256,
    "$argon2i$": check_argon2,
    "$argon2d$": check_argon2,
    "argon2$": check_django_argon2,
    "$pbkdf2": check_passlib_pbkdf2,
    "pbkdf2_": check_django_pbkdf2,
    "pbkdf2:": check_werkzeug_pbkdf2,
    "scrypt:": check_werkzeug_scrypt,
    "scrypt$": check_django_scrypt,
    FIREBASE: check_firebase,
}
