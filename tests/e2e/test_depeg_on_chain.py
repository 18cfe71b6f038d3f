"""The event that must never be missed, on real servers: a $500 order and a pool that holds $54.

anvil with Uniswap's contracts, Yahoo's wire format on loopback, mosquitto, a message service, Prometheus
with the shipped rules, and the daemon as a process of its own, killed in the middle.
"""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.timefmt import parse
from tests.fixtures.anvil import UNIT, Node, Pool, Uniswap, running_anvil
from tests.fixtures.daemon import Daemon, running_daemon
from tests.fixtures.http_sink import Sink, http_sink
from tests.fixtures.mosquitto import Mosquitto, mosquitto
from tests.fixtures.prometheus import running_prometheus, until
from tests.fixtures.yahoo_server import YahooServer

pytestmark = pytest.mark.timeout(180)

ROOT = Path(__file__).resolve().parents[2]
NAME = "AMZNx@uniswap:thin"
SHARE = 223.0
ORDER_USD = 500


@dataclass
class Place:
    """Everything around the daemon."""

    node: Node
    uniswap: Uniswap
    pool: Pool
    broker: Mosquitto
    sink: Sink
    config: Path


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    async with running_anvil() as node, mosquitto(folder) as broker, http_sink() as sink:
        uniswap = await Uniswap.deploy(node)
        pool = await uniswap.thin_pool(SHARE)
        with YahooServer({"AMZN": SHARE}) as yahoo:
            config = write_config(folder, node, pool, yahoo, broker, sink)
            yield Place(node, uniswap, pool, broker, sink, config)


def write_config(
    folder: Path, node: Node, pool: Pool, yahoo: YahooServer, broker: Mosquitto, sink: Sink
) -> Path:
    entry = pool.entry(NAME)
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__}
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    (folder / "pools.toml").write_text("[[pools]]\n" + "\n".join(lines) + "\n")
    registry = [str(path) for path in sorted((ROOT / "config" / "registry").glob("*.toml"))]
    config = folder / "pegbot.toml"
    config.write_text(f"""
registry = {json.dumps([*registry, "pools.toml"])}
[[collectors.evm]]
name = "anvil"
urls = ["{node.ws_url}"]
chain_id = 31337
pools = ["{NAME}"]
[[collectors.yahoo]]
symbols = ["AMZN"]
stream_url = "{yahoo.stream_url}"
query_url = "{yahoo.query_url}"
[detector]
resolve_seconds = 3
[strategy]
inventory_tokens = {{ AMZNx = 1 }}
# What is sold would else be replaced at once, or not, by the hour of the day.
ineligible_issuers = ["kraken"]
[ledger]
url = "sqlite+aiosqlite:///{folder}/pegbot.db"
[mqtt]
enabled = true
port = {broker.port}
[[alerts.channels]]
name = "desk"
url = "{sink.url}"
""")
    return config


async def told(got: list[tuple[str, bytes, bool]], kind: str, **wanted: Any) -> dict[str, Any]:
    """The first message of a kind with these fields."""

    async def find() -> dict[str, Any] | None:
        for topic, body, _ in got:
            message: dict[str, Any] = json.loads(body)
            if topic.split("/")[2] == kind and wanted.items() <= message.items():
                return message
        return None

    return await until(find, f"{kind} {wanted}; log below", 30.0)


async def calm(here: Place, daemon: Daemon) -> None:
    """Returns once the pool has been compared with the share; blocks come meanwhile, as they do."""

    async def valued() -> bool:
        await here.node.mine()
        rows = await daemon.get("/api/instruments")
        return any(row["basis"] is not None and row["age_seconds"] is not None for row in rows["instruments"])

    try:
        await until(valued, "a basis", 30.0)
    except TimeoutError as error:
        raise AssertionError(daemon.log) from error


async def carry_out(place: Place, plan: dict[str, Any]) -> float:
    """Sell on the chain what the plan says; USD received."""
    before = await place.uniswap.balance(place.pool.quote)
    (leg,) = plan["legs"]
    assert (leg["action"], leg["instrument"]) == ("sell", NAME)
    await place.uniswap.swap(place.pool, place.pool.token, int(leg["quantity_tokens"] * UNIT))
    return (await place.uniswap.balance(place.pool.quote) - before) / UNIT


async def test_a_spike_is_caught_explained_planned_told_survived_and_resolved(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.broker.heard("pegbot/v1/#", session="desk") as heard:
        async with running_daemon(here.config) as daemon:
            await calm(here, daemon)
            spike = await here.uniswap.swap(here.pool, here.pool.quote, ORDER_USD * UNIT)
            incident = await told(heard, "incident", phase="open")
            assert await here.node.w3.eth.block_number == spike["blockNumber"], "within one block"
            block = await here.node.w3.eth.get_block(spike["blockNumber"])
            assert parse(incident["opened"]) == block["timestamp"] * 10**9
            await check_incident(here, incident)
            plan = await told(heard, "plan", decision="trade", incident_id=incident["id"])
            async with running_prometheus(target=daemon.target) as prometheus:
                alert = await prometheus.until_alert("PegbotIncidentCritical")
                assert alert["labels"]["instrument"] == NAME
                assert alert["labels"]["cause"] == "thin_liquidity"
            assert await daemon.end(signal.SIGKILL) == -signal.SIGKILL
        async with running_daemon(here.config) as again:
            await calm(here, again)
            (still,) = (await again.get("/api/incidents?open=1"))["incidents"]
            assert still["id"] == incident["id"]
            received = await carry_out(here, plan)
            check_profit(plan, received)
            resolved = await told(heard, "incident", phase="resolve")
            assert resolved["id"] == incident["id"]

            async def both() -> bool:
                return len(here.sink.posts) >= 2

            await until(both, "the message that it is over")
            assert await again.end() == 0, again.log
        assert [title.partition(":")[0] for title in here.sink.titles] == ["opened", "resolved"]
        phases = [json.loads(body)["phase"] for topic, body, _ in heard if "/incident/" in topic]
        assert (phases.count("open"), phases.count("resolve")) == (1, 1)


async def check_incident(here: Place, incident: dict[str, Any]) -> None:
    assert incident["instrument"] == NAME
    assert incident["cause"] == "thin_liquidity"
    assert incident["severity"] == "critical"
    assert incident["price"] > 23_000
    assert list(incident["executable"]) == ["50", "500", "5000"]
    for size, price in incident["executable"].items():
        usd = int(size)
        if usd > ORDER_USD:
            assert price is None, "the pool does not hold so much"
            continue
        order = (here.pool.token, here.pool.quote, usd * UNIT, here.pool.fee, 0)
        quoted = await here.uniswap.quoter.functions.quoteExactOutputSingle(order).call()
        assert price == pytest.approx(usd / (quoted[0] / UNIT), rel=1e-9)


def check_profit(plan: dict[str, Any], received_usd: float) -> None:
    """What the chain paid, less what the plan said the tokens and the rest cost, is what it promised."""
    (leg,) = plan["legs"]
    others = sum(usd for name, usd in plan["costs_usd"].items() if name != "venue_fee")
    earned = received_usd - leg["quantity_tokens"] * SHARE - others
    assert earned == pytest.approx(plan["expected_profit_usd"], rel=1e-4)
    assert earned > 400
