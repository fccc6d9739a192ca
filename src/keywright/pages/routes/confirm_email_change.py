from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from keywright.accounts.link_tokens.errors import InvalidLink
from keywright.core.errors import KeywrightError
from keywright.core.web import resolve_caller
from keywright.flows import confirm_email_change
from keywright.flows.errors import NewPasswordRequired
from keywright.pages.announcements import Announcement, announce
from keywright.pages.form import FIRST_PASSWORD, LINK_TOKEN, Form
from keywright.pages.form_page import FormPage
from keywright.pages.page import Pages
from keywright.pages.page_route import GET
from keywright.pages.routes.verify_email import who_opened_it
from keywright.pages.visitor import find_visitor


def add(api: APIRouter, pages: Pages) -> None:
    kw, page = pages.kw, FormPage(pages, "confirm_email_change.jinja", LINK_TOKEN, FIRST_PASSWORD)
    dead_link = FormPage(pages, "dead_email_change.jinja")

    @api.api_route("/confirm-email-change", methods=[*GET])
    async def show(request: Request, token: str = "") -> Response:
        return await show_link(request, Form({"token": token}))

    @api.post("/confirm-email-change")
    async def confirm(request: Request) -> Response:
        form, caller = await page.read(request), resolve_caller(request, kw.settings)
        try:
            page.check(request, form)
            holder = await who_opened_it(kw, request, form["new_password"] or None)
            await confirm_email_change.confirm_email_change(kw, form["token"], holder, caller)
        except NewPasswordRequired as error:
            return await show_link(request, form.refused(error, at="new_password"))
        except KeywrightError as error:
            return await show_link(request, form.refused(error))
        response = pages.go("/account" if await find_visitor(kw, request) else "/sign-in")
        announce(kw, response, Announcement.EMAIL_CHANGED)
        return response

    async def show_link(request: Request, form: Form) -> Response:
        """The address that the account will have. Looking changes nothing."""
        try:
            holder = await who_opened_it(kw, request)
            preview = await confirm_email_change.preview_email_change(kw, form["token"], holder)
        except InvalidLink as error:
            return dead_link.show(request, Form().refused(error))
        return page.show(request, form, preview=preview)
