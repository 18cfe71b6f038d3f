"""Answers: JSON that never holds NaN, errors in one shape, headers that keep the page to itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
CODES: Final = {404: "not_found", 405: "method_not_allowed"}


class Problem(HTTPException):
    """An error for whoever asked: ``code`` for programs, ``message`` for people."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.code = code


class JsonResponse(Response):
    """JSON through msgspec, which writes what is not a number as ``null``."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        super().init_headers({"Cache-Control": "no-store", **(headers or {})})


def problem_response(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """``{"error": {"code", "message"}}``."""
    return JsonResponse({"error": {"code": code, "message": message}}, status, dict(headers or {}))


async def on_problem(request: Request, error: Exception) -> Response:
    """Whatever was refused, in the one shape."""
    assert isinstance(error, HTTPException)
    code = getattr(error, "code", CODES.get(error.status_code, "refused"))
    message = error.detail
    if error.status_code == 404 and not isinstance(error, Problem):
        message = f"there is nothing at {request.url.path}; /api lists what there is"
    if error.status_code == 405:
        message = f"{request.method} is not possible here; /api lists what is"
    return problem_response(error.status_code, code, message, error.headers)


class Guard:
    """Outermost: adds :data:`SECURITY_HEADERS` to every answer, and answers when our own code failed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def secured(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, secured)
        except Exception as error:
            log = structlog.get_logger("pegbot.web")
            log.error("request failed", path=scope["path"], exc_info=error)
            if not started:
                answer = problem_response(500, "internal", "this request failed; the log says why")
                await answer(scope, receive, secured)
