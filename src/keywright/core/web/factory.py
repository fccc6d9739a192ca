"""`kw.user` makes requirements and is none: FastAPI must be given what a call of it returns.

FastAPI would take `Depends(kw.user)` for a dependency without parameters of ours, call it itself
and let everybody in. It asks for the signature when a route is declared, and hears of it there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, cast

from keywright.core.errors import ConfigurationError

Method = TypeVar("Method", bound=Callable[..., Any])


class NotARequirement(ConfigurationError, ValueError):
    """Also a ValueError, which whoever asks for a signature expects where there is none."""


class Factory:
    """A method that makes requirements, in its class; there is one more for each instance."""

    def __init__(self, function: Callable[..., Any], owner: object = None) -> None:
        self.__func__ = function
        self.__self__ = owner
        self.__name__, self.__qualname__ = function.__name__, function.__qualname__
        self.__module__, self.__doc__ = function.__module__, function.__doc__

    def __get__(self, owner: object, kind: type | None = None) -> Factory:
        return self if owner is None else Factory(self.__func__, owner)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        given = arguments if self.__self__ is None else (self.__self__, *arguments)
        return self.__func__(*given, **options)

    def __repr__(self) -> str:
        return f"<requirement factory {self.__qualname__}>"

    def __dir__(self) -> list[str]:
        """Without `__signature__`: mocks and debuggers read whatever is named here."""
        return [name for name in super().__dir__() if name != "__signature__"]

    @property
    def __signature__(self) -> inspect.Signature:
        signature = inspect.signature(self.__func__)
        if self.__self__ is not None:
            refuse_factory(self.__name__, signature)
        return signature

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> NoReturn:
        refuse_requirement_alone(source)

    def __deepcopy__(self, _memo: object) -> NoReturn:
        """FastAPI copies the default of a parameter that was not sent: `Depends` is forgotten."""
        refuse_factory(self.__name__, inspect.signature(self.__func__))


def requirement_factory(method: Method) -> Method:
    """Type checkers and editors see the method as it is written."""
    return cast("Method", Factory(method))


def refuse_factory(name: str, signature: inspect.Signature) -> NoReturn:
    """Raise `NotARequirement`, whose sentence says what to write."""
    needed = any(one.default is one.empty for one in list(signature.parameters.values())[1:])
    written = f"kw.{name}({'…' if needed else ''})"
    raise NotARequirement(
        f"The parentheses are missing: write `Depends({written})`, not `Depends(kw.{name})`, "
        "which would let everybody in."
    )


def refuse_requirement_alone(source: Any) -> NoReturn:
    """Raise `NotARequirement` where pydantic meets one that no `Depends` is around."""
    kind = getattr(source, "__name__", "User")
    raise NotARequirement(
        f"`Depends` is missing: write `Annotated[{kind}, Depends(kw.user())]`. Without it the "
        "parameter would be read from the request."
    )
