"""Write `contract/`: what clients share with the server. `--check` compares instead.

openapi.json is generated from the standalone server; error_codes.json lists every code that an
error of ours can carry.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keywright
from keywright.app import create_app
from keywright.core.errors import KeywrightError
from keywright.core.settings import Settings

CONTRACT = Path(__file__).resolve().parent.parent / "contract"


def main() -> None:
    wanted = {"openapi.json": openapi(), "error_codes.json": error_codes()}
    stale = []
    for name, content in wanted.items():
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        path = CONTRACT / name
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(name)
    if stale:
        sys.exit(f"contract: {', '.join(stale)} is not what the code says: run `make contract`.")


def openapi() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        return create_app(settings).openapi()


def error_codes() -> dict[str, dict[str, Any]]:
    import_everything()
    return {
        error.code: {"status": error.status, "title": error.title}
        for error in sorted(all_errors(KeywrightError), key=lambda error: error.code)
    }


def import_everything() -> None:
    for module in pkgutil.walk_packages(keywright.__path__, "keywright."):
        if not module.name.startswith("keywright.migrations.") or "state" in module.name:
            importlib.import_module(module.name)


def all_errors(base: type[KeywrightError]) -> Iterator[type[KeywrightError]]:
    yield base
    for error in base.__subclasses__():
        yield from all_errors(error)


if __name__ == "__main__":
    main()
