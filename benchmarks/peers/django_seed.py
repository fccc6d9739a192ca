"""Fill a peer's database with its `seed.py`; run in its folder and with its own Python.

python -m benchmarks.peers.django_seed USERS SESSIONS FILE
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import django


def main() -> None:
    django.setup()  # before any module with models is imported
    seed = importlib.import_module("seed")
    seed.fill(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))


if __name__ == "__main__":
    main()
