from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from keywright.accounts.link_tokens.errors import InvalidLink
from keywright.core.errors import KeywrightError
from keywright.core.web import resolve_caller
from keywright.core.web.cookies import sign_up_cookie
from keywright.flows import prove_address
from keywright.flows.errors import NewPasswordRequired
from keywright.flows.prove_address import LinkHolder
from keywright.pages.announcements import Announcement, announce
from keywright.pages.form import EMAIL, FIRST_PASSWORD, LINK_TOKEN, Form
from keywright.pages.form_page import FormPage
from keywright.pages.page import Pages
from keywright.pages.page_route import GET
from keywright.pages.visitor import find_visitor

if TYPE_CHECKING:
    from keywright.core.context import Context


def add(api: APIRouter, pages: Pages) -> None:
    kw, page = pages.kw, FormPage(pages, "verify_email.jinja", LINK_TOKEN, FIRST_PASSWORD)
    dead_link, ask_again = FormPage(pages, "dead_link.jinja"), resend_page(pages)

    @api.api_route("/verify-email", methods=[*GET])
    async def show(request: Request, token: str = "") -> Response:
        if token:
            return await show_link(request, Form({"token": token}))
        visitor = await find_visitor(kw, request)
        known = visitor.user.email if visitor and visitor.user else ""
        return ask_again.show(request, Form({"email": known}))

    @api.post("/verify-email")
    async def verify_email(request: Request) -> Response:
        form, caller = await page.read(request), resolve_caller(request, kw.settings)
        try:
            page.check(request, form)
            holder = await who_opened_it(kw, request, form["new_password"] or None)
            await prove_address.verify_email(kw, form["token"], holder, caller)
        except NewPasswordRequired as error:
            return await show_link(request, form.refused(error, at="new_password"))
        except KeywrightError as error:
            return await show_link(request, form.refused(error))
        response = pages.go("/sign-in")
        announce(kw, response, Announcement.EMAIL_VERIFIED)
        return response

    async def show_link(request: Request, form: Form) -> Response:
        """What the link will do, and for whom. Looking changes nothing."""
        try:
            holder = await who_opened_it(kw, request)
            preview = await prove_address.preview_link(kw, form["token"], holder)
        except InvalidLink as error:
            return dead_link.show(
                request,
                Form().refused(error),
                ask_at="/verify-email/resend",
                done="your e-mail address is confirmed",
                way_on="sign in",
            )
        return page.show(request, form, preview=preview)

    add_resend(api, pages)


def add_resend(api: APIRouter, pages: Pages) -> None:
    kw, page, sent = pages.kw, resend_page(pages), check_mail(pages)

    @api.api_route("/verify-email/resend", methods=[*GET])
    async def show() -> Response:
        return pages.go("/verify-email")

    @api.post("/verify-email/resend")
    async def resend(request: Request) -> Response:
        form, caller = await page.read(request), resolve_caller(request, kw.settings)
        try:
            page.check(request, form)
            await prove_address.ask_for_verification(kw, form["email"], caller)
        except KeywrightError as error:
            return page.show(request, form.refused(error))
        return sent.show(request, form)


def resend_page(pages: Pages) -> FormPage:
    return FormPage(pages, "resend.jinja", EMAIL)


def check_mail(pages: Pages) -> FormPage:
    """The same for every address, known or not."""
    return FormPage(pages, "check_mail.jinja", EMAIL)


async def who_opened_it(
    kw: Context, request: Request, new_password: str | None = None
) -> LinkHolder:
    visitor = await find_visitor(kw, request)
    return LinkHolder(
        browser_secret=sign_up_cookie(kw.settings).read(request),
        user_id=visitor.user.id if visitor and visitor.user else None,
        new_password=new_password,
    )
