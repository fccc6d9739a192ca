"""Known answers: made by the named libraries, or published by those who made the format."""

from __future__ import annotations

import hashlib
import sys
from base64 import b64encode
from contextlib import suppress

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.hashing import quick_settings

from keywright.accounts.passwords.foreign import (
    FORMATS,
    UnusableHash,
    firebase_hash,
    verify_foreign,
)
from keywright.accounts.passwords.hasher import Hasher

CAFE = "correct horse café"  # U+00E9, as Django, passlib and Werkzeug were given it
FIREBASE = firebase_hash(  # https://github.com/firebase/scrypt, README
    hash_="lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
    salt="42xEC+ixf3L2lw==",
    signer_key="jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
    salt_separator="Bw==",
    rounds=8,
    mem_cost=14,
)
KNOWN = {
    "bcrypt 4.0 2a": (CAFE, "$2a$04$BAjT5RH90PZiY2xHxfCp2ewbDZgqB9oZyQ7CO0bSFdLRUtdvFQdcK"),
    "bcrypt 4.0 2b": (CAFE, "$2b$04$HfA3C1uYP1NDj/jtkeflAOmK3j0h9dUei4BLkK4BFFfUUwifjQ41u"),
    "bcrypt 2y (Openwall)": (
        "U*U",
        "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    ),
    "bcrypt 4.0, 80 bytes cut to 72": (
        "x" * 80,
        "$2b$04$sz81rwc4/RyyIkNl558ZRukgTRN49VneVunuT.6uHXKsviScWT6fa",
    ),
    "Django 5.2 pbkdf2_sha256": (
        CAFE,
        "pbkdf2_sha256$1000$seasalt$XoBwo69t6fez+lOFEmhDUuENcVfGy0fqeIHts+GP++Q=",
    ),
    "Django 5.2 pbkdf2_sha1": (CAFE, "pbkdf2_sha1$1000$seasalt$SVNeZatBerKiWN7RGfru8/WfQ/8="),
    "Django 5.2 argon2": (
        CAFE,
        "argon2$argon2id$v=19$m=64,t=1,p=2$c2Vhc2FsdHNlYXNhbHQ$oPhVvPfEH/smX0E4kciAy6Jmxs0VaGVMdPXQ77iF3Qw",
    ),
    "Django 5.2 bcrypt_sha256": (
        CAFE,
        "bcrypt_sha256$$2b$04$.3koQ4OJDDg34u8V2MD8m./hupiAmA16QvBZL75a/xUSYw5SxTStC",
    ),
    "Django 5.2 bcrypt": (
        CAFE,
        "bcrypt$$2b$04$I8D8/l8X6MI4xnM.Jw4c7Oo0.GX0w2Aufqe9fawu0n63pSsPB4Kge",
    ),
    "Django 5.2 scrypt": (
        CAFE,
        "scrypt$1024$seasalt$8$5$boFOY3pchPcKKBf/d1X2cqNj2KTn3i1OVvKI52zmy8J08rCWXef/2jrn5J4bg5h2r1S3gDabXe/7sXkvAyG0pA==",
    ),
    "passlib 1.7 pbkdf2-sha256": (
        CAFE,
        "$pbkdf2-sha256$1000$PIcQIkSodW7NmTPGGCOEUA$KoN6ePgKJ3DSlhOEWVoRQ5EQhsyebg0O7In2ZdgRjmo",
    ),
    "passlib 1.7 pbkdf2-sha512": (
        CAFE,
        "$pbkdf2-sha512$1000$RqjV.l.r1br3/v8/h9C61w$Zus1B284aSvXKxE.M2tWjFgopAVYAKsbUvz1pSvA5Rxr0swYFUMh0pfWPMghaYGcqTw72SgIo4R1eblBYzcdlA",
    ),
    "passlib 1.7 pbkdf2": (CAFE, "$pbkdf2$1000$a835X6u1NiZk7L33/j.ntA$kNlyNrHzHve8BGqGHCCK9Nb2ZT8"),
    "Werkzeug scrypt": (
        CAFE,
        "scrypt:1024:8:1$s4hce8P7hmxLKAOD$839e524649e9ef5d1b1f451007dd4c515b50c5fc0242047c016b8365b28a78c47b31189ea84e25f0a91eec61cb867500112ef14ab33ae082f0c3f8b35b124db0",
    ),
    "Werkzeug pbkdf2": (
        CAFE,
        "pbkdf2:sha256:1000$7AEBTc62iFD6gG8c$90d72b7cd31c5a8b1db5b4b22bc39fb42e7bdb5e59eb5f0905217b1c4e64edcb",
    ),
    "argon2-cffi argon2i": (
        CAFE,
        "$argon2i$v=19$m=64,t=1,p=1$c2Vhc2FsdHNlYXNhbHQxMg$aRx08mtBZ4+YmUZpPel+NaZpAgy51z0u9zg5cnFSi94",
    ),
    "Firebase": ("user1password", FIREBASE),
}
known = pytest.mark.parametrize(("password", "stored"), KNOWN.values(), ids=KNOWN.keys())


@known
def test_the_known_password_verifies(password, stored):
    assert verify_foreign(stored, password)


@known
def test_another_password_does_not(password, stored):
    assert not verify_foreign(stored, "another" + password)
    assert not verify_foreign(stored, "P" + password[1:])
    assert not verify_foreign(stored, "")


def test_hashes_of_todays_bcrypt_verify():
    assert verify_foreign(bcrypt.hashpw(CAFE.encode(), bcrypt.gensalt(4)).decode(), CAFE)


@pytest.mark.parametrize("typed", ["café au lait", "cafe\u0301 au lait"])
def test_both_spellings_of_a_password_are_tried(typed):
    derived = hashlib.pbkdf2_hmac("sha256", "café au lait".encode(), b"salt", 1000)
    stored = f"pbkdf2:sha256:1000$salt${derived.hex()}"
    assert verify_foreign(stored, typed)


def test_firebase_exports_may_be_in_the_base64_of_urls():
    url_safe = firebase_hash(
        hash_="lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ",
        salt="42xEC-ixf3L2lw",
        signer_key="jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA",
        salt_separator="Bw",
        rounds=8,
        mem_cost=14,
    )
    assert url_safe == FIREBASE


@pytest.mark.parametrize(
    "stored",
    [
        "plain text",
        "",
        "md5$salt$" + hashlib.md5(b"saltpassword").hexdigest(),
        "$2b$04$short",
        "pbkdf2_md5$1000$salt$aaaa",
        "pbkdf2_sha256$many$salt$aaaa",
        "$pbkdf2-sha256$1000$salt",
        "scrypt:1000:8:1$salt$00",
        "scrypt:-2:-8:1$salt$00",
        "firebase-scrypt$8$14$!$!$!$!",
        "argon2$argon2id$v=19$m=64",
        "$argon2i$v=19$m=64,t=1,p=1$c2Vh$",
    ],
)
def test_what_nobody_can_verify_is_said_to_be_unusable(stored):
    with pytest.raises(UnusableHash) as caught:
        verify_foreign(stored, "password")
    assert stored == "" or stored not in str(caught.value)


def test_a_missing_bcrypt_is_named_in_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    with pytest.raises(UnusableHash, match="pip install bcrypt"):
        verify_foreign(KNOWN["bcrypt 4.0 2b"][1], CAFE)


@given(
    prefix=st.sampled_from(sorted(FORMATS)),
    rest=st.text(alphabet="$:=,.+/azAZ09-\0é", max_size=60),
    password=st.text(max_size=20),
)
def test_no_stored_text_and_no_password_raise_anything_else(prefix, rest, password):
    with suppress(UnusableHash):
        assert verify_foreign(prefix + rest, password) is False


@pytest.mark.anyio
async def test_the_hasher_verifies_them_in_its_pool():
    hasher = Hasher(quick_settings())
    for password, stored in KNOWN.values():
        assert await hasher.verify(stored, password, network=None, account="ada")
        assert not await hasher.verify(stored, "wrong", network=None, account="ada")
        assert hasher.needs_rehash(stored)
    await hasher.close()


def test_the_firebase_string_fits_the_column():
    long_key = b64encode(bytes(96)).decode()
    stored = firebase_hash(
        hash_=long_key,
        salt=long_key,
        signer_key=long_key,
        salt_separator="Bw==",
        rounds=8,
        mem_cost=14,
    )
    assert len(stored) <= 512
