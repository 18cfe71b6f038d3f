"""Real chains of American options: the share's forward by parity, and the volatility in each price."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import exp
from zipfile import ZipFile

import pytest

from bot.strategy.hedge_book import HORIZON_DAYS, HedgeBook
from bot.strategy.hedge_choice import Hedger
from bot.strategy.hedge_ways import Wait
from bot.strategy.options import OptionQuote, Terms, chain, listed, occ
from bot.types import Tick
from tests.fixtures.engine import shipped_registry
from tests.fixtures.lean_options import chain_at
from tests.fixtures.shared import OPTIONS, option_chain

pytestmark = pytest.mark.shared

SPY, GOOG = "spy_20230803_quote_american.zip", "goog_20151224_quote_american.zip"
RATES = {SPY: 0.053, GOOG: 0.004}
"""Of Treasury bills on the day, about. Neither share goes ex a dividend before the expiries used."""
HALF_TICK = 0.005


def spy_mid(at_ms: int) -> float:
    """The share itself at the end of a minute."""
    path = OPTIONS.parent / "spy" / "20230803_quote.zip"
    with ZipFile(path) as archive:
        rows = archive.read(archive.namelist()[0]).decode().splitlines()
    (cells,) = (row.split(",") for row in rows if row.startswith(f"{at_ms - 60_000},"))
    return (int(cells[4]) + int(cells[9])) / 2e4


def floor(quote: OptionQuote, spot: float, rate: float, ts: int) -> float:
    """Below it is a price that no volatility gives."""
    strike = quote.contract.strike
    if quote.contract.kind == "put":
        return max(0.0, strike - spot)
    return max(0.0, spot - strike * exp(-rate * quote.contract.years(ts)))


def recovered(quotes: Sequence[OptionQuote], spot: float, rate: float, ts: int) -> tuple[int, int, int]:
    """How many have both sides, how many of these a price that has a volatility, how many gave it."""
    both = [quote for quote in quotes if quote.mid is not None]
    able = [q for q in both if (q.mid or 0.0) > floor(q, spot, rate, ts) + HALF_TICK]
    given = 0
    for quote in able:
        volatility = chain.implied(quote, spot, ts, rate)
        if volatility is None:
            continue
        again = listed.price(quote.contract, Terms(spot, volatility, rate), quote.contract.years(ts))
        assert again == pytest.approx(quote.mid, abs=1e-6)
        given += 1
    return len(both), len(able), given


@pytest.mark.parametrize("clock", ["10:00", "12:00", "15:30"])
def test_parity_gives_spys_forward(clock):
    ts, quotes = chain_at(option_chain(SPY), clock)
    hours, minutes = map(int, clock.split(":"))
    share = spy_mid((hours * 60 + minutes) * 60_000)
    rate = RATES[SPY]
    found = chain.forward(quotes, ts, rate)
    assert found is not None
    spot = found.value * exp(-rate * quotes[0].contract.years(ts))
    assert spot == pytest.approx(share, rel=5e-4)
    assert recovered(quotes, share, rate, ts)[1:] in ((4, 4), (3, 3))
    near = [chain.implied(q, share, ts, rate) for q in quotes if q.contract.strike == 430.0]
    assert near[0] == pytest.approx(near[1], abs=0.01)  # call and put of one strike agree


def spots(quotes: Sequence[OptionQuote], ts: int, rate: float) -> dict[int, float]:
    """What each expiry says the share costs now."""
    out = {}
    for expiry in sorted({quote.contract.expiry for quote in quotes}):
        found = chain.forward((q for q in quotes if q.contract.expiry == expiry), ts, rate)
        assert found is not None
        years = next(q for q in quotes if q.contract.expiry == expiry).contract.years(ts)
        out[expiry] = found.value * exp(-rate * years)
    return out


def check_goog(clock: str, expiries: int | None) -> tuple[int, int, int, int]:
    ts, quotes = chain_at(option_chain(GOOG), clock, expiries)
    rate = RATES[GOOG]
    by_expiry = spots(quotes, ts, rate)
    months = [spot for expiry, spot in by_expiry.items() if expiry - ts < 180 * 86_400 * 10**9]
    assert max(months) / min(months) - 1 < 0.003  # one share, whatever the expiry
    counts = [
        recovered([q for q in quotes if q.contract.expiry == expiry], spot, rate, ts)
        for expiry, spot in by_expiry.items()
    ]
    both, able, given = (sum(column) for column in zip(*counts, strict=True))
    return len(quotes), both, able, given


def test_volatilities_of_googs_nearest_expiries():
    _, both, able, given = check_goog("12:00", 3)
    assert both > 400
    assert able > 0.75 * both  # the others stand at what exercise pays, deep in the money
    assert given == able


@pytest.mark.slow
@pytest.mark.parametrize("clock", ["09:45", "12:00", "12:55"])
def test_volatilities_of_all_of_goog(clock):
    seen, both, able, given = check_goog(clock, None)
    print(f"{clock}: {seen} contracts, {both} with both sides, {able} above exercise, {given} volatilities")
    assert seen > 1_900
    assert able > 0.85 * both
    assert given >= 0.999 * able


def as_ticks(quotes: Sequence[OptionQuote]) -> list[Tick]:
    """As ticks of a venue."""
    made = []
    for quote in quotes:
        data = json.dumps({"bid_size": quote.bid_size, "ask_size": quote.ask_size})
        crossed = quote.bid is not None and quote.ask is not None and quote.bid > quote.ask
        sides = {} if crossed else {"bid": quote.bid, "ask": quote.ask}
        made.append(Tick(quote.ts, f"{occ.symbol(quote.contract)}@alpaca", "quote", data=data, **sides))
    return made


def test_a_real_chain_becomes_hedges_and_what_is_left_out_is_counted():
    ts, quotes = chain_at(option_chain(GOOG), "12:00", 4)
    book = HedgeBook(shipped_registry())
    soon = [quote for quote in quotes if quote.contract.expiry - ts < HORIZON_DAYS * 86_400 * 10**9]
    for tick in sorted(as_ticks(soon), key=lambda tick: tick.ts):
        assert book.take(tick)
    assert len(book.lines) == len(soon) > 300
    spot = spots(quotes, ts, RATES[GOOG])[soon[0].contract.expiry]
    found = book.quotes("GOOG", ts, spot, lambda _symbol: 1.0)
    assert found is not None
    assert found.chain is not None
    kept = [q for e in found.chain.expiries(ts) for kind in ("call", "put") for q in found.chain.of(e, kind)]
    fresh = [q for q in soon if q.fresh(ts) and q.mid is not None]
    assert len(kept) == len(fresh)
    assert {(q.contract.strike, q.bid, q.ask) for q in kept} == {
        (q.contract.strike, q.bid, q.ask) for q in fresh
    }
    aside = sum(len(ages) for ages in found.chain.aside.values())
    assert len(kept) + aside == len(soon)
    # A hedge of three hundred shares over the weekend is found among them.
    wait = Wait("GOOG", spot, ts, 3 * 86_400.0, 0.03, shortfall_ratio=0.05)
    choice = Hedger(wait, found, "no broker").choose(300.0)
    assert choice.chosen is not None
    assert choice.chosen.way.kind == "listed_option"
    assert choice.chosen.way.contracts == 3
    assert choice.chosen.shortfall_99_usd < 0.05 * 300 * spot
    print(f"{len(soon)} contracts, {len(kept)} of use; {choice.chosen.way.description} "
          f"for ${choice.chosen.cost_usd:,.2f}")  # fmt: skip
