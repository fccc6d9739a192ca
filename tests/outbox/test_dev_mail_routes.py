from __future__ import annotations

import re
from uuid import uuid4

import httpx
import pytest
from parts.outbox import ADA, EVERY_MAIL, NOW, RESET, TOKEN, mailbox_app, plain_mail, row_message

from keywright.core.settings import Settings
from keywright.outbox.channels.mail.mailbox import DevelopmentMailbox
from keywright.outbox.channels.mail.render import MailRenderer

pytestmark = pytest.mark.anyio

JSON = {"Accept": "application/json"}


@pytest.fixture
def mailbox(settings: Settings) -> DevelopmentMailbox:
    return DevelopmentMailbox(settings.data_dir / "mail")


@pytest.fixture
def browser(settings: Settings, mailbox: DevelopmentMailbox) -> httpx.AsyncClient:
    app = mailbox_app(settings, mailbox)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 4711))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


async def test_an_empty_mailbox_says_what_to_do(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/dev/mail")
    assert page.status_code == 200
    assert "No mail yet" in page.text
    assert (await browser.get("/dev/mail", headers=JSON)).json() == {"items": []}


async def test_the_list_leads_to_each_mail_and_to_its_link(
    browser: httpx.AsyncClient, mailbox: DevelopmentMailbox, settings: Settings
) -> None:
    mail = MailRenderer(settings).render(RESET, row_message())
    await mailbox.deliver(mail)
    listed = await browser.get("/dev/mail")
    assert "Reset your password for Example &amp; Sons" in listed.text
    assert ADA in listed.text
    (target,) = re.findall(r'href="(mail/[0-9a-f-]+)"', listed.text)
    shown = await browser.get(f"/dev/{target}")
    assert f'href="https://accounts.example.test/reset-password?token={TOKEN}"' in shown.text
    (frame,) = re.findall(r'iframe src="([0-9a-f-]+/html)"', shown.text)
    html = await browser.get(f"/dev/mail/{frame}")
    assert html.text == mail.html
    assert 'target="_blank"' in html.text


async def test_scripts_read_the_mails_as_json(
    browser: httpx.AsyncClient, mailbox: DevelopmentMailbox
) -> None:
    mail = plain_mail(subject="Hello")
    await mailbox.deliver(mail)
    (item,) = (await browser.get("/dev/mail", headers=JSON)).json()["items"]
    assert item == {
        "id": str(mail.id),
        "to": ADA,
        "subject": "Hello",
        "sent_at": NOW.isoformat().replace("+00:00", "Z"),
        "link": f"https://accounts.example.test/reset-password?token={TOKEN}",
        "text": mail.text,
        "html": mail.html,
    }
    assert (await browser.get(f"/dev/mail/{mail.id}", headers=JSON)).json() == item


@pytest.mark.parametrize("path", ["/dev/mail/{}", "/dev/mail/{}/html"])
async def test_a_mail_that_is_not_there_is_not_found(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(path.format(uuid4()))).status_code == 404


@pytest.mark.parametrize("mail_id", ["..%2f..%2fsecret_key", "%00", "x" * 5000])
async def test_nothing_but_a_mail_can_be_asked_for(
    browser: httpx.AsyncClient, mail_id: str
) -> None:
    assert 400 <= (await browser.get(f"/dev/mail/{mail_id}")).status_code < 500


async def test_a_subject_cannot_become_part_of_the_page(
    browser: httpx.AsyncClient, mailbox: DevelopmentMailbox
) -> None:
    mail = plain_mail(subject='<script>alert(1)</script>"')
    await mailbox.deliver(mail)
    for path in ("/dev/mail", f"/dev/mail/{mail.id}"):
        assert "<script>" not in (await browser.get(path)).text


async def test_pages_are_not_kept_and_not_in_the_api_description(
    browser: httpx.AsyncClient, mailbox: DevelopmentMailbox
) -> None:
    await mailbox.deliver(plain_mail())
    page = await browser.get("/dev/mail")
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    description = await browser.get("/openapi.json")
    assert "/dev/mail" not in description.text


@pytest.mark.parametrize("said", EVERY_MAIL, ids=lambda said: type(said).__name__)
async def test_every_style_of_a_mail_is_allowed_by_its_hash_and_nothing_else(
    browser: httpx.AsyncClient, mailbox: DevelopmentMailbox, settings: Settings, said: object
) -> None:
    mail = MailRenderer(settings).render(said, row_message())
    await mailbox.deliver(mail)
    policy = (await browser.get(f"/dev/mail/{mail.id}/html")).headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy
    assert policy.startswith("sandbox allow-popups")
    assert "default-src 'none'" in policy
    styles = set(re.findall(r'style="([^"]*)"', mail.html))
    assert policy.count("'sha256-") == len(styles) + 1
