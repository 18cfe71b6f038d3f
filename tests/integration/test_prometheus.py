"""Real Prometheus scrapes Metrics, the shipped rules fire, real Alertmanager tells the right people."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.metrics import CONTENT_TYPE, FAMILIES, Metrics
from bot.timefmt import NS
from tests.fixtures.messages import T, basis, everything, incident, observed
from tests.fixtures.prometheus import DASHBOARDS, running_alertmanager, running_prometheus, until


@asynccontextmanager
async def served(metrics: Metrics) -> AsyncIterator[str]:
    """``host:port`` of a server that answers every GET with the metrics."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = metrics.render()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def webhooks() -> AsyncIterator[tuple[str, dict[str, list[dict[str, Any]]]]]:
    """An address to post to, and what was posted, by path."""
    posted: dict[str, list[dict[str, Any]]] = defaultdict(list)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = next(int(h.split(":")[1]) for h in head if h.lower().startswith("content-length"))
        posted[head[0].split()[1].strip("/")].append(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", posted


def named(messages: list[dict[str, Any]], alert: str) -> list[dict[str, Any]]:
    return [m for m in messages if m["commonLabels"].get("alertname") == alert]


async def test_a_critical_incident_fires_the_shipped_rule_and_reaches_the_pager() -> None:
    metrics = observed(basis(), incident())
    async with (
        served(metrics) as target,
        webhooks() as (webhook, posted),
        running_alertmanager(webhook=webhook) as alertmanager,
        running_prometheus(target=target, alertmanager=alertmanager.address) as prometheus,
    ):
        alert = await prometheus.until_alert("PegbotIncidentCritical")
        assert alert["labels"]["instrument"] == "AMZNx@raydium"
        assert alert["labels"]["cause"] == "thin_liquidity"
        assert "+10463.6 %" in alert["annotations"]["description"]

        async def paged() -> list[dict[str, Any]]:
            return [
                p for p in posted["pager"] if p["commonLabels"].get("alertname") == "PegbotIncidentCritical"
            ]

        (message, *_) = await until(paged, "the pager")
        assert message["status"] == "firing"
        assert message["groupLabels"] == {"underlying": "AMZN", "instrument": "AMZNx@raydium"}
        assert not [p for p in posted["desk"] if p["groupLabels"].get("instrument")], (
            "told once, to the pager"
        )
        assert await alertmanager.alerts("PegbotIncidentCritical")

        metrics.observe(incident(phase="resolve", resolved=T + 60 * NS))
        await prometheus.until_no_alert("PegbotIncidentCritical")

        async def resolved() -> list[dict[str, Any]]:
            return [p for p in await paged() if p["status"] == "resolved"]

        assert await until(resolved, "the message that it is over")


async def test_a_bot_that_dies_fires_down_which_silences_what_follows_from_it() -> None:
    async with (
        webhooks() as (webhook, posted),
        running_alertmanager(webhook=webhook) as alertmanager,
        AsyncExitStack() as bot,
    ):
        target = await bot.enter_async_context(served(observed(basis())))
        async with running_prometheus(target=target, alertmanager=alertmanager.address) as prometheus:
            await prometheus.until_scraped()
            await bot.aclose()
            await prometheus.until_alert("PegbotDown", instance=target)
            await prometheus.until_alert("PegbotNoTicks")

            async def told() -> list[dict[str, Any]]:
                return named(posted["pager"], "PegbotDown")

            async def suppressed() -> bool:
                return any(a["status"]["inhibitedBy"] for a in await alertmanager.alerts("PegbotNoTicks"))

            assert await until(told, "the pager")
            assert await until(suppressed, "PegbotNoTicks to be inhibited by PegbotDown")


async def test_the_dead_mans_handle_arrives_where_it_should_and_nowhere_else() -> None:
    async with (
        served(Metrics()) as target,
        webhooks() as (webhook, posted),
        running_alertmanager(webhook=webhook) as alertmanager,
        running_prometheus(target=target, alertmanager=alertmanager.address) as prometheus,
    ):
        await prometheus.until_alert("PegbotDeadMan")

        async def arrived() -> list[dict[str, Any]]:
            return posted["dead-man"]

        await until(arrived, "the dead man's handle")
        names = {p["commonLabels"].get("alertname") for who in ("desk", "pager") for p in posted[who]}
        assert "PegbotDeadMan" not in names


async def test_prometheus_takes_every_family_with_its_type() -> None:
    async with served(everything()) as target, running_prometheus(target=target) as prometheus:
        await prometheus.until_scraped()
        answer = await prometheus.client.get(f"{prometheus.url}/api/v1/targets/metadata")
        types = {m["metric"]: m["type"] for m in answer.json()["data"]}
        assert {f.name: f.kind for f in FAMILIES}.items() <= types.items()
        assert await prometheus.value("pegbot_fair_value_usd") == pytest.approx(223.5)
        assert await prometheus.value("scrape_samples_scraped") or len(FAMILIES) < 0


async def test_every_panel_of_every_board_shows_something() -> None:
    metrics = everything()
    boards = [json.loads(text) for text in _texts(DASHBOARDS / "grafana" / "dashboards")]
    panels = [p for board in boards for p in board["panels"] if p["type"] != "row"]
    async with served(metrics) as target, running_prometheus(target=target) as prometheus:
        await prometheus.until_alert("PegbotIncidentCritical")
        metrics.observe(incident(id="next"))  # a counter that moves

        for panel in panels:
            asked = [t["expr"].replace("$instrument", "AMZNx@raydium") for t in panel["targets"]]
            asked = [e.replace("$underlying", "AMZN") for e in asked]

            async def shown(expressions: list[str] = asked) -> bool:
                return any([await prometheus.query(expression) for expression in expressions])

            await until(shown, f"panel {panel['title']}")


def _texts(folder: Path) -> list[str]:
    return [file.read_text() for file in sorted(folder.glob("*.json"))]
