"""Signing keys: are there any, and does a configured master secret open them?"""

from __future__ import annotations

from datetime import datetime

from keywright.core.crypto import CannotOpen, MasterSecrets
from keywright.core.data_dir import is_there, named_when_unusable
from keywright.core.db import Database
from keywright.core.errors import ConfigurationError
from keywright.core.settings import Settings
from keywright.keys import service
from keywright.keys.models import SigningKey
from keywright.server.doctor.findings import Finding, ok, problem, warning

PART = "keys"


async def examine_keys(settings: Settings, db: Database, now: datetime) -> Finding:
    published = await service.list_published_keys(db, now)
    try:
        secrets = known_secrets(settings)
    except ConfigurationError as error:
        return problem(PART, "The master secret cannot be read.", error.detail)
    if not published:
        return warning(
            PART, "No signing key is published yet.", "The first `keywright serve` makes one."
        )
    if secrets is None:
        return problem(
            PART,
            "There is no master secret, but there are keys that one sealed.",
            "Set KEYWRIGHT_SECRET_KEY, or bring back the file secret_key of the data directory.",
        )
    return judge_keys(published, secrets)


def known_secrets(settings: Settings) -> MasterSecrets | None:
    """As start-up reads them, but without making development's secret."""
    secret, file = settings.secret_key, settings.data_dir / "secret_key"
    if secret is None and settings.development and is_there(file):
        with named_when_unusable(settings.data_dir):
            secret = file.read_text(encoding="utf-8").strip()
    return MasterSecrets(secret, settings.secret_keys_old) if secret else None


def judge_keys(published: list[SigningKey], secrets: MasterSecrets) -> Finding:
    sealed = [key.kid for key in published if not opens(key, secrets)]
    if sealed:
        return problem(
            PART,
            f"Of {len(published)} signing keys these cannot be opened: {', '.join(sealed)}.",
            CannotOpen.detail,
        )
    if not all(secrets.is_current(key.sealed_private_jwk) for key in published):
        return warning(
            PART,
            "Some signing keys are still sealed under an old master secret.",
            "Run `keywright key rotate --master`.",
        )
    return ok(PART, f"{len(published)} signing keys are published, and their private parts open.")


def opens(key: SigningKey, secrets: MasterSecrets) -> bool:
    try:
        service.open_private_key(key, secrets)
    except CannotOpen:
        return False
    return True
