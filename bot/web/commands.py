"""What a person may ask through the page: acknowledge, mute and unmute an incident.

There is no login: the page listens on loopback unless configured otherwise. So that no other web site can
ask in a visitor's name, a command needs a header that browsers do not send across origins, an origin
that is ours if one is given, and a host that no foreign name server can have pointed at us.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Collection
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from bot.timefmt import NS
from bot.types import Command
from bot.web import views
from bot.web.http import JsonResponse, Problem
from bot.web.replica import Replica

HEADER = "X-Requested-With"
MUTE_MINUTES = 60
MAX_MINUTES = 7 * 24 * 60

Verb = Literal["acknowledge", "mute", "unmute"]


class Commands:
    """The endpoints ``POST /api/incidents/{id}/<verb>``; ``hosts`` are names the page may be reached by."""

    def __init__(
        self, replica: Replica, send: Callable[[Command], None] | None, hosts: Collection[str] = ()
    ) -> None:
        self._replica = replica
        self._send = send
        self._hosts = frozenset(host.lower() for host in hosts)

    async def acknowledge(self, request: Request) -> Response:
        return self._ask(request, "acknowledge")

    async def mute(self, request: Request) -> Response:
        return self._ask(request, "mute")

    async def unmute(self, request: Request) -> Response:
        return self._ask(request, "unmute")

    def _ask(self, request: Request, verb: Verb) -> Response:
        self._check(request)
        incident_id = request.path_params["id"]
        incident = self._replica.incidents.get(incident_id)
        if incident is None:
            raise Problem(404, "unknown_incident", f"there is no incident {incident_id}; see /api/incidents")
        if incident.resolved is not None:
            raise Problem(409, "resolved", f"incident {incident_id} is resolved; there is nothing to {verb}")
        if self._send is None:
            raise Problem(503, "no_commands", "this pegbot takes no commands")
        now = self._replica.now
        until = now + _minutes(request) * 60 * NS if verb == "mute" else None
        try:
            self._send(Command(ts=now, verb=verb, target=incident_id, until=until, by="page"))
        except asyncio.QueueFull:
            raise Problem(503, "busy", "pegbot is busy; try again in a moment") from None
        return JsonResponse({"accepted": verb, "incident": views.row(incident)}, 202)

    def _check(self, request: Request) -> None:
        if HEADER.lower() not in request.headers:
            raise Problem(403, "header_missing", f"send a header {HEADER}: pegbot with a command")
        host = request.headers.get("host", "")
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise Problem(403, "other_origin", "a command must come from pegbot's own page")
        name = urlsplit(f"//{host}").hostname or ""
        if not (_is_local(name) or name in self._hosts):
            raise Problem(403, "unknown_host", f"commands by the name {name} need it in [web] hosts")


def _is_local(name: str) -> bool:
    """An address or a name without a dot: public name servers answer for neither."""
    if "." not in name and ":" not in name:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _minutes(request: Request) -> int:
    text = request.query_params.get("minutes", str(MUTE_MINUTES))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_MINUTES):
        raise Problem(
            400, "bad_minutes", f"minutes must be a whole number from 1 to {MAX_MINUTES}, not {text!r}"
        )
    return int(text)
