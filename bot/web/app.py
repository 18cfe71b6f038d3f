"""The page and its API as one Starlette application; what it shows comes from a :class:`Replica`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any, Final, NoReturn

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.errors import ServiceUnreachable
from bot.timefmt import parse
from bot.types import Command, Plan
from bot.web import views
from bot.web.commands import Commands
from bot.web.http import Guard, JsonResponse, Problem, on_problem
from bot.web.replica import RING, Replica
from bot.web.stream import Stream

STATIC: Final = Path(__file__).parent / "static"
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
ENDPOINTS: Final = {
    "GET /api/status": "version, event time, readiness, sessions, feeds, data set aside, counts",
    "GET /api/instruments": "every instrument where it stands, with a day of premium in 48 points",
    "GET /api/instruments/{instrument}": "one instrument with its past; since=TIME for a part of it",
    "GET /api/instruments/{instrument}/depth": "what it takes to move its price, as of its last state",
    "GET /api/incidents": "incidents, open ones first; open=1 for those only, limit=N",
    "GET /api/incidents/{id}": "one incident with its turns, plans and fills",
    "GET /api/plans": "plans, the latest first; limit=N",
    "GET /api/plans/{id}": "one plan, explained",
    "GET /api/fills": "fills, the latest first; limit=N",
    "GET /api/ledger": "cash, positions, profit and loss, margin, the book's greeks",
    "GET /api/feeds": "health of the sources, how good each reference is, and data set aside",
    "GET /api/stream": "server-sent events: what changes, as it changes",
    "POST /api/incidents/{id}/acknowledge": "somebody is on it; needs a header X-Requested-With",
    "POST /api/incidents/{id}/mute": "no messages about it for minutes=N (60); same header",
    "POST /api/incidents/{id}/unmute": "messages about it again; same header",
    "GET /metrics": "for Prometheus",
    "GET /healthz": "200 while the process lives",
    "GET /readyz": "200 while the engine is fed and the store is open, else 503 and why",
}

Ready = Callable[[], tuple[bool, str]]
LedgerView = Callable[[], Awaitable[dict[str, Any]]]
DepthView = Callable[[str], dict[str, Any] | None]


def create_app(
    replica: Replica,
    *,
    metrics_text: Callable[[], bytes],
    ready: Ready,
    ledger: LedgerView | None = None,
    depth: DepthView | None = None,
    commands: Callable[[Command], None] | None = None,
    version: str = "",
    notice: str | Callable[[], str] = "",
    hosts: Collection[str] = (),
    poll_seconds: float = 0.25,
) -> Starlette:
    """The application over ``replica``.

    ``metrics_text`` gives the Prometheus exposition; ``ready`` says whether the engine is fed and the store
    open, and why not; ``ledger`` reads the books (see :func:`bot.web.books.ledger_view`); ``depth`` tells an
    instrument's (see :func:`bot.web.depth.depth_view`); ``commands`` takes what people ask and may raise
    ``asyncio.QueueFull``. ``notice`` is shown on top of the page ("Simulated data …"). ``hosts`` are names,
    beside addresses and localhost, by which commands are taken.
    """
    api = _Api(replica, ready=ready, ledger=ledger, depth=depth, version=version, notice=notice)
    asked = Commands(replica, commands, hosts)
    closing = asyncio.Event()
    stream = Stream(replica, ready, closing, poll_seconds=poll_seconds)

    async def page(_: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    async def metrics(_: Request) -> Response:
        return Response(metrics_text(), headers={"Content-Type": METRICS_TYPE, "Cache-Control": "no-store"})

    async def healthz(_: Request) -> Response:
        return JsonResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        fine, reason = ready()
        if not fine:
            raise Problem(503, "not_ready", reason or "not ready")
        return JsonResponse({"status": "ready"})

    post = ["POST"]
    app = Starlette(
        routes=[
            Route("/", page),
            Route("/api", api.endpoints),
            Route("/api/status", api.status),
            Route("/api/instruments", api.instruments),
            Route("/api/instruments/{instrument}", api.instrument),
            Route("/api/instruments/{instrument}/depth", api.depth),
            Route("/api/incidents", api.incidents),
            Route("/api/incidents/{id}", api.incident),
            Route("/api/incidents/{id}/acknowledge", asked.acknowledge, methods=post),
            Route("/api/incidents/{id}/mute", asked.mute, methods=post),
            Route("/api/incidents/{id}/unmute", asked.unmute, methods=post),
            Route("/api/plans", api.plans),
            Route("/api/plans/{id}", api.plan),
            Route("/api/fills", api.fills),
            Route("/api/ledger", api.ledger),
            Route("/api/feeds", api.feeds),
            Route("/api/stream", stream.__call__),
            Route("/metrics", metrics),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Mount("/static", _Static(directory=STATIC)),
        ],
        middleware=[Middleware(Guard), Middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)],
        exception_handlers={HTTPException: on_problem},
        max_body_size=4096,
    )
    app.state.closing = closing
    return app


class _Static(StaticFiles):
    """The page's own files; asked for again each time, answered "not modified" if so."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-cache")
        return response


class _Api:
    """The reading endpoints."""

    def __init__(
        self,
        replica: Replica,
        *,
        ready: Ready,
        ledger: LedgerView | None,
        depth: DepthView | None,
        version: str,
        notice: str | Callable[[], str],
    ) -> None:
        self._replica = replica
        self._ready = ready
        self._ledger = ledger
        self._depth = depth
        self._version = version
        self._notice = notice

    async def endpoints(self, _: Request) -> Response:
        return JsonResponse({"version": self._version, "endpoints": ENDPOINTS})

    async def status(self, _: Request) -> Response:
        return JsonResponse(
            views.status(
                self._replica,
                version=self._version,
                notice=self._notice() if callable(self._notice) else self._notice,
                ready=self._ready(),
            )
        )

    async def instruments(self, _: Request) -> Response:
        return JsonResponse(views.instruments(self._replica))

    async def instrument(self, request: Request) -> Response:
        name, since = request.path_params["instrument"], request.query_params.get("since")
        try:
            start = parse(since) if since else 0
        except ValueError as error:
            raise Problem(400, "bad_time", f"since: {error}") from None
        return JsonResponse(
            views.instrument(self._replica, name, start) or _unknown("instrument", name, "/api/instruments")
        )

    async def depth(self, request: Request) -> Response:
        name = request.path_params["instrument"]
        if self._depth is None:
            raise Problem(404, "no_depth", "this pegbot has no engine to ask for depth")
        return JsonResponse(self._depth(name) or _unknown("instrument", name, "/api/instruments"))

    async def incidents(self, request: Request) -> Response:
        only = request.query_params.get("open", "") not in ("", "0", "false")
        found = views.incidents(self._replica, open_only=only, limit=_limit(request))
        return JsonResponse({"now": views.moment(self._replica.now), "incidents": found})

    async def incident(self, request: Request) -> Response:
        name = request.path_params["id"]
        return JsonResponse(
            views.incident(self._replica, name) or _unknown("incident", name, "/api/incidents")
        )

    async def plans(self, request: Request) -> Response:
        found = views.plans(self._replica, limit=_limit(request))
        return JsonResponse({"now": views.moment(self._replica.now), "plans": found})

    async def plan(self, request: Request) -> Response:
        name = request.path_params["id"]
        plan = self._replica.plans.get(name) or _unknown("plan", name, "/api/plans")
        fills = [views.row(fill) for fill in self._replica.fills.values() if fill.plan_id == name]
        return JsonResponse({**views.row(plan), "fills": fills, "explain": _explain(plan)})

    async def fills(self, request: Request) -> Response:
        found = views.fills(self._replica, limit=_limit(request))
        return JsonResponse({"now": views.moment(self._replica.now), "fills": found})

    async def ledger(self, _: Request) -> Response:
        if self._ledger is None:
            raise Problem(404, "no_ledger", "this pegbot keeps no ledger: [execution] mode is off")
        try:
            return JsonResponse(await self._ledger())
        except ServiceUnreachable as error:
            raise Problem(503, "ledger_unreachable", str(error)) from error

    async def feeds(self, _: Request) -> Response:
        feeds = [views.row(feed) for feed in self._replica.feeds.values()]
        references = views.references(self._replica)
        aside = views.quarantined(self._replica)
        return JsonResponse({"feeds": feeds, "references": references, "quarantined": aside})


def _explain(plan: Plan) -> str:
    from bot.strategy.explain import explain

    return explain(plan)


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "100")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= RING):
        raise Problem(400, "bad_limit", f"limit must be a whole number from 1 to {RING}, not {text!r}")
    return int(text)


def _unknown(what: str, name: str, where: str) -> NoReturn:
    raise Problem(404, f"unknown_{what}", f"there is no {what} {name}; see {where}")
