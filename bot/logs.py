"""What goes to stderr: one line an event, for people (console) or machines (JSON).

:func:`configure` is called once, at start-up. structlog and the standard library's loggers (uvicorn,
web3, apprise …) end in the same handler and formatter, so that nothing gets past redaction:

* a ``SecretStr`` anywhere in an event shows as ``**********``, and so does the value of each secret given
  to :func:`configure`, in whatever text it appears;
* a URL keeps its scheme and host, no credentials, path or query: keys hide in all three; of schemes whose
  "host" is itself a token (``tgram://``, ``slack://``) nothing but the scheme is left;
* an exception is its type, message and frames, never local variables.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog
from pydantic import SecretBytes, SecretStr
from structlog.tracebacks import ExceptionDictTransformer

from bot.config import LogSection

MASK: Final = "**********"
CHATTY: Final = ("aiosqlite", "alpaca", "apprise", "asyncio", "httpcore", "httpx", "matplotlib", "peewee",
                 "sqlalchemy", "uvicorn.access", "uvicorn.error", "urllib3", "web3", "websockets",
                 "yfinance")  # fmt: skip
"""Loggers of libraries, shown from ``warning`` on unless the level is ``debug``."""

_URL: Final = re.compile(r"\b([a-zA-Z][a-zA-Z0-9+.-]*)://([^\s\"'<>]*)")
_PARAMETER: Final = re.compile(
    r"(?i)([?&](?:[a-z_-]*(?:key|token|secret|password|signature|auth)[a-z_-]*)=)[^&\s\"']+"
)
_HOST_IS_PUBLIC: Final = re.compile(r"(https?|wss?|mqtts?|postgresql|postgres|redis)(\+\w+)?$", re.IGNORECASE)
_LOOPBACK: Final = re.compile(r"(127(\.\d+){3}|localhost|0\.0\.0\.0|\[::1?\])(:\d+)?$", re.IGNORECASE)


def configure(
    section: LogSection,
    *,
    stream: TextIO | None = None,
    isatty: bool | None = None,
    secrets: Iterable[SecretStr] = (),
) -> None:
    """Send every log line of this process to ``stream`` (stderr) as ``section`` asks.

    ``isatty`` decides between console and JSON where the format is ``auto``, and whether there are
    colours. ``secrets`` are never shown, wherever they turn up. May be called again: it replaces.
    """
    stream = sys.stderr if stream is None else stream
    isatty = stream.isatty() if isatty is None else isatty
    console = section.format == "console" or (section.format == "auto" and isatty)
    level = logging.getLevelNamesMapping()[section.level.upper()]
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
    ]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.StackInfoRenderer(),
                _exception_as_text if console else _exception_as_data,
                redactor(secrets),
                *([_for_people] if console else []),
                _console(colors=isatty) if console else _as_json,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.error", "apprise", "py.warnings"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    for name in CHATTY:
        logging.getLogger(name).setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))


def redactor(secrets: Iterable[SecretStr] = ()) -> structlog.typing.Processor:
    """A processor that makes an event safe to show; see the module's text for the rules."""
    values = sorted({s.get_secret_value() for s in secrets if len(s.get_secret_value()) >= 6}, key=len)
    known = re.compile("|".join(map(re.escape, reversed(values)))) if values else None

    def text(value: str) -> str:
        return redact(known.sub(MASK, value) if known else value)

    def process(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        return {key: _clean(value, text) for key, value in event.items()}

    return process


def redact(text: str) -> str:
    """``text`` with its URLs cut to scheme and host, and key-like query parameters masked."""
    return _PARAMETER.sub(rf"\1{MASK}", _URL.sub(_cut, text)) if "://" in text or "=" in text else text


def _cut(match: re.Match[str]) -> str:
    scheme, rest = match[1], match[2]
    if scheme.startswith(("sqlite", "file")):
        return match[0]
    authority = re.match(r"[^/?#]*", rest)
    credentials, at, host = (authority[0] if authority else "").rpartition("@")
    if _LOOPBACK.match(host):
        return f"{scheme}://{MASK + at if credentials else ''}{rest[len(credentials) + len(at) :]}"
    if not _HOST_IS_PUBLIC.match(scheme):
        return f"{scheme}://{MASK}"
    more = rest[len(credentials) + len(at) + len(host) :]
    return f"{scheme}://{MASK + at if credentials else ''}{host}{'/…' if more.strip('/') else more}"


def _clean(value: Any, text: Callable[[str], str]) -> Any:
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return text(value)
        case SecretStr() | SecretBytes():
            return MASK
        case Mapping():
            return {text(str(key)): _clean(item, text) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(item, text) for item in value]
    return text(str(value))


_tracebacks = ExceptionDictTransformer(show_locals=False, max_frames=30)


def _exception_as_data(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return structlog.processors.ExceptionRenderer(_tracebacks)(_, __, event)


def _exception_as_text(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return structlog.processors.format_exc_info(_, __, event)


def _as_json(_: Any, __: str, event: Mapping[str, Any]) -> str:
    first = {key: event[key] for key in ("timestamp", "level", "logger", "event") if key in event}
    return json.dumps({**first, **event}, ensure_ascii=False, separators=(",", ":"))


def _console(*, colors: bool) -> structlog.typing.Processor:
    return structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback, pad_event_to=12, sort_keys=False
    )


def _for_people(_: Any, __: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Short enough for a terminal: times to the second, nothing empty, a logger only if it is not ours."""
    short = {key: value for key, value in event.items() if value not in ("", None)}
    short["timestamp"] = str(event["timestamp"])[11:19]
    if "event_time" in event:
        short["event_time"] = str(event["event_time"])[:16]
    if short.get("logger") == "pegbot":
        del short["logger"]
    return short
