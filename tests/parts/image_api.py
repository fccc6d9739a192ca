"""`examples/image_api` as somebody who cloned the repository has it: its own folder, real commands."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from parts.processes import free_port
from parts.server import RunningServer, answers, environment

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "examples" / "image_api"
LEFT_BEHIND = shutil.ignore_patterns("data", "__pycache__", ".*_cache", "*.png")


@dataclass(frozen=True)
class ImageApi:
    """`folder` lies as deep as in the repository, with the same environment two floors above."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return environment({"BASE_URL": self.base_url, **self.settings})

    def run(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        )

    def create_administrator(self, email: str, password: str) -> None:
        program = Path(sys.executable).with_name("keywright")
        create = ("user", "create", "--email", email, "--role", "admin", "--password-stdin")
        self.run(str(program), "--app", "image_api.main:kw", *create, stdin=password)

    @contextmanager
    def serve(self, *command: str) -> Iterator[RunningServer]:
        """Until the `with` ends; the API answers when it begins."""
        log = self.folder / "serve.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command or (sys.executable, "-m", "image_api"),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = RunningServer(self.base_url, process, log)
        try:
            server.wait_until(partial(answers, f"{self.base_url}/openapi.json"), "never ready")
            yield server
        finally:
            server.kill()


def clone(directory: Path, settings: Mapping[str, str] | None = None) -> ImageApi:
    """A copy in which `make setup` finds everything set up."""
    folder = directory / "examples" / "image_api"
    shutil.copytree(SOURCE, folder, ignore=LEFT_BEHIND)
    (directory / ".venv").symlink_to(Path(sys.executable).parents[1])
    (directory / "Makefile").write_text("setup:\n")
    return ImageApi(folder, dict(settings or {}))
