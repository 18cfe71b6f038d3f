"""Serving on loopback: start, stop, streams, and an address that cannot be had."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from bot.errors import ConfigError
from bot.web.app import create_app
from bot.web.http import on_problem
from bot.web.replica import Replica
from bot.web.server import serve
from bot.web.stream import Stream
from tests.fixtures.messages import T, basis, incident

SECONDS = 10


def app(replica: Replica | None = None) -> Starlette:
    return create_app(
        replica or Replica(), metrics_text=lambda: b"", ready=lambda: (True, ""), poll_seconds=0.02
    )


@asynccontextmanager
async def served(
    application: Starlette, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(application, host, 0, started=started.set_result))
    try:
        async with asyncio.timeout(SECONDS):
            yield await started, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def streamed(replica: Replica) -> AsyncIterator[httpx.Response]:
    async with (
        served(app(replica)) as (url, _),
        httpx.AsyncClient() as http,
        http.stream("GET", f"{url}/api/stream") as answer,
    ):
        yield answer


async def events(answer: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def test_port_zero_tells_the_real_one() -> None:
    async with served(app()) as (url, _), httpx.AsyncClient() as http:
        assert not url.endswith(":0")
        assert (await http.get(f"{url}/healthz")).json() == {"status": "alive"}


async def test_the_address_shown_for_every_interface_is_one_that_works() -> None:
    async with served(app(), "0.0.0.0") as (url, _), httpx.AsyncClient() as http:
        assert url.startswith("http://127.0.0.1:")
        assert (await http.get(f"{url}/healthz")).status_code == 200


async def test_a_port_in_use_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigError, match=rf"port {port} is in use: stop the other program or set \[web\] port"
        ):
            await serve(app(), "127.0.0.1", port, started=lambda _: None)


@pytest.mark.parametrize("host", ["203.0.113.7", "no such host"])
async def test_a_host_that_is_not_ours_says_what_to_do(host: str) -> None:
    with pytest.raises(ConfigError, match=r"no address of this machine: set \[web\] host"):
        await serve(app(), host, 0, started=lambda _: None)


async def test_signals_stay_with_the_daemon() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    async with served(app()):
        assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


async def test_cancelled_it_closes_the_port_and_ends_open_streams_at_once() -> None:
    application = app()
    async with served(application) as (url, task), httpx.AsyncClient() as http:
        async with http.stream("GET", f"{url}/api/stream") as answer:
            stream = events(answer)
            assert (await anext(stream))[0] == "hello"
            started = time.monotonic()
            task.cancel()
            rest = [name async for name, _ in stream]
            assert "hello" not in rest
        with suppress(asyncio.CancelledError):
            await task
        assert time.monotonic() - started < 2
        with pytest.raises(httpx.ConnectError):
            await http.get(f"{url}/healthz")


async def test_the_stream_says_hello_then_what_changed() -> None:
    replica = Replica()
    replica.apply(basis("OLD@v"), T)
    async with streamed(replica) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = events(answer)
        name, hello = await anext(stream)
        assert (name, hello["ready"]) == ("hello", True)
        assert "instruments" not in hello
        replica.apply(basis("NEW@v"), T)
        replica.apply(incident(), T)
        name, told = await anext(stream)
    assert name == "changes"
    assert [row["instrument"] for row in told["instruments"]] == ["NEW@v"]
    assert [row["id"] for row in told["incidents"]] == ["i1"]


async def test_a_quiet_stream_still_beats() -> None:
    async with streamed(Replica()) as answer:
        stream = events(answer)
        await anext(stream)
        name, beat = await anext(stream)
    assert name == "changes"
    assert set(beat) == {"now", "change", "ready", "reason"}


async def test_a_client_that_reads_slowly_is_told_the_latest_and_nothing_piles_up() -> None:
    replica = Replica()
    async with streamed(replica) as answer:
        stream = events(answer)
        await anext(stream)
        for n in range(1, 20_001):
            replica.apply(basis(f"T{n % 5}@v", price=float(n)), T)
        told = (await anext(stream))[1]["instruments"]
    assert sorted(row["price"] for row in told) == [19_996.0, 19_997.0, 19_998.0, 19_999.0, 20_000.0]


async def test_streams_are_bounded_and_a_closed_one_makes_room() -> None:
    application = Starlette(exception_handlers={HTTPException: on_problem})
    application.state.closing = asyncio.Event()
    stream = Stream(
        Replica(), lambda: (True, ""), application.state.closing, poll_seconds=0.02, max_clients=2
    )
    application.add_route("/api/stream", stream.__call__)
    async with served(application) as (url, _):
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(httpx.AsyncClient())
            opened = [
                events(await stack.enter_async_context(http.stream("GET", f"{url}/api/stream")))
                for _ in range(2)
            ]
            assert [(await anext(each))[0] for each in opened] == ["hello", "hello"]
            assert stream.clients == 2
            refused = await http.get(f"{url}/api/stream")
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "too_many_streams"
        while stream.clients:  # noqa: ASYNC110 - bounded by served(); nothing tells that a client has gone
            await asyncio.sleep(0)
        async with httpx.AsyncClient() as http, http.stream("GET", f"{url}/api/stream") as answer:
            assert answer.status_code == 200
