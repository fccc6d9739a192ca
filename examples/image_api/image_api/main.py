"""Draws pictures from words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException, Response
from pydantic import BaseModel, Field

from image_api.drawing import draw
from image_api.shelf import Image, Shelf, Statistics, count_images
from keywright import Keywright, User

SHELVES = Path("data/images")

app = FastAPI(title="Image API")
kw = Keywright(permissions={"user": ["images"]})
kw.install(app)
app.post("/api/v1/login/access-token")(kw.sign_in)


class Order(BaseModel):
    prompt: Annotated[str, Field(min_length=1, max_length=200, examples=["two hills at night"])]


def open_shelf(user: Annotated[User, Depends(kw.user(scopes=["images"]))]) -> Shelf:
    return Shelf(SHELVES / str(user.id))


MyShelf = Annotated[Shelf, Depends(open_shelf)]


@app.post("/api/v1/images", status_code=201)
def draw_image(order: Order, shelf: MyShelf) -> Image:
    return shelf.add(order.prompt, draw(order.prompt))


@app.get("/api/v1/images")
def list_images(shelf: MyShelf) -> list[Image]:
    return shelf.list()


@app.get("/api/v1/images/{image_id}", response_class=Response)
def read_image(image_id: UUID, shelf: MyShelf) -> Response:
    png = shelf.read(image_id)
    if png is None:
        raise HTTPException(404, "There is no such image.")
    return Response(png, media_type="image/png")


@app.get(
    "/api/v1/statistics",
    summary="How many pictures there are",
    dependencies=[Depends(kw.superuser())],
)
def read_statistics() -> Statistics:
    return count_images(SHELVES)


@app.post("/api/v1/login/test-token")
def test_token(user: Annotated[User, Depends(kw.user())]) -> User:
    return user
