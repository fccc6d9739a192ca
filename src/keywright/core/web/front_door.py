"""The standalone server's short way to what is asked all the time."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from keywright.core.web.route import PlainRoute


class PlainRoutes:
    """An application of nothing but the plain routes among `routes`, found by method and path."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._at = {
            (method, route.path): route.serve
            for route in routes
            if isinstance(route, PlainRoute) and not route.param_convertors
            for method in route.methods or ()
        }

    def have(self, scope: Scope) -> bool:
        return (scope.get("method"), scope.get("path")) in self._at

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._at[scope["method"], scope["path"]](scope, receive, send)


class FrontDoor:
    """Leads to the plain routes past the middleware and the router of `app`, which has them too:
    nothing depends on which way a request took. `short` is `plain` with what must be around it.
    """

    def __init__(self, plain: PlainRoutes, short: ASGIApp, app: ASGIApp) -> None:
        self._plain = plain
        self._short = short
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return (self._short if self._plain.have(scope) else self._app)(scope, receive, send)
