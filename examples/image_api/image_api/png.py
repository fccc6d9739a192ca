"""PNG files (RFC 2083), as much as a picture needs."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

SIGNATURE = b"\x89PNG\r\n\x1a\n"
EIGHT_BIT_RGB = (8, 2, 0, 0, 0)  # depth, color type; deflate, no adaptive filter, no interlace
UNFILTERED = b"\x00"


def write_png(width: int, height: int, rows: Iterable[bytes]) -> bytes:
    """`rows` hold three bytes for each pixel, red, green and blue, from the top down."""
    header = struct.pack(">IIBBBBB", width, height, *EIGHT_BIT_RGB)
    pixels = zlib.compress(b"".join(UNFILTERED + row for row in rows))
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
