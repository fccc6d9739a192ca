"""`/dev/mail`: the development mailbox as pages, and as JSON for scripts."""

from __future__ import annotations

import re
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from keywright.core.context import Context
from keywright.core.errors import NotFound
from keywright.core.hosts import is_loopback
from keywright.core.settings import Settings
from keywright.core.web.route import router
from keywright.outbox.channels.mail.mailbox import DevelopmentMailbox, StoredMail
from keywright.outbox.channels.mail.preview import PreviewPages, mail_policy

LOOPBACK_HOST = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)
FORWARDING_HEADERS = frozenset(
    {"forwarded", "via", "x-real-ip", "cf-connecting-ip", "true-client-ip", "x-client-ip"}
)


def dev_mail_routes(kw: Context, mailbox: DevelopmentMailbox) -> APIRouter:
    routes = router(kw, dependencies=[Depends(refuse_strangers)], include_in_schema=False)
    if not offers_mailbox(kw.settings):
        return routes
    pages = PreviewPages()

    @routes.get("/dev/mail")
    def list_mails(request: Request) -> Response:
        mails = mailbox.newest_first()
        if wants_json(request):
            return as_json({"items": mails})
        return page(pages.list_page(mails), pages.policy)

    @routes.get("/dev/mail/{mail_id}")
    def show_mail(request: Request, mail_id: UUID) -> Response:
        mail = find(mailbox, mail_id)
        return as_json(mail) if wants_json(request) else page(pages.mail_page(mail), pages.policy)

    @routes.get("/dev/mail/{mail_id}/html")
    def show_html(mail_id: UUID) -> Response:
        mail = find(mailbox, mail_id)
        return page(mail.html, mail_policy(mail.html))

    return routes


def offers_mailbox(settings: Settings) -> bool:
    return settings.development


def refuse_strangers(request: Request) -> None:
    """Only a browser on this very machine, without anything in between, sees the mails.

    Judged at each request: the peer, the `Host` it asked for (DNS rebinding), and any trace of a
    proxy, which would make every visitor look like a loopback peer. Raises `NotFound`.
    """
    hosts = request.headers.getlist("host")
    direct = not any(is_forwarding_header(name) for name in request.headers)
    near = request.client is not None and is_loopback(request.client.host)
    if not (direct and near and len(hosts) == 1 and LOOPBACK_HOST.fullmatch(hosts[0])):
        raise NotFound


def is_forwarding_header(name: str) -> bool:
    return name in FORWARDING_HEADERS or name.startswith("x-forwarded")


def find(mailbox: DevelopmentMailbox, mail_id: UUID) -> StoredMail:
    mail = mailbox.read(mail_id)
    if mail is None:
        raise NotFound
    return mail


def wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def as_json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def page(html: str, policy: str) -> Response:
    return HTMLResponse(html, headers={"Content-Security-Policy": policy, "Vary": "Accept"})
