"""``pegbot doctor``: each source and service is tried, each fault has its remedy, no secret is shown."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from bot import console, doctor, tape
from bot.collectors.clock_doctor import offset
from bot.collectors.evm_abi import topic
from bot.config import Config, parse
from bot.doctor import examine
from bot.findings import Finding, remedy
from bot.registry import Registry
from bot.registry.model import Chain, PoolEntry, Underlying
from bot.types import Tick
from tests.fixtures.prometheus import free_port
from tests.fixtures.yahoo_server import YahooServer

T = 1_782_000_000_000_000_000
ADDRESS = "0x3cd7f2a1000000000000000000000000000000ab"
POOL = "AMZNx@uniswap:0x3cd7f2a1"
ELSEWHERE = "AMZNx@uniswap:ink"
KEY = "0123456789abcdef"
TOKEN, QUOTE = f"0x{1:040x}", f"0x{2:040x}"


def word(value: int | str) -> str:
    """As a contract answers it."""
    return f"{int(value, 16) if isinstance(value, str) else value:064x}"


def pool(instrument: str, chain: str) -> PoolEntry:
    return PoolEntry(
        instrument=instrument, chain=chain, address=ADDRESS, amm="uniswap_v3", fee_pips=3000,
        token_address=TOKEN, token_decimals=18,
        quote_address=QUOTE, quote_symbol="USDC", quote_decimals=6, quote_usd=1.0,
    )  # fmt: skip


REGISTRY = Registry(
    chains={"base": Chain("base", "evm", 8453), "ink": Chain("ink", "evm", 57073)},
    underlyings={"TSLA": Underlying("TSLA"), "NOPE": Underlying("NOPE")},
    pools={POOL: pool(POOL, "base"), ELSEWHERE: pool(ELSEWHERE, "ink")},
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def config(tmp_path: Path, **sections: Any) -> Config:
    """A configuration in which nothing is wrong, but for what is given."""
    sound = {"ledger": {"url": f"sqlite+aiosqlite:///{tmp_path}/var/pegbot.db"}, "web": {"port": 0}}
    return parse({**sound, **sections}, source="test.toml", base=tmp_path)


async def finding(name: str, settings: Config, registry: Registry = REGISTRY) -> Finding:
    found = {one.source: one for one in await examine(settings, registry)}
    return next(one for source, one in found.items() if source.startswith(name))


def faulty(found: Finding, what: str, fix: str) -> None:
    """It is a fault that says ``what``, with a sentence that says ``fix``."""
    assert not found.ok
    assert what in found.what
    assert fix in found.fix
    assert found.fix.endswith(".")


# -- the whole ---------------------------------------------------------------------------------------------


async def test_where_nothing_is_wrong_there_is_nothing_to_do(tmp_path: Path) -> None:
    tape.write(tmp_path / "t.jsonl", [Tick(T, "TSLAx@kraken", "quote", price=1.0)])
    with YahooServer({"TSLA": 300.0}) as yahoo:
        async with node() as url:
            settings = config(
                tmp_path,
                collectors={
                    "tape": [{"path": "t.jsonl"}],
                    "evm": [{"urls": [url], "chain_id": 8453, "pools": [POOL]}],
                    "yahoo": [
                        {"symbols": ["TSLA"], "stream_url": yahoo.stream_url, "query_url": yahoo.query_url}
                    ],
                },
                alerts={"channels": [{"name": "ops", "url": "json://127.0.0.1:1"}]},
            )
            found = await examine(settings, REGISTRY)
    assert [(one.source, one.ok, one.fix) for one in found] == [
        (name, True, "")
        for name in (
            "tape",
            f"evm {url}",
            "yahoo socket",
            "yahoo polling",
            "clock",
            "ledger",
            "alerts ops",
            "page",
        )
    ], found
    assert found[0].what == "begins with TSLAx@kraken at 2026-06-21 00:00:00 UTC"
    assert found[1].what.startswith("chain 8453, block 21, ")
    assert found[3].what.startswith("TSLA@yahoo 300.00 USD at ")


async def test_everything_is_tried_at_once_and_what_hangs_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        urls = [f"ws://127.0.0.1:{deaf.getsockname()[1]}/{number}" for number in range(5)]
        settings = config(tmp_path, collectors={"evm": [{"urls": urls, "chain_id": 8453, "pools": [POOL]}]})
        began = time.monotonic()
        found = await examine(settings, REGISTRY)
        assert time.monotonic() - began < 4
    assert [one.what for one in found[:5]] == ["no answer within 1 s"] * 5
    assert [one.source for one in found if one.ok] == ["ledger", "page"]


async def test_a_library_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "web3", None)
    settings = config(
        tmp_path, collectors={"evm": [{"urls": ["ws://x.example"], "chain_id": 1, "pools": [POOL]}]}
    )
    faulty(await finding("evm", settings), "web3 is not installed", "pip install 'pegbot[live]'")


async def test_secrets_are_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("NODE", f"ws://127.0.0.1:{port}/v3/{KEY}")
    monkeypatch.setenv("CHAT", f"nothing-apprise-knows-{KEY}")
    monkeypatch.setenv("DATABASE", f"mysql://pegbot:{KEY}@127.0.0.1/pegbot")
    monkeypatch.setenv("BROKER", KEY)
    settings = config(
        tmp_path,
        collectors={
            "evm": [{"urls": ["env:NODE", f"wss://u:{KEY}@x.invalid/{KEY}"], "chain_id": 1, "pools": [POOL]}]
        },
        ledger={"url": "env:DATABASE"},
        alerts={"channels": [{"name": "ops", "url": "env:CHAT"}]},
        mqtt={"enabled": True, "port": port, "username": "pegbot", "password": "env:BROKER"},
    )
    found = await examine(settings, REGISTRY)
    assert [one.source for one in found if one.ok] == ["clock", "page"]
    assert KEY not in str(found)
    assert [one.source for one in found][:2] == ["evm env:NODE", "evm wss://**********@x.invalid/…"]


async def test_a_secret_that_is_not_set_is_a_finding(tmp_path: Path) -> None:
    settings = config(
        tmp_path, collectors={"evm": [{"urls": ["env:PEGBOT_NO_SUCH"], "chain_id": 1, "pools": [POOL]}]}
    )
    faulty(
        await finding("evm", settings), "environment variable PEGBOT_NO_SUCH is not set", "export NAME=value"
    )


def test_findings_are_shown_to_people_and_to_machines(capsys: pytest.CaptureFixture[str]) -> None:
    found = [Finding("tape", True, "begins"), Finding("page", False, "port 1 is in use", "Stop it.")]
    console.findings(found, as_json=True)
    assert json.loads(capsys.readouterr().out) == [
        {"source": "tape", "ok": True, "what": "begins", "fix": ""},
        {"source": "page", "ok": False, "what": "port 1 is in use", "fix": "Stop it."},
    ]
    console.findings(found, as_json=False)
    assert "Stop it." in capsys.readouterr().out


# -- tapes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "what", "fix"),
    [
        (None, "no such tape", "Set its path"),
        ("ts,instrument\n", "no column kind", "Set its path"),
        ("ts,instrument,kind,price\n", "no usable tick", "Name another file"),
        ("ts,instrument,kind,price\nsoon,TSLAx@kraken,quote,1\n", "first bad_ts", "Name another file"),
    ],
)
async def test_a_tape_that_cannot_be_played(tmp_path: Path, content: str | None, what: str, fix: str) -> None:
    if content is not None:
        (tmp_path / "t.csv").write_text(content)
    faulty(await finding("tape", config(tmp_path, collectors={"tape": [{"path": "t.csv"}]})), what, fix)


# -- nodes -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def node(
    chain_id: int = 8453, age_seconds: float = 0.0, code: str = "0x60", symbol: str = "AMZNx"
) -> AsyncIterator[str]:
    """An EVM endpoint with one pool and its two tokens, and no other contract; its address."""
    contracts = {
        ADDRESS: {
            "token0()": word(TOKEN), "token1()": word(QUOTE), "fee()": word(3000), "tickSpacing()": word(60),
        },
        TOKEN: {"symbol()": symbol.encode().ljust(32, b"\0").hex(), "decimals()": word(18)},
        QUOTE: {"symbol()": b"USDC".ljust(32, b"\0").hex(), "decimals()": word(6)},
    }  # fmt: skip
    says = {
        (to.lower(), "0x" + topic(name)[:4].hex()): "0x" + said
        for to, answers in contracts.items()
        for name, said in answers.items()
    }
    block = {
        "number": hex(21), "timestamp": hex(int(time.time() - age_seconds)),
        "hash": "0x" + "11" * 32, "parentHash": "0x" + "22" * 32,
    }  # fmt: skip

    def result(request: dict[str, Any]) -> Any:
        match request["method"], request["params"]:
            case "eth_chainId", _:
                return hex(chain_id)
            case "eth_getBlockByNumber", _:
                return block
            case "eth_getCode", [address, *_]:
                return code if address.lower() == ADDRESS.lower() else "0x"
            case "eth_call", [call, _]:
                return says.get((call["to"].lower(), call["data"]), "0x")
        raise AssertionError(request)

    async def answer(connection: ServerConnection) -> None:
        async for text in connection:
            asked = json.loads(text)
            many = asked if isinstance(asked, list) else [asked]
            told = [{"jsonrpc": "2.0", "id": one["id"], "result": result(one)} for one in many]
            await connection.send(json.dumps(told if isinstance(asked, list) else told[0]))

    async with serve(answer, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


def evm(tmp_path: Path, url: str, pool: str = POOL) -> Config:
    return config(tmp_path, collectors={"evm": [{"urls": [url], "chain_id": 8453, "pools": [pool]}]})


@pytest.mark.parametrize(
    ("fault", "what", "fix"),
    [
        ({"chain_id": 1}, "chain 1, not 8453", "Give an endpoint of chain 8453"),
        ({"age_seconds": 7200.0}, "block 21, is 2 h ", "The node is behind"),
        ({"code": "0x"}, f"no contract at {ADDRESS} ({POOL})", "Correct its address"),
        ({"symbol": "AMZNX"}, "calls itself 'AMZNX', expected is 'AMZNx'", "Correct these entries"),
    ],
)
async def test_a_node_that_is_not_as_configured(
    tmp_path: Path, fault: dict[str, Any], what: str, fix: str
) -> None:
    async with node(**fault) as url:
        faulty(await finding("evm", evm(tmp_path, url)), what, fix)


@pytest.mark.parametrize("pool", ["AMZNx@nowhere", ELSEWHERE])
async def test_a_pool_that_the_registry_does_not_have_on_that_chain(tmp_path: Path, pool: str) -> None:
    async with node() as url:
        faulty(await finding("evm", evm(tmp_path, url, pool)), f"{pool} is no pool of chain 8453", "Add it")


async def test_a_node_that_is_not_there(tmp_path: Path) -> None:
    found = await finding("evm", evm(tmp_path, f"ws://127.0.0.1:{free_port()}"))
    faulty(found, "Connect call failed", "Check the address")


# -- Yahoo -------------------------------------------------------------------------------------------------


async def yahoo_findings(tmp_path: Path, yahoo: YahooServer, *symbols: str) -> tuple[Finding, Finding]:
    source = {"symbols": list(symbols), "stream_url": yahoo.stream_url, "query_url": yahoo.query_url}
    found = await examine(config(tmp_path, collectors={"yahoo": [source]}), REGISTRY)
    assert [one.source for one in found[:2]] == ["yahoo socket", "yahoo polling"]
    return found[0], found[1]


async def test_yahoo_says_no(tmp_path: Path) -> None:
    with YahooServer({"TSLA": 300.0}) as yahoo:
        yahoo.refuse(403)
        yahoo.answer_http(429)
        stream, polling = await yahoo_findings(tmp_path, yahoo, "TSLA")
    faulty(stream, "HTTP 403", "It said no")
    faulty(polling, "HTTP 429", "wait an hour")


async def test_yahoo_is_away(tmp_path: Path) -> None:
    with YahooServer() as yahoo:
        yahoo.stop()
        for found in await yahoo_findings(tmp_path, yahoo, "TSLA"):
            faulty(found, "", "this machine's way to Yahoo")


async def test_a_symbol_that_yahoo_does_not_know_is_named(tmp_path: Path) -> None:
    with YahooServer({"TSLA": 300.0}) as yahoo:
        stream, polling = await yahoo_findings(tmp_path, yahoo, "TSLA", "NOPE")
    assert stream.ok
    faulty(polling, "NOPE", "Correct these symbols")
    assert "TSLA" not in polling.what


async def test_a_symbol_that_the_registry_does_not_know_is_named(tmp_path: Path) -> None:
    with YahooServer({"TSLA": 300.0}) as yahoo:
        _, polling = await yahoo_findings(tmp_path, yahoo, "TSLA", "GHOST")
    faulty(polling, "not in the registry: GHOST", "Add them")


# -- what any source may have ------------------------------------------------------------------------------


async def one_source(tmp_path: Path, collectors: dict[str, Any]) -> Finding:
    return (await examine(config(tmp_path, collectors=collectors), REGISTRY))[0]


@pytest.mark.parametrize(
    ("kind", "source", "what"),
    [
        ("pyth", {"feeds": ["GHOST@pyth"]}, "'GHOST@pyth' is not among the [[feeds]] of pyth"),
        ("chainlink", {"chain_id": 1, "feeds": ["GHOST@chainlink"]}, "not among the [[feeds]] of chainlink"),
        ("xstocks", {"tokens": ["GHOSTx"]}, "'GHOSTx' is not a token of xstocks"),
        ("ondo", {"tokens": ["GHOSTon"], "api_key": "env:HOME"}, "'GHOSTon' is not a token of ondo"),
        ("ondo", {"tokens": ["GHOSTon"]}, "Ondo answers nobody without one"),
        ("mystonks", {"symbols": {"GHOST.M": "GHOST"}}, "'GHOST.M' is not a token of mystonks"),
        ("robinhood", {"chain_id": 7, "tokens": ["GHOST"]}, "no chain of the registry has chain_id 7"),
        ("jupiter", {"tokens": ["GHOSTx"]}, "'GHOSTx' has no address on Solana"),
        ("exchange", {"exchange": "kraken", "markets": {"GHOSTx": "GHOSTx/USD"}}, "'kraken' is not among"),
    ],
)
async def test_what_the_registry_does_not_have_is_named_and_nobody_is_asked(
    tmp_path: Path, kind: str, source: dict[str, Any], what: str
) -> None:
    nowhere: dict[str, dict[str, Any]]
    nowhere = {"chainlink": {"urls": ["ws://127.0.0.1:1"]}, "exchange": {"rest_url": "http://127.0.0.1:1"}}
    nowhere["robinhood"] = nowhere["chainlink"]
    at = nowhere.get(kind, {"url": "http://127.0.0.1:1"})
    faulty(await one_source(tmp_path, {kind: [{**at, **source}]}), what, "`pegbot check`")


@pytest.mark.parametrize(
    ("what", "fix"),
    [
        ("xStocks: rate-limited 5 times in a row; ask less often", "wait an hour"),
        ("the node wants no request for 300 s", "wait an hour"),
        ("environment variable KEY is not set", "export NAME=value"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired", "CA certificates"),
        ("Cannot connect to host x.invalid:443 [Name or service not known]", "DNS"),
        ("[Errno -3] Temporary failure in name resolution", "DNS"),
        ("curl: (6) Could not resolve host: query2.finance.yahoo.com", "DNS"),
        ("HTTP 503", "The general remedy."),
    ],
)
def test_faults_that_any_source_may_have_are_known_by_their_words(what: str, fix: str) -> None:
    assert fix in remedy(what, "The general remedy.")


# -- the clock ---------------------------------------------------------------------------------------------


@asynccontextmanager
async def dated(ahead_seconds: float, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """A server whose clock is so far ahead of ours; its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        date = formatdate(time.time() + ahead_seconds, usegmt=True)
        writer.write(f"HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    server = await asyncio.start_server(answer, host, 0)
    async with server:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(("ahead", "says"), [(3600.0, "1 h behind that of"), (-95.0, "1 min 3")])
async def test_a_clock_that_is_wrong_is_told_by_how_much(tmp_path: Path, ahead: float, says: str) -> None:
    async with dated(ahead) as url:
        found = await finding(
            "clock", config(tmp_path, collectors={"pyth": [{"url": url, "feeds": ["A@pyth"]}]})
        )
    faulty(found, says, "timedatectl")
    assert ("behind" if ahead > 0 else "ahead of") in found.what


async def test_a_clock_that_is_right_is_told_against_whom(tmp_path: Path) -> None:
    async with dated(0.0) as url:
        found = await finding(
            "clock", config(tmp_path, collectors={"pyth": [{"url": url, "feeds": ["A@pyth"]}]})
        )
    assert (found.ok, found.what) == (True, "within 2 s of that of 127.0.0.1")


async def test_of_several_servers_one_whose_clock_is_wrong_does_not_decide() -> None:
    async with dated(0.0) as one, dated(5000.0, "127.0.0.2") as other, dated(0.3, "127.0.0.3") as third:
        found = await offset([one, one + "/again", other, third, f"http://127.0.0.4:{free_port()}"])
    assert found is not None
    assert abs(found.seconds) < 2
    assert found.hosts == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


async def test_where_nobody_tells_the_time_nothing_is_said_of_the_clock(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    found = await finding("clock", config(tmp_path, collectors={"pyth": [{"url": url, "feeds": ["A@pyth"]}]}))
    assert found.ok
    assert found.what.startswith("not compared")


# -- services ----------------------------------------------------------------------------------------------


async def test_a_ledger_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = config(tmp_path, ledger={"url": f"sqlite+aiosqlite:///{tmp_path}/file/pegbot.db"})
    faulty(await finding("ledger", settings), "cannot make the folder", "Set [ledger] url")


async def test_a_recording_that_has_no_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = config(tmp_path, record={"path": "file/tapes/tape.parquet"})
    faulty(
        await finding("record", settings), "tapes: cannot be written: Not a directory", "Set [record] path"
    )


@pytest.mark.parametrize(("path", "says"), [("tape.parquet", "written"), ("new/tapes/tape.parquet", "made")])
async def test_a_recording_that_has_a_place_leaves_nothing_there(
    tmp_path: Path, path: str, says: str
) -> None:
    found = await finding("record", config(tmp_path, record={"path": path}))
    assert (found.ok, found.what) == (True, f"{(tmp_path / path).parent} can be {says}")
    assert names_in(tmp_path).isdisjoint(("new", "tape.parquet"))


def names_in(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


async def test_a_broker_that_is_away(tmp_path: Path) -> None:
    settings = config(tmp_path, mqtt={"enabled": True, "port": free_port()})
    faulty(await finding("mqtt", settings), "refused", "Start the broker")


async def test_a_broker_that_is_not_asked_for_is_not_tried(tmp_path: Path) -> None:
    found = await examine(config(tmp_path), REGISTRY)
    assert [one.source for one in found] == ["ledger", "page"]


async def test_a_channel_whose_url_is_none(tmp_path: Path) -> None:
    settings = config(tmp_path, alerts={"channels": [{"name": "ops", "url": "nonsense"}]})
    faulty(await finding("alerts ops", settings), "not an Apprise URL", "Apprise URL")


async def test_a_port_that_is_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        found = await finding("page", config(tmp_path, web={"port": port}))
    faulty(found, f"port {port} of 127.0.0.1 is in use", "Stop the other program")


@asynccontextmanager
async def running(references: list[dict[str, Any]]) -> AsyncIterator[int]:
    """A pegbot that has the port, and what it says of its references."""
    body = json.dumps({"version": "9.9", "references": references}).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"GET /api/status ")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_pegbot_that_runs_already_says_how_good_its_references_are(tmp_path: Path) -> None:
    good = {"instrument": "TSLA@yahoo", "score": 0.97, "fault": ""}
    poor = {"instrument": "TSLA@pyth", "score": 0.123, "fault": "frozen"}
    async with running([good]) as port:
        found = await finding("page", config(tmp_path, web={"port": port}))
        assert (found.ok, found.what) == (True, "pegbot 9.9 runs there; references: 1, none of them poor")
    async with running([good, poor]) as port:
        found = await finding("page", config(tmp_path, web={"port": port}))
    faulty(found, "of poor quality: TSLA@pyth 12% (frozen)", "See Feeds")
    assert "TSLA@yahoo" not in found.what


async def test_a_free_port_is_left_free(tmp_path: Path) -> None:
    port = free_port()
    found = await finding("page", config(tmp_path, web={"port": port}))
    assert (found.ok, found.what) == (True, f"port {port} of 127.0.0.1 is free")
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", port)
    server.close()
    await server.wait_closed()


async def test_a_host_that_is_not_this_machine(tmp_path: Path) -> None:
    found = await finding("page", config(tmp_path, web={"host": "203.0.113.7"}))
    faulty(found, "", "Set [web] host to an address of this machine")
