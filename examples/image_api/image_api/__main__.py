"""`python -m image_api` serves it at KEYWRIGHT_BASE_URL, http://127.0.0.1:8000 unless set."""

from __future__ import annotations

from urllib.parse import urlsplit

import uvicorn

from image_api.main import app, kw

if __name__ == "__main__":
    address = urlsplit(kw.settings.base_url)
    uvicorn.run(app, host=address.hostname or "127.0.0.1", port=address.port or 8000)
