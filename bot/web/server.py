"""Serving the application until cancelled; signals stay the daemon's."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette

from bot.errors import ConfigError

GRACE_SECONDS = 2


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell()


async def serve(app: Starlette, host: str, port: int, *, started: Callable[[str], None]) -> None:
    """Serve ``app`` until cancelled; open streams are ended, requests under way finished.

    ``started`` is told the address, as ``http://127.0.0.1:8050``, once connections are accepted; port 0 takes
    any free one. Raises :class:`ConfigError` if the address cannot be had.
    """
    listener = _bind(host, port)
    url = _url(host, listener.getsockname()[1])
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config, lambda: started(url))
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="uvicorn")
    try:
        await asyncio.shield(serving)
    finally:
        app.state.closing.set()
        server.should_exit = True
        # A second cancellation must not leave the socket open: uvicorn is waited for, briefly, come what may.
        await asyncio.wait([serving], timeout=GRACE_SECONDS + 1)
        serving.cancel()
        listener.close()


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise ConfigError(f"{host} is no address of this machine: set [web] host, e.g. 127.0.0.1") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Listening at once, so that a second pegbot fails here and not halfway through its start.
        listener.listen(128)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ConfigError(_say(error, host, port)) from None
    return listener


def _say(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use: stop the other program or set [web] port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} may not be used by this user: set [web] port to 1024 or more"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine: set [web] host, e.g. 127.0.0.1"
    return f"cannot listen on {host}:{port}: {error.strerror}; check [web] host and port"


def _url(host: str, port: int) -> str:
    """Where a person on this machine finds it: the unspecified address is reached through loopback."""
    shown = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host)  # noqa: S104 - compared, not bound
    return f"http://{shown or (f'[{host}]' if ':' in host else host)}:{port}"
