from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.rfc_vectors import RFC5869_VECTORS

from keywright.core.crypto import (
    KEY_LENGTH,
    CannotOpen,
    MasterSecrets,
    Purpose,
    UnknownGeneration,
    hkdf,
)
from keywright.core.errors import ConfigurationError

FIRST = "first-secret-of-at-least-thirty-two-characters"
SECOND = "second-secret-of-at-least-thirty-two-characters"


@pytest.fixture
def secrets() -> MasterSecrets:
    return MasterSecrets(FIRST)


@pytest.fixture
def rotated() -> MasterSecrets:
    return MasterSecrets(SECOND, [FIRST])


@pytest.mark.parametrize(("secret", "salt", "info", "length", "output"), RFC5869_VECTORS)
def test_hkdf_gives_what_rfc_5869_says(
    secret: str, salt: str, info: str, length: int, output: str
) -> None:
    derived = hkdf(bytes.fromhex(secret), bytes.fromhex(info), length, salt=bytes.fromhex(salt))
    assert derived.hex() == output


def test_every_purpose_has_a_key_of_its_own(secrets: MasterSecrets) -> None:
    keys = {secrets.derive(purpose) for purpose in Purpose}
    assert len(keys) == len(Purpose)
    assert {len(key) for key in keys} == {KEY_LENGTH}


def test_derived_keys_are_the_same_in_every_process(secrets: MasterSecrets) -> None:
    code = (
        "from keywright.core.crypto import MasterSecrets, Purpose\n"
        f"print(MasterSecrets({FIRST!r}).derive(Purpose.FORM).hex())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == secrets.derive(Purpose.FORM).hex()


def test_the_generation_names_the_secret_without_being_its_hash(secrets: MasterSecrets) -> None:
    assert len(secrets.generation) == 4
    assert secrets.generation == MasterSecrets(FIRST).generation
    assert secrets.generation != MasterSecrets(SECOND).generation
    assert secrets.generation == hkdf(FIRST.encode(), b"keywright/v1/generation", 4)


def test_an_old_generation_still_derives(secrets: MasterSecrets, rotated: MasterSecrets) -> None:
    first = secrets.derive(Purpose.REFRESH_TOKEN)
    assert rotated.derive(Purpose.REFRESH_TOKEN, secrets.generation) == first
    assert rotated.derive(Purpose.REFRESH_TOKEN) != first


def test_an_unknown_generation_is_named_in_the_error(secrets: MasterSecrets) -> None:
    with pytest.raises(UnknownGeneration, match="00000000"):
        secrets.derive(Purpose.CODE, bytes(4))


def test_the_same_secret_twice_is_one_generation() -> None:
    assert MasterSecrets(FIRST, [FIRST]).generation == MasterSecrets(FIRST).generation


def test_an_empty_secret_is_refused_with_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match="KEYWRIGHT_SECRET_KEY"):
        MasterSecrets("")


def test_two_secrets_with_one_generation_id_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keywright.core.crypto.hkdf", lambda *_args, **_options: b"same")
    with pytest.raises(ConfigurationError, match="generation"):
        MasterSecrets(FIRST, [SECOND])


@given(plaintext=st.binary(max_size=300), context=st.binary(max_size=40))
def test_what_was_sealed_opens(plaintext: bytes, context: bytes) -> None:
    secrets = MasterSecrets(FIRST)
    sealed = secrets.seal(Purpose.OUTBOX, plaintext, context=context)
    assert secrets.open(Purpose.OUTBOX, sealed, context=context) == plaintext


def test_sealing_twice_gives_two_values(secrets: MasterSecrets) -> None:
    first, second = (secrets.seal(Purpose.OUTBOX, b"text", context=b"row") for _ in range(2))
    assert first != second
    assert b"text" not in first


def test_a_sealed_value_does_not_open_under_another_context(secrets: MasterSecrets) -> None:
    sealed = secrets.seal(Purpose.OUTBOX, b"text", context=b"row 1")
    with pytest.raises(CannotOpen):
        secrets.open(Purpose.OUTBOX, sealed, context=b"row 2")


def test_a_sealed_value_does_not_open_for_another_purpose(secrets: MasterSecrets) -> None:
    sealed = secrets.seal(Purpose.OUTBOX, b"text", context=b"row")
    with pytest.raises(CannotOpen):
        secrets.open(Purpose.SIGNING_KEY, sealed, context=b"row")


def test_a_changed_bit_anywhere_does_not_open(secrets: MasterSecrets) -> None:
    sealed = secrets.seal(Purpose.OUTBOX, b"text", context=b"row")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(CannotOpen):
            secrets.open(Purpose.OUTBOX, bytes(changed), context=b"row")


def test_a_cut_value_does_not_open(secrets: MasterSecrets) -> None:
    sealed = secrets.seal(Purpose.OUTBOX, b"text", context=b"row")
    for length in range(len(sealed)):
        with pytest.raises(CannotOpen):
            secrets.open(Purpose.OUTBOX, sealed[:length], context=b"row")


def test_the_header_cannot_be_moved_into_the_context(secrets: MasterSecrets) -> None:
    sealed = secrets.seal(Purpose.OUTBOX, b"text", context=b"")
    with pytest.raises(CannotOpen):
        secrets.open(Purpose.OUTBOX, sealed, context=sealed[:5])


def test_an_old_secret_opens_until_it_is_gone(
    secrets: MasterSecrets, rotated: MasterSecrets
) -> None:
    sealed = secrets.seal(Purpose.OUTBOX, b"text", context=b"row")
    assert rotated.open(Purpose.OUTBOX, sealed, context=b"row") == b"text"
    with pytest.raises(CannotOpen, match="KEYWRIGHT_SECRET_KEYS_OLD"):
        MasterSecrets(SECOND).open(Purpose.OUTBOX, sealed, context=b"row")


def test_only_the_current_secret_is_current(secrets: MasterSecrets, rotated: MasterSecrets) -> None:
    sealed = secrets.seal(Purpose.OUTBOX, b"text", context=b"row")
    assert secrets.is_current(sealed)
    assert not rotated.is_current(sealed)
    assert rotated.is_current(rotated.seal(Purpose.OUTBOX, b"text", context=b"row"))


def test_a_mac_verifies_for_its_purpose_and_data_alone(secrets: MasterSecrets) -> None:
    mac = secrets.mac(Purpose.REFRESH_TOKEN, b"data")
    assert len(mac) == 36
    assert secrets.verify_mac(Purpose.REFRESH_TOKEN, b"data", mac)
    assert not secrets.verify_mac(Purpose.REFRESH_TOKEN, b"date", mac)
    assert not secrets.verify_mac(Purpose.CODE, b"data", mac)


@pytest.mark.parametrize("length", [0, 3, 4, 5, 35])
def test_a_cut_mac_does_not_verify(secrets: MasterSecrets, length: int) -> None:
    mac = secrets.mac(Purpose.CODE, b"data")
    assert not secrets.verify_mac(Purpose.CODE, b"data", mac[:length])


def test_a_mac_of_an_old_secret_verifies_and_of_an_unknown_one_does_not(
    secrets: MasterSecrets, rotated: MasterSecrets
) -> None:
    mac = secrets.mac(Purpose.CODE, b"data")
    assert rotated.verify_mac(Purpose.CODE, b"data", mac)
    assert not MasterSecrets(SECOND).verify_mac(Purpose.CODE, b"data", mac)


def test_a_mac_does_not_verify_under_another_generations_name(
    secrets: MasterSecrets, rotated: MasterSecrets
) -> None:
    mac = secrets.mac(Purpose.CODE, b"data")
    assert not rotated.verify_mac(Purpose.CODE, b"data", rotated.generation + mac[4:])


def test_a_secret_does_not_show_in_its_text_form(secrets: MasterSecrets) -> None:
    assert FIRST not in f"{secrets!r} {secrets}"
