"""Applications of this process at a real port: for browsers, and for what sabotage must reach."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from time import sleep
from typing import Any

import uvicorn

from parts.processes import ServerDidNotStart


@contextmanager
def served(app: Any, port: int) -> Iterator[None]:
    """`app` answers at `port` of this machine, its lifespan included, until the `with` ends."""
    config = uvicorn.Config(
        app, port=port, log_config=None, proxy_headers=False, server_header=False
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, name=f"server on {port}")
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise ServerDidNotStart(f"{app} did not start at port {port}")
            sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join()
