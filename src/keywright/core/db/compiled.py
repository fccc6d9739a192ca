"""A statement's text for one dialect, and how its values go in and its rows come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from keywright.core.db.processors import Processor, from_driver, to_driver
from keywright.core.db.refusals import CoreStatement, compile_for

Row = TypeVar("Row")


class Compiled(Generic[Row]):
    __slots__ = ("_constants", "_make", "_order", "_positional", "_reads", "_slots", "names", "sql")

    def __init__(
        self, core: CoreStatement, dialect: sa.Dialect, make: Callable[..., Row] | None
    ) -> None:
        compiled = compile_for(dialect, core)
        self.sql = str(compiled)
        by_name = {name: bind for bind, name in compiled.bind_names.items()}
        self._positional = compiled.positiontup is not None
        self._order = list(compiled.positiontup or ()) if self._positional else list(by_name)
        self._slots: list[tuple[int, str, Processor | None]] = []
        self._constants: list[Any] = [None] * len(self._order)
        for place, name in enumerate(self._order):
            bind = by_name[name]
            process = to_driver(bind.type, dialect)
            if bind.required:
                self._slots.append((place, name, process))
            else:
                value = bind.effective_value
                self._constants[place] = process(value) if process else value
        self.names = frozenset(name for _, name, _ in self._slots)
        self._make = make
        readers = (from_driver(column.type, dialect) for column in returned_columns(core))
        self._reads = [(place, read) for place, read in enumerate(readers) if read]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The driver's positional arguments. Raises `TypeError` for missing or surplus values."""
        if values.keys() != self.names:
            raise TypeError(self._misfit(values))
        arguments = self._constants.copy()
        try:
            for place, name, process in self._slots:
                value = values[name]
                arguments[place] = value if process is None else process(value)
        except AttributeError as error:
            raise TypeError(f"{name}={value!r} has the wrong type: {error}.") from error
        return arguments

    def driver_arguments(self, values: Mapping[str, Any]) -> tuple[Any, ...] | dict[str, Any]:
        """The same for whichever driver a host chose: some take names."""
        arguments = self.arguments(values)
        return (
            tuple(arguments) if self._positional else dict(zip(self._order, arguments, strict=True))
        )

    def row(self, record: Iterable[Any]) -> Row:
        values = list(record)
        for place, read in self._reads:
            values[place] = read(values[place])
        assert self._make is not None
        return self._make(*values)

    def _misfit(self, values: Mapping[str, Any]) -> str:
        missing = ", ".join(sorted(self.names - values.keys()))
        surplus = ", ".join(sorted(values.keys() - self.names))
        parts = [f"misses {missing}" if missing else "", f"knows no {surplus}" if surplus else ""]
        sql = " ".join(self.sql.split())
        return f"This statement {' and '.join(filter(None, parts))}: {sql}"


def returned_columns(core: CoreStatement) -> list[sa.ColumnElement[Any]]:
    if isinstance(core, (sa.Select, sa.CompoundSelect)):
        return list(core.selected_columns)
    return list(core.exported_columns)
