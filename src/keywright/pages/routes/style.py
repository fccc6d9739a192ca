from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from keywright.pages.page import Pages
from keywright.pages.page_route import GET
from keywright.pages.stylesheet import PATH


def add(api: APIRouter, pages: Pages) -> None:
    @api.api_route(PATH, methods=[*GET])
    async def style(v: str = "") -> Response:
        return pages.stylesheet.answer(v)
