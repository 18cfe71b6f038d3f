"""Other people's files as ticks: GeckoTerminal's bars and trades."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bot import tape
from bot.errors import UsageError
from bot.importers import IMPORTERS
from bot.market import check
from bot.timefmt import NS
from bot.timefmt import parse as at
from bot.types import Tick
from tests.fixtures.engine import shipped_registry
from tests.fixtures.shared import xstocks_solana

MINT = "XsDoVfqeBukxuZHWhdvWHBhgEHjGNst4MLodqsJHzoB"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
POOL = "8aDaBQkTrS6HVMjyc6EZebgdiaXhLYGriDWKWWp1NpFF"
NAME = "TSLAx@raydium:8aDaBQkT"


def bars(*rows: list[Any], tf: str = "hour", mint: str = MINT) -> dict[str, Any]:
    """A file of bars. Its symbol is a lie: only the address counts."""
    meta = {"sym": "AMZNX", "mint": mint, "dex": "raydium", "liq": 1_793_686}
    return {"pool": POOL, "meta": meta, "tf": tf, "ohlcv": list(rows)}


def trades(*rows: dict[str, str]) -> dict[str, Any]:
    """A file of trades."""
    return {"pool": POOL, "meta": {"sym": "AMZNX", "mint": MINT, "dex": "raydium"}, "trades": list(rows)}


def bought(**changes: str) -> dict[str, str]:
    """Somebody buys 0.5 tokens for 200 USDC."""
    return {
        "block_timestamp": "2026-06-21T12:31:34Z",
        "from_token_address": USDC,
        "to_token_address": MINT,
        "from_token_amount": "200.2",
        "to_token_amount": "0.5",
        "price_from_in_usd": "0.999",
        "price_to_in_usd": "400.0",
        "volume_in_usd": "200.0",
    } | changes


def sold() -> dict[str, str]:
    """Somebody sells 0.25 tokens for 99.9 USDC, a second later."""
    return bought(
        block_timestamp="2026-06-21T12:31:35Z",
        from_token_address=MINT,
        to_token_address=USDC,
        from_token_amount="0.25",
        to_token_amount="99.9",
        price_from_in_usd="399.6",
        price_to_in_usd="1.0",
        volume_in_usd="99.9",
    )


def ticks(folder: Path, *files: Any) -> list[Tick]:
    """The ticks of these files: 1.json, 2.json …"""
    paths = []
    for number, content in enumerate(files, 1):
        paths.append(folder / f"{number}.json")
        paths[-1].write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return list(IMPORTERS["geckoterminal"](paths, shipped_registry()))


def test_a_bar_is_valid_at_its_end_and_belongs_to_the_token_at_the_address(tmp_path: Path) -> None:
    (tick,) = ticks(tmp_path, bars([1_782_039_600, 400.0, 405.0, 399.0, 401.0, 5987.31]))
    assert (tick.ts, tick.instrument, tick.kind) == (1_782_043_200 * NS, NAME, "bar")
    assert (tick.price, tick.high, tick.low, tick.size) == (401.0, 405.0, 399.0, 5987.31)
    assert json.loads(tick.data or "") == {"open": 400.0, "seconds": 3600}


@pytest.mark.parametrize(("tf", "seconds"), [("minute", 60), ("hour", 3600), ("day", 86_400)])
def test_a_bar_is_as_long_as_its_file_says(tmp_path: Path, tf: str, seconds: int) -> None:
    (tick,) = ticks(tmp_path, bars([1_782_000_000, 1.0, 1.0, 1.0, 1.0, 1.0], tf=tf))
    assert tick.ts == (1_782_000_000 + seconds) * NS


def test_a_trade_has_the_tokens_own_price_on_either_side(tmp_path: Path) -> None:
    buy, sell = ticks(tmp_path, trades(bought(), sold()))
    assert (buy.ts, buy.instrument, buy.kind) == (at("2026-06-21T12:31:34Z"), NAME, "trade")
    assert (buy.price, buy.size) == (400.0, 200.0)
    assert json.loads(buy.data or "") == {"side": "buy", "tokens": "0.5"}
    assert (sell.price, sell.size) == (399.6, 99.9)
    assert json.loads(sell.data or "") == {"side": "sell", "tokens": "0.25"}


def test_liquidity_measured_at_the_end_is_not_told_of_earlier_times(tmp_path: Path) -> None:
    (tick,) = ticks(tmp_path, bars([1_782_039_600, 400.0, 405.0, 399.0, 401.0, 12.67]))
    assert tick.size == 12.67
    assert "liq" not in (tick.data or "")


def test_the_ticks_of_all_files_come_by_time(tmp_path: Path) -> None:
    late = [1_782_043_200, 1.0, 1.0, 1.0, 1.0, 1.0]
    early = [1_782_036_000, 2.0, 2.0, 2.0, 2.0, 2.0]
    found = ticks(tmp_path, bars(late, early), trades(sold(), bought()))
    assert [tick.ts for tick in found] == sorted(tick.ts for tick in found)
    assert Counter(tick.kind for tick in found) == {"bar": 2, "trade": 2}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "not JSON: "),
        ("[]", "not JSON: "),
        ({"hello": 1}, "not a GeckoTerminal file of bars or trades: "),
        (bars([1, 2]), "not a GeckoTerminal file of bars or trades: "),
        (bars([1, 1.0, 1.0, 1.0, 1.0, 1.0], tf="fortnight"), "not a GeckoTerminal file of bars or trades: "),
        (trades({"block_timestamp": "2026-06-21T12:31:34Z"}), "not a GeckoTerminal file of bars or trades: "),
        (trades(bought(price_to_in_usd="dear")), "not a GeckoTerminal file of bars or trades: "),
        (trades(bought(block_timestamp="noon")), "not a GeckoTerminal file of bars or trades: "),
        (trades(bought(to_token_address=USDC)), "not a GeckoTerminal file of bars or trades: "),
        (bars(mint=USDC), f"token {USDC} is not in the registry; add it to config/registry"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused_by_name(
    tmp_path: Path, content: Any, told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        ticks(tmp_path, bars([1_782_039_600, 400.0, 405.0, 399.0, 401.0, 1.0]), content)
    assert str(caught.value).startswith(f"{tmp_path / '2.json'}: {told}")


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.json: cannot be read: No such file"):
        IMPORTERS["geckoterminal"]([tmp_path / "gone.json"], shipped_registry())


@pytest.mark.shared
def test_the_real_files_become_a_sound_tape(tmp_path: Path) -> None:
    found = list(IMPORTERS["geckoterminal"](xstocks_solana(), shipped_registry()))
    assert Counter(tick.kind for tick in found) == {"bar": 5059, "trade": 2700}
    assert {tick.instrument for tick in found} == {
        "COINx@raydium:w7SGmPeX", "NVDAx@raydium:49iMatQt", "QQQx@raydium:EibwWLHy",
        "QQQx@raydium:GMjGLWzv", "SPYx@orca:6m6UoVxn", "SPYx@orca:gef4pD5g", "SPYx@raydium:4pCZCVEi",
        "TSLAx@orca:9p7abUFv", "TSLAx@raydium:8aDaBQkT",
    }  # fmt: skip
    assert [tick.ts for tick in found] == sorted(tick.ts for tick in found)
    for tick in found:
        check(tick)
    path = tmp_path / "real.parquet"
    assert tape.write(path, found) == len(found)
    assert list(tape.read(path, on_bad=pytest.fail)) == found
