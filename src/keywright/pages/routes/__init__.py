"""One file a page: parse, tell the story, show or go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from keywright.core.web import router
from keywright.core.web.body import FORM
from keywright.pages.page import Pages
from keywright.pages.page_route import page_route
from keywright.pages.routes import (
    account,
    confirm_email_change,
    deletion,
    forgot_password,
    home,
    reset_password,
    sign_in,
    sign_out,
    sign_up,
    style,
    undo_email_change,
    verify_email,
)

if TYPE_CHECKING:
    from keywright.core.context import Context


def routes(kw: Context) -> APIRouter:
    pages = Pages(kw)
    api = router(kw, accepts=(FORM,), base=page_route(pages), include_in_schema=False)
    for page in (
        home,
        sign_in,
        sign_up,
        sign_out,
        verify_email,
        forgot_password,
        reset_password,
        confirm_email_change,
        undo_email_change,
        account,
        deletion,
        style,
    ):
        page.add(api, pages)
    return api
