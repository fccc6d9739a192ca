"""Prepare the working environment: `python3 scripts/bootstrap.py` (what `make setup` runs).

Needs a Python of 3.11 or newer and nothing else. Finds uv, or fetches its wheel from the package
index that this machine is configured for, checks it against the pinned SHA-256 and unpacks it into
`.tools/`; then makes `.venv` with the locked requirements and Keywright installed editable.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import html
import http.client
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements" / "dev.txt"
STAMP = VENV / ".keywright-setup"

UV_VERSION = "0.13.8"
UV_WHEELS = {  # (system, machine, C library): (wheel's platform tag, SHA-256)
    ("Linux", "x86_64", "glibc"): (
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984",
    ),
    ("Linux", "x86_64", "musl"): (
        "musllinux_1_1_x86_64",
        "29451c60f5e8b07403e0a175d5229efc36b0289b34143ff4aaa499a5dd52553a",
    ),
    ("Linux", "aarch64", "glibc"): (
        "manylinux_2_28_aarch64",
        "5337c30bb893b4f9ce0ceb921ba2da0d13f649da644f40ad3bef84083bef0203",
    ),
    ("Linux", "aarch64", "musl"): (
        "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
        "0b3e8b1a4f5e405e31e2ff33de8af4744831e9f7338539671efbd8c3c94e791d",
    ),
    ("Darwin", "x86_64", ""): (
        "macosx_10_12_x86_64",
        "b7124ca1956ec2e476a1003ea5715a15f0266afaec37f4dc9c6972ba8183e6d1",
    ),
    ("Darwin", "arm64", ""): (
        "macosx_11_0_arm64",
        "62b6943c7fd64fac6854f780bea6e0359e5a5bc3241f83ee357bb38276afac49",
    ),
    ("Windows", "AMD64", ""): (
        "win_amd64",
        "cfbc13020a64cdf2f116d2936824c38edbf41e5c07f1ea291baf02e31ebf3ed0",
    ),
    ("Windows", "ARM64", ""): (
        "win_arm64",
        "b4184029b1b7c54409b9cd4372c73a36ef9c2d1d7cf3b0aca59c8b1932f041dc",
    ),
}


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - this is the one file an older Python may meet
        fail(f"Keywright needs Python 3.11 or newer; this is {platform.python_version()}.")
    fingerprint = setup_fingerprint()
    if STAMP.exists() and STAMP.read_text() == fingerprint:
        return
    uv = find_uv() or fetch_uv()
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "VIRTUAL_ENV": str(VENV)}
    environment.pop("CONDA_PREFIX", None)
    for step in (
        ["venv", "--quiet", "--clear", "--no-project", "--python", sys.executable, str(VENV)],
        ["pip", "install", "--quiet", "--require-hashes", "--requirement", str(LOCK)],
        ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    ):
        done = subprocess.run([str(uv), *step], check=False, env=environment, cwd=ROOT)
        if done.returncode:
            fail(f"`uv {' '.join(step)}` ended with {done.returncode}; its message is above.")
    STAMP.write_text(fingerprint)
    print(f"Keywright is set up in {VENV.relative_to(ROOT)}.")


def setup_fingerprint() -> str:
    """What the environment depends on: a second `make run` with the same answer does nothing."""
    parts = [LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), str(ROOT).encode()]
    parts.append(f"{sys.executable} {platform.python_version()}".encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def find_uv() -> Path | None:
    ours = TOOLS / ("uv.exe" if os.name == "nt" else "uv")
    if ours.exists():
        return ours
    found = shutil.which("uv")
    return Path(found) if found else None


def fetch_uv() -> Path:
    tag, digest = wheel_for_this_machine()
    name = f"uv-{UV_VERSION}-py3-none-{tag}.whl"
    print(f"Fetching uv {UV_VERSION}, which installs the locked requirements …")
    with tempfile.TemporaryDirectory() as folder:
        wheel = download_with_pip(name, Path(folder)) or download_from_index(name, Path(folder))
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != digest:
            fail(f"{name} has SHA-256 {found}, not the pinned {digest}. Nothing was installed.")
        return unpack_uv(wheel)


def wheel_for_this_machine() -> tuple[str, str]:
    system, machine = platform.system(), platform.machine()
    libc = ""
    if system == "Linux":
        libc = "glibc" if platform.libc_ver()[0] == "glibc" else "musl"
    try:
        return UV_WHEELS[system, machine, libc]
    except KeyError:
        fail(f"No pinned uv for {system} {machine} {libc}: install uv and run this again.")


def download_with_pip(name: str, folder: Path) -> Path | None:
    """Let pip fetch the wheel: it knows the machine's index, proxy and certificates."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--dest", str(folder)]
    done = subprocess.run([*command, f"uv=={UV_VERSION}"], check=False, capture_output=True)
    if done.returncode:
        return None
    wheels = list(folder.glob("uv-*.whl"))
    return next((wheel for wheel in wheels if wheel.name == name), None)


def download_from_index(name: str, folder: Path) -> Path:
    index = configured_index()
    if index is None:
        fail(
            "uv is not installed, pip could not fetch it, and no package index is configured: "
            "install uv or pip, or set PIP_INDEX_URL, and run this again."
        )
    page = f"{index.rstrip('/')}/uv/"
    try:
        listing = read(page, seconds=60).decode()
        links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', listing)]
        link = next((one for one in links if f"/{name}" in f"/{one}"), None)
        if link is None:
            fail(f"The package index at {without_password(page)} has no {name}.")
        target = folder / name
        target.write_bytes(read(urllib.parse.urljoin(page, link), seconds=300))
    except (OSError, ValueError, http.client.HTTPException) as error:
        fail(f"Could not fetch {name} from {without_password(page)}: {error}")
    return target


def read(url: str, *, seconds: int) -> bytes:
    """What is there. A name and password in the address are sent as urllib alone does not."""
    request = urllib.request.Request(without_password(url))
    login = urllib.parse.urlsplit(url).netloc.rpartition("@")[0]
    if login:
        encoded = base64.b64encode(urllib.parse.unquote_to_bytes(login)).decode()
        request.add_unredirected_header("Authorization", f"Basic {encoded}")
    answer: bytes = urllib.request.urlopen(request, timeout=seconds).read()
    return answer


def without_password(url: str) -> str:
    return re.sub(r"//[^/]*@", "//", url, count=1)


def configured_index() -> str | None:
    """The package index from uv's or pip's environment variables, else from pip's files."""
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if value := os.environ.get(variable):
            return value
    home = Path.home()
    for file in (
        Path(os.environ.get("PIP_CONFIG_FILE", os.devnull)),
        home / ".config" / "pip" / "pip.conf",
        home / ".pip" / "pip.conf",
        home / "pip" / "pip.ini",
        Path("/etc/pip.conf"),
    ):
        parser = configparser.RawConfigParser()
        parser.read(file)
        if parser.has_option("global", "index-url"):
            return parser.get("global", "index-url")
    return None


def unpack_uv(wheel: Path) -> Path:
    TOOLS.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        member = next(n for n in archive.namelist() if re.search(r"/scripts/uv(\.exe)?$", n))
        target = TOOLS / Path(member).name
        partial = target.with_suffix(".partial")
        partial.write_bytes(archive.read(member))
    partial.chmod(partial.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    partial.replace(target)
    return target


def fail(sentence: str) -> NoReturn:
    sys.exit(f"setup: {sentence}")


if __name__ == "__main__":
    main()
