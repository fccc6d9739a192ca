"""One form for the many ways in which keyboards spell the same password."""

from __future__ import annotations

import unicodedata

# Four typed characters at the most compose into one, so nothing longer can be a password of ours
# (`strength.LONGEST`), and nobody makes us normalize megabytes.
LONGEST_TYPED = 1024


def normalize(password: str) -> str:
    """NFKC: the same password from another keyboard or system is the same text."""
    return unicodedata.normalize("NFKC", password)


def encode(password: str) -> bytes:
    """UTF-8. Half a surrogate pair, which JSON can carry, has bytes too: they match nothing."""
    return password.encode("utf-8", "surrogatepass")
