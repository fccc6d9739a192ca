"""An application that asks who is there: one route open, and the same one behind `kw.user()`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI

from keywright import Keywright, User

app = FastAPI()
kw = Keywright()
kw.install(app)


@app.get("/open")
async def read_open() -> dict[str, str]:
    return {"email": "user0@bench.example"}


@app.get("/protected")
async def read_protected(user: Annotated[User, Depends(kw.user())]) -> dict[str, str]:
    return {"email": user.email}
