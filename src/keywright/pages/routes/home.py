from __future__ import annotations

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from keywright.pages.page import Pages
from keywright.pages.page_route import GET
from keywright.pages.visitor import find_visitor

ASKING = "keywright_asking_for_another_home"


class GivesWay(APIRoute):
    """A host application's own route for the path wins, whether declared before or after, and
    for every method: what it refuses stays refused.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        if match is Match.NONE or ASKING in scope or somebody_else_matches(scope):
            return Match.NONE, {}
        return match, child_scope


def somebody_else_matches(scope: Scope) -> bool:
    asking = {**scope, ASKING: True}
    routes = scope["app"].router.routes
    return any(route.matches(asking)[0] is not Match.NONE for route in routes)


def add(api: APIRouter, pages: Pages) -> None:
    async def home(request: Request) -> Response:
        visitor = await find_visitor(pages.kw, request)
        return pages.go("/account" if visitor else "/sign-in")

    yielding = type("HomeRoute", (GivesWay, api.route_class), {})
    api.add_api_route("/", home, methods=[*GET], route_class_override=yielding)
