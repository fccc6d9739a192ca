"""HTTP, as far as every room shares it."""

from keywright.core.web.caller import Caller, resolve_caller
from keywright.core.web.route import KeywrightRoute, api_router, router

__all__ = ["Caller", "KeywrightRoute", "api_router", "resolve_caller", "router"]
