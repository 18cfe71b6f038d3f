"""The API over a replica: what it answers, how it refuses, and what keeps it to itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from bot.errors import ServiceUnreachable
from bot.timefmt import NS
from bot.types import Command
from bot.web.app import ENDPOINTS, create_app
from bot.web.replica import Replica
from tests.unit.web import world

HEADER = {"X-Requested-With": "pegbot"}
SPIKE = f"/api/incidents/{world.SPIKE.id}"


@pytest.fixture(scope="module")
def replica() -> Replica:
    return world.replica()


@asynccontextmanager
async def client(replica: Replica, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    settings: dict[str, Any] = {
        "metrics_text": lambda: b"pegbot_build_info 1\n",
        "ready": lambda: (True, ""),
        "ledger": world.ledger,
        "version": "1.2.3",
        **options,
    }
    transport = httpx.ASGITransport(create_app(replica, **settings), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8050") as http:
        yield http


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/status", "/api/instruments", f"/api/instruments/{world.SPIKED}", "/api/incidents", SPIKE,
     "/api/plans", "/api/fills", "/api/ledger", "/api/feeds", "/healthz", "/readyz"],
)  # fmt: skip
async def test_each_endpoint_answers_json_that_is_not_kept(replica: Replica, path: str) -> None:
    async with client(replica) as http:
        answer = await http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert isinstance(answer.json(), dict)


def test_the_list_of_endpoints_is_complete(replica: Replica) -> None:
    app = create_app(replica, metrics_text=lambda: b"", ready=lambda: (True, ""))
    routes = {
        f"{'POST' if 'POST' in route.methods else 'GET'} {route.path}"  # type: ignore[attr-defined]
        for route in app.routes
        if getattr(route, "methods", None)
    }
    assert routes - {"GET /", "GET /api"} == set(ENDPOINTS)


async def test_the_page_and_its_files_come_from_here_only(replica: Replica) -> None:
    async with client(replica) as http:
        page = await http.get("/")
        names = ["app.css", "app.js", "icon.svg"]
        kinds = [(await http.get(f"/static/{name}")).headers["content-type"].split(";")[0] for name in names]
    assert "http" not in page.text.replace("https://", "http").replace("http-equiv", "")
    assert kinds == ["text/css", "text/javascript", "image/svg+xml"]


async def test_every_answer_forbids_what_the_page_does_not_need(replica: Replica) -> None:
    async with client(replica) as http:
        for path in ("/", "/api/status", "/nowhere", "/static/app.js"):
            headers = (await http.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"


async def test_answers_are_compressed(replica: Replica) -> None:
    async with client(replica) as http:
        answer = await http.get("/api/instruments", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/nowhere", 404, "not_found"),
        ("/static/../app.py", 404, "not_found"),
        ("/api/incidents/none", 404, "unknown_incident"),
        ("/api/plans/none", 404, "unknown_plan"),
        ("/api/instruments/none@where", 404, "unknown_instrument"),
        ("/api/instruments/AMZNx@kraken?since=tomorrow", 400, "bad_time"),
        ("/api/plans?limit=0", 400, "bad_limit"),
        ("/api/incidents?limit=x", 400, "bad_limit"),
    ],
)
async def test_a_refusal_has_a_code_for_programs_and_a_message_for_people(
    replica: Replica, path: str, status: int, code: str
) -> None:
    async with client(replica) as http:
        answer = await http.get(path)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["message"]


async def test_a_fault_of_ours_is_told_without_its_traceback(replica: Replica) -> None:
    async def broken() -> dict[str, Any]:
        raise ZeroDivisionError("secret detail")

    async with client(replica, ledger=broken) as http:
        answer = await http.get("/api/ledger")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "secret" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_a_store_that_is_away_is_a_503_that_says_so(replica: Replica) -> None:
    async def away() -> dict[str, Any]:
        raise ServiceUnreachable("the database is locked")

    async with client(replica, ledger=away) as http:
        answer = await http.get("/api/ledger")
    assert answer.status_code == 503
    assert answer.json()["error"] == {"code": "ledger_unreachable", "message": "the database is locked"}


async def test_without_a_ledger_it_says_why(replica: Replica) -> None:
    async with client(replica, ledger=None) as http:
        assert (await http.get("/api/ledger")).json()["error"]["code"] == "no_ledger"


async def test_alive_is_not_ready(replica: Replica) -> None:
    async with client(replica, ready=lambda: (False, "no tick yet")) as http:
        assert (await http.get("/healthz")).status_code == 200
        answer = await http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["error"] == {"code": "not_ready", "message": "no tick yet"}


async def test_metrics_are_prometheus_text(replica: Replica) -> None:
    async with client(replica) as http:
        answer = await http.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text == "pegbot_build_info 1\n"


async def test_only_open_incidents_if_asked(replica: Replica) -> None:
    async with client(replica) as http:
        found = (await http.get("/api/incidents?open=1")).json()["incidents"]
        all_of_them = (await http.get("/api/incidents?open=0")).json()["incidents"]
    assert len(found) == 2
    assert len(all_of_them) == 3


async def test_an_incident_comes_with_its_turns_plans_and_fills(replica: Replica) -> None:
    async with client(replica) as http:
        found = (await http.get(f"/api/incidents/{world.DRIFT.id}")).json()
    assert [turn["phase"] for turn in found["turns"]] == ["open", "escalate"]
    assert [plan["id"] for plan in found["plans"]] == [world.TRADE.id]
    assert {fill["action"] for fill in found["fills"]} == {"sell", "mint"}


async def test_a_plan_comes_explained(replica: Replica) -> None:
    async with client(replica) as http:
        found = (await http.get(f"/api/plans/{world.TRADE.id}")).json()
    assert len(found["legs"]) == 2
    assert "AAPLx" in found["explain"]


# -- commands ------------------------------------------------------------------------------------


async def asked(
    replica: Replica, path: str, headers: dict[str, str] = HEADER, **options: Any
) -> tuple[httpx.Response, list[Command]]:
    commands: list[Command] = []
    settings: dict[str, Any] = {"commands": commands.append, **options}
    async with client(replica, **settings) as http:
        return await http.post(path, headers=headers), commands


async def test_acknowledge_reaches_the_engine_in_its_own_time(replica: Replica) -> None:
    answer, commands = await asked(replica, f"{SPIKE}/acknowledge")
    assert answer.status_code == 202
    assert commands == [Command(ts=world.END, verb="acknowledge", target=world.SPIKE.id, by="page")]


async def test_mute_is_for_so_many_minutes(replica: Replica) -> None:
    _, commands = await asked(replica, f"{SPIKE}/mute?minutes=15")
    assert commands[0].until == world.END + 15 * 60 * NS
    _, commands = await asked(replica, f"{SPIKE}/mute")
    assert commands[0].until == world.END + 3600 * NS
    _, commands = await asked(replica, f"{SPIKE}/unmute")
    assert (commands[0].verb, commands[0].until) == ("unmute", None)


@pytest.mark.parametrize("minutes", ["0", "-5", "x", "1.5", "999999999999", "٣"])
async def test_minutes_must_make_sense(replica: Replica, minutes: str) -> None:
    answer, commands = await asked(replica, f"{SPIKE}/mute?minutes={minutes}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_minutes")
    assert not commands


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "header_missing"),
        ({**HEADER, "Origin": "https://evil.example"}, "other_origin"),
        ({**HEADER, "Origin": "null"}, "other_origin"),
        ({**HEADER, "Host": "evil.example:8050"}, "unknown_host"),
        ({**HEADER, "Host": "evil.example:8050", "Origin": "http://evil.example:8050"}, "unknown_host"),
    ],
)
async def test_no_other_site_can_ask_in_a_visitors_name(
    replica: Replica, headers: dict[str, str], code: str
) -> None:
    answer, commands = await asked(replica, f"{SPIKE}/acknowledge", headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, code)
    assert not commands


@pytest.mark.parametrize(
    "host", ["localhost:8050", "[::1]:8050", "192.168.0.7:8050", "desk", "pegbot.example.com"]
)
async def test_the_page_may_be_reached_by_address_local_name_or_a_configured_one(
    replica: Replica, host: str
) -> None:
    headers = {**HEADER, "Host": host, "Origin": f"http://{host}"}
    answer, _ = await asked(replica, f"{SPIKE}/acknowledge", headers, hosts=["PegBot.example.com"])
    assert answer.status_code == 202


def full(_: Command) -> None:
    raise asyncio.QueueFull


@pytest.mark.parametrize(
    ("path", "commands", "status", "code"),
    [
        ("/api/incidents/none/acknowledge", full, 404, "unknown_incident"),
        (f"/api/incidents/{world.PAST.id}/acknowledge", full, 409, "resolved"),
        (f"{SPIKE}/acknowledge", None, 503, "no_commands"),
        (f"{SPIKE}/acknowledge", full, 503, "busy"),
    ],
)
async def test_a_command_that_cannot_be_taken_says_why(
    replica: Replica, path: str, commands: Callable[[Command], None] | None, status: int, code: str
) -> None:
    answer, _ = await asked(replica, path, commands=commands)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_command_is_not_a_link(replica: Replica) -> None:
    async with client(replica) as http:
        answer = await http.get(f"{SPIKE}/acknowledge")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


async def test_a_body_nobody_asked_for_is_bounded(replica: Replica) -> None:
    async with client(replica, commands=lambda _: None) as http:
        answer = await http.post(f"{SPIKE}/acknowledge", headers=HEADER, content=b"x" * 100_000)
    assert answer.status_code in (202, 413)
