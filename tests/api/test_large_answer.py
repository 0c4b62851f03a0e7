"""A large body is sent in slices, and nothing but time tells."""

from __future__ import annotations

import pytest
from aiohttp import web

from proxy.api.large_answer import SLICED_FROM_BYTES, Sliced


@pytest.mark.parametrize("size", [1, 256 * 1024, 256 * 1024 + 1, SLICED_FROM_BYTES + 7])
async def test_a_sliced_body_arrives_whole_and_its_length_is_announced(aiohttp_client, size):
    body = bytes(number % 251 for number in range(size))

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=Sliced(body), headers={"content-type": "application/json"})

    app = web.Application()
    app.router.add_get("/", answer)
    client = await aiohttp_client(app)
    for _ in range(2):  # the connection goes on
        response = await client.get("/")
        assert await response.read() == body
        assert response.headers["content-length"] == str(size)
        assert response.headers["content-type"] == "application/json"
