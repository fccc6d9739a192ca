"""Rules of security.md, "Abuse" and "Durability": nothing secret is logged, denials are kept."""

from __future__ import annotations

import io
import logging
import urllib.error
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest
import structlog
from parts.server import keywright_server
from parts.server_logs import require_no_secrets
from parts.tables import create_tables, opened, sqlite_url

from keywright.audit import service
from keywright.audit.models import AuditEvent
from keywright.audit.table import audit, audit_origins
from keywright.core.errors import ConfigurationError, Forbidden
from keywright.core.hooks import refuse_reserved_claims
from keywright.core.log import configure_logging, get_logger
from keywright.core.redaction import Secret
from keywright.core.settings import Settings

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ADA = UUID(int=1)
PASSWORD = "correct horse battery staple"
REFRESH = "kwr_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLXRoaXM"


@pytest.fixture
def log_stream():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(Settings(_env_file=None, log_format="json"), stream)
    yield stream
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
async def db(tmp_path):
    url = sqlite_url(tmp_path)
    await create_tables(url, [audit, audit_origins])
    async with opened(url) as database:
        yield database


def test_nothing_secret_is_logged(log_stream):
    log = get_logger("keywright.test")
    log.info("by_type", value=Secret("hunter2"))
    log.info("by_name", new_password="hunter2", form={"current_password": "hunter2"})
    log.info(
        "by_shape", why="kwr_hunter2", key="kw_live_hunter2", jwt="eyJhunter2hunter2.e30.hunter2"
    )
    logging.getLogger("uvicorn.access").info('"GET %s"', "/reset-password?token=hunter2")
    try:
        fail("hunter2"[::-1])
    except ValueError:
        log.exception("in_a_traceback")
    written = [line for line in log_stream.getvalue().splitlines() if line]
    assert len(written) == 5
    assert "hunter2" not in "".join(written).replace('fail(\\"hunter2', "")


def test_no_server_logs_a_secret_that_somebody_shows_it(tmp_path):
    """In its address, in a header, in a body that is refused: `server.kill` reads the log."""
    with keywright_server(tmp_path) as server:
        for path, options in (
            ("/api/v1/auth/me", {"headers": {"Authorization": f"Bearer {JWT}"}}),
            (f"/api/v1/auth/me?access_token={JWT}&password={PASSWORD}", {}),
            ("/api/v1/auth/login", {"data": f"username=ada@example.com&password={PASSWORD}"}),
            ("/api/v1/auth/login", {"data": f'{{"password": "{PASSWORD}"', "json": True}),
            ("/api/v1/auth/refresh", {"data": f'{{"refresh_token": "{REFRESH}"}}', "json": True}),
            (f"/{REFRESH}/{JWT}", {}),
        ):
            ask(server.base_url + path.replace(" ", "%20"), **options)
        server.wait_until(lambda: server.read_log().count('"status"') >= 6, "not all is logged")


def test_a_secret_in_a_server_s_log_is_noticed():
    with pytest.raises(AssertionError, match="A server logged secrets"):
        require_no_secrets(f"a line\npassword={PASSWORD}")


def ask(url: str, *, data: str | None = None, json: bool = False, headers: dict | None = None):
    kind = {"Content-Type": "application/json"} if json else {}
    body = data.encode() if data is not None else None
    request = urllib.request.Request(url, body, {**kind, **(headers or {})})
    with suppress(urllib.error.HTTPError):
        urllib.request.urlopen(request).close()


def fail(reversed_secret: str) -> None:
    raise ValueError(f"password='{reversed_secret[::-1]}'")


@pytest.mark.anyio
async def test_no_secret_enters_the_audit_record(db):
    async with db.transaction() as tx:
        await service.record(
            tx,
            event=AuditEvent.PASSWORD_CHANGED,
            now=NOW,
            subject_id=ADA,
            details={"password": "hunter2", "link": "https://x/reset?token=hunter2"},
        )
    (found,) = (await service.list_for_user(db, ADA)).items
    assert "hunter2" not in str(found.details)


@pytest.mark.anyio
async def test_the_record_of_a_denial_survives_the_refusal(db):
    with pytest.raises(Forbidden):
        await refuse(db)
    assert len((await service.list_for_user(db, ADA)).items) == 1


async def refuse(db) -> None:
    await service.record_denial(db, event=AuditEvent.SIGNED_IN, now=NOW, subject_id=ADA)
    raise Forbidden


def test_an_application_never_changes_what_a_token_is():
    with pytest.raises(ConfigurationError, match="sub"):
        refuse_reserved_claims({"sub": "somebody else", "plan": "pro"})
