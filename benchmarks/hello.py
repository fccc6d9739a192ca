"""The least that each kind of server answers: what is paid before any work is done."""

from __future__ import annotations

from pathlib import Path

import httpx

from benchmarks.peers.node_environment import NODE, install_node
from benchmarks.peers.python_environment import ROOT
from benchmarks.python_servers import Server, install_granian, search_path, serving
from benchmarks.subject import Command, Load, Measure, Place, Request


class Hello:
    """Plain ASGI on uvicorn."""

    name = "plain ASGI on uvicorn"
    databases: tuple[str, ...] = ("sqlite",)  # which it leaves alone
    measures: tuple[Measure, ...] = (Measure.HELLO,)
    server = Server.UVICORN
    program = "benchmarks.hello_apps:plain"

    def install(self) -> None:
        if self.server is Server.GRANIAN:
            install_granian()

    def seed(self, place: Place) -> None:
        """It knows nobody."""

    def command(self, place: Place) -> Command:
        arguments = serving(self.server, self.program, place.port)
        return Command(arguments, search_path(self.server), ROOT)

    def is_ready(self, place: Place) -> bool:
        try:
            return httpx.get(f"{place.url}/hello").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def load(self, measure: Measure, place: Place) -> Load:  # noqa: ARG002 - it has one answer
        return Load((Request("/hello"),), '^{"hello":"world"}$')


class HelloOnGranian(Hello):
    name = "plain ASGI on granian"
    server = Server.GRANIAN


class StarletteHello(Hello):
    name = "Starlette on uvicorn"
    program = "benchmarks.hello_apps:starlette"


class FastAPIHello(Hello):
    name = "FastAPI on uvicorn"
    program = "benchmarks.hello_apps:fastapi"


class NodeHello(Hello):
    name = "node"

    def install(self) -> None:
        install_node()

    def command(self, place: Place) -> Command:
        program = Path(__file__).with_name("hello.mjs")
        environment = {"NODE_ENV": "production"}
        return Command([str(NODE), str(program), str(place.port)], environment)
