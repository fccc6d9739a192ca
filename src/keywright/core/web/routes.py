"""All routes of one Keywright in somebody's application, found in one look.

An application asks its routes one after another, and a router within a router twice: without this,
each request of the host's own would try every route of ours before its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fastapi import APIRouter
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

HTTP = "http"


class Routes(APIRouter):
    """Include it into an application once all its routes are in. Its routes have whole paths."""

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        super().__init__(routes=[route for router in routers for route in router.routes])
        self._fixed: dict[str, list[Route]] = {}
        self._with_parameters: list[tuple[str, Route]] = []  # and how their paths begin
        for route in self.routes:
            assert isinstance(route, Route)
            if route.param_convertors:
                self._with_parameters.append((route.path.partition("{")[0], route))
            else:
                self._fixed.setdefault(route.path, []).append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope, _ = self.find(scope)
        return match, child_scope

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, child_scope, route = self.find(scope)
        assert route is not None
        scope.update(child_scope)
        await route.handle(scope, receive, send)

    def find(self, scope: Scope) -> tuple[Match, Scope, Route | None]:
        """As Starlette's router: the first that takes path and method, else the first that takes
        the path, which then answers 405.
        """
        if scope["type"] != HTTP:
            return Match.NONE, {}, None
        partial: tuple[Match, Scope, Route | None] = (Match.NONE, {}, None)
        for route in self.candidates(path_within(scope)):
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                return match, child_scope, route
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                partial = match, child_scope, route
        return partial

    def candidates(self, path: str) -> Iterator[Route]:
        yield from self._fixed.get(path, ())
        yield from (route for begin, route in self._with_parameters if path.startswith(begin))


def path_within(scope: Scope) -> str:
    """The path without the one that the application is mounted at."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    within = path.removeprefix(root)
    return within if not within or within.startswith("/") else path
