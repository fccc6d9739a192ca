"""A Python peer's own environment: what its lock file names and nothing of ours.

A lock file is made anew by, in the peer's folder,

    uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
        requirements.in --output-file requirements.txt
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".tools" / "bench"


@dataclass(frozen=True)
class PythonEnvironment:
    folder: Path  # the peer's own, with its requirements.txt and its programs

    @property
    def home(self) -> Path:
        return CACHE / self.folder.name

    @property
    def python(self) -> Path:
        return self.home / "venv" / "bin" / "python"

    def install(self) -> None:
        lock, stamp = self.folder / "requirements.txt", self.home / "installed"
        wanted = f"{platform.python_version()} {hashlib.sha256(lock.read_bytes()).hexdigest()}"
        if stamp.exists() and stamp.read_text() == wanted:
            return
        stamp.unlink(missing_ok=True)
        run_uv("venv", "--clear", "--python", sys.executable, str(self.home / "venv"))
        run_uv(
            "pip",
            "sync",
            "--compile-bytecode",
            "--require-hashes",
            "--python",
            str(self.python),
            str(lock),
        )
        stamp.write_text(wanted)

    def variables(self, **more: str) -> dict[str, str]:
        """With these its programs find `benchmarks.subject`, which needs no package."""
        return {"PYTHONPATH": str(ROOT), **more}

    def run(self, *arguments: str, variables: dict[str, str]) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        subprocess.run(
            [self.python, *arguments],
            env={**kept, **variables},
            cwd=self.folder,
            check=True,
        )


def run_uv(*arguments: str) -> None:
    uv = shutil.which("uv") or str(ROOT / ".tools" / "uv")
    subprocess.run([uv, "--quiet", *arguments], check=True)
