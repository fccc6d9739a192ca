"""Our own routes, and only they: body limits, cross-site checks, headers and problem+json.

A host application's middleware, exception handlers and 422s never see any of it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from keywright.core.errors import KeywrightError, Unavailable
from keywright.core.log import REQUEST_ID, get_logger
from keywright.core.web import body
from keywright.core.web.caller import request_id_of
from keywright.core.web.openapi import NAME, PROBLEM_RESPONSES, name_schemes
from keywright.core.web.origin import SAFE_METHODS, carries_explicit_credential, refuse_cross_site
from keywright.core.web.problem import problem_response, validation_error

if TYPE_CHECKING:
    from keywright.core.context import Context

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
REQUEST_ID_HEADER = b"x-request-id"
HARDENING = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"same-origin"),
)
log = get_logger("keywright.web")


class KeywrightRoute(APIRoute):
    """Base of the route class that `router` makes for one Keywright."""

    context: ClassVar[Context]
    accepted: ClassVar[tuple[str, ...]]

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        described = name_schemes(self.openapi_extra or {}, self.context)
        self.openapi_extra = {**described, NAME: self.name}

    def handler(self) -> Handler:
        """What answers once the request has passed the guard."""
        return super().get_route_handler()

    def get_route_handler(self) -> Handler:
        handle = self.handler()

        async def guarded(request: Request) -> Response:
            return await self.answer(request.scope, request.receive, handle)

        return guarded

    async def answer(self, scope: Scope, receive: Receive, handle: Handler) -> Response:
        """What `handle` answers, or the refusal: never an exception of ours."""
        request = body.LimitedRequest(scope, receive)
        request_id = request_id_of(request)
        logged = REQUEST_ID.set(request_id)
        try:
            response = await self.guard(request, handle)
        except KeywrightError as error:
            response = self.render(error, request)
        except RequestValidationError as error:
            response = self.render(validation_error(error.errors()), request)
        except (HTTPException, MultiPartException) as error:
            response = self.render(unreadable(error), request)
        except Exception:
            log.exception("unexpected_error", path=request.url.path)
            response = self.render(KeywrightError(), request)
        finally:
            REQUEST_ID.reset(logged)
        return harden(response, request_id)

    async def guard(self, request: Request, handle: Handler) -> Response:
        refuse_unstarted(self.context)
        await body.check_body(request, self.accepted)
        if request.method not in SAFE_METHODS and not await self.has_explicit_credential(request):
            refuse_cross_site(request, self.context.settings)
        return await handle(request)

    async def has_explicit_credential(self, request: Request) -> bool:
        return carries_explicit_credential(request)

    def render(self, error: KeywrightError, request: Request) -> Response:
        return problem_response(error, request_id_of(request))


class PlainRoute(KeywrightRoute):
    """Its endpoint takes the request and answers a response: FastAPI describes it, and neither
    solves its dependencies nor serializes its answer. For what is asked all the time.
    """

    def handler(self) -> Handler:
        endpoint: Handler = self.endpoint
        return endpoint

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Without an application around it."""
        response = await self.answer(scope, receive, self.endpoint)
        await response(scope, receive, send)


def refuse_unstarted(kw: Context) -> None:
    """A request before start-up: usually a mounted application whose lifespan nobody ran."""
    if not kw.started:
        raise Unavailable(
            "Keywright is not running. In a mounted application, enter `kw.lifespan()` in the "
            "outer application's lifespan."
        )


def unreadable(error: HTTPException | MultiPartException) -> KeywrightError:
    """Why a body could not be parsed: Starlette tells it within an application in another way than
    without. An exception of the application's own stays one.
    """
    why = error if isinstance(error, MultiPartException) else error.__context__
    if isinstance(why, KeywrightError):
        return why
    if isinstance(why, MultiPartException):
        return body.InvalidForm()
    raise error


def harden(response: Response, request_id: str) -> Response:
    """Add what the response does not say for itself."""
    headers = response.raw_headers
    said = {name for name, _ in headers}
    for pair in (*HARDENING, (REQUEST_ID_HEADER, request_id.encode())):
        if pair[0] not in said:
            headers.append(pair)
    return response


def router(
    kw: Context,
    *,
    prefix: str = "",
    tags: Sequence[str] = (),
    accepts: tuple[str, ...] = (body.JSON,),
    base: type[KeywrightRoute] = KeywrightRoute,
    **options: Any,
) -> APIRouter:
    """A router whose routes belong to this Keywright. `accepts` lists its media types."""
    route_class = type(base.__name__, (base,), {"context": kw, "accepted": accepts})
    names: list[str | Enum] = list(tags)
    options.setdefault("responses", PROBLEM_RESPONSES)
    return APIRouter(prefix=prefix, tags=names, route_class=route_class, **options)


def api_router(kw: Context, prefix: str, **options: Any) -> APIRouter:
    """A `router` of the JSON API: `prefix` follows `api_prefix`."""
    return router(kw, prefix=f"{kw.settings.api_prefix}{prefix}", **options)
