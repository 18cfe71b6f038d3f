"""Dividends to come in the prices of a live chain: who says them, and what they change."""

from __future__ import annotations

import json
from math import exp, log

import pytest
from msgspec.structs import replace

from bot.errors import DataError
from bot.registry.dividends import Dividend
from bot.strategy.dividends import due
from bot.strategy.hedge_book import HedgeBook
from bot.strategy.hedge_choice import Hedger
from bot.strategy.hedge_options import OptionValues, Worth
from bot.strategy.hedge_ways import Wait
from bot.strategy.moves import student
from bot.strategy.options import occ
from bot.strategy.options.chain import implied
from bot.timefmt import DAY_SECONDS, NS
from bot.timefmt import parse as at
from bot.types import Tick
from tests.fixtures import hedge_tape as world
from tests.fixtures.engine import shipped_registry
from tests.unit.strategy.options.reference import Reference

T, SPOT, RATE, VOLATILITY = world.START, 395.4, 0.04, 0.35
EXPIRY = world.EXPIRIES[1]
MOVES = student(0.03)
YEAR_NS = 365 * DAY_SECONDS * NS
EX, USD = "2026-06-22", 4.0
WHEN = (at(f"{EX}T13:30:00Z") - T) / YEAR_NS


def book_of(*dividends: Dividend) -> HedgeBook:
    known = shipped_registry()
    share = replace(known.underlyings["TSLA"], dividends=list(dividends))
    return HedgeBook(replace(known, underlyings=known.underlyings | {"TSLA": share}))


def told(ts: int, *dividends: dict[str, object], venue: str = "alpaca") -> Tick:
    data = json.dumps({"dividends": list(dividends)})
    return Tick(ts, f"TSLA-DIVIDENDS@{venue}", "status", data=data)


def one(ex: str, usd: float = USD, **more: object) -> dict[str, object]:
    return {"ex": ex, "usd": usd, **more}


def coming(book: HedgeBook, ts: int = T) -> list[tuple[str, float, bool]]:
    known = book.dividends.coming("TSLA", ts, SPOT)
    return [(str(each).partition(" on ")[2][:10], each.usd, each.assumed) for each in known]


def quoted(
    book: HedgeBook, strikes: tuple[float, ...] = (385.0, 395.0, 405.0), *, american: bool = False
) -> None:
    """Options as QuantLib prices them over one dividend, at one volatility."""
    for strike in strikes:
        for kind in ("call", "put"):
            name = world.option(strike, kind, EXPIRY)
            contract = occ.parse(name.partition("@")[0])
            years = contract.years(T)
            fine = Reference(kind, SPOT, strike, years, VOLATILITY, RATE, 0.0, ((WHEN, USD),))
            price = fine.american(200, 400) if american else fine.european()
            book.take(replace(world.quote_of(name, T, SPOT), bid=price - 0.01, ask=price + 0.01))


def values(book: HedgeBook, strike: float, kind: str, seconds: float, prices: list[float]) -> OptionValues:
    chain = book.quotes("TSLA", T, SPOT, lambda _symbol: 1.0).chain
    quote = next(each for each in chain.of(EXPIRY, kind) if each.contract.strike == strike)
    prices = prices + [SPOT] * (len(MOVES.logs) - len(prices))
    worth = Worth(quote, SPOT, T, seconds, chain.rate, chain.dividends)
    return OptionValues(quote, worth, SPOT, MOVES, prices, slice(None), chain.terms)


# -- Who says them -------------------------------------------------------------------------------------


def test_the_registry_and_ticks_say_them_and_each_counts_once():
    book = book_of(Dividend("2026-07-10", 1.0))
    book.take(told(T, one("2026-07-14", 2.0), one("2026-10-13", 2.0)))
    book.take(
        told(T, one("2026-07-12", 3.0, assumed=True), one("2026-08-20", 3.0, assumed=True), venue="yahoo")
    )
    assert coming(book) == [("2026-07-10", 1.0, False), ("2026-08-20", 3.0, True), ("2026-10-13", 2.0, False)]
    assert coming(book, at("2026-07-11T00:00:00Z"))[0] == ("2026-08-20", 3.0, True)
    book.take(told(T + NS))
    assert coming(book) == [("2026-07-10", 1.0, False), ("2026-08-20", 3.0, True)]
    assert book.dividends.coming("AMZN", T, SPOT) == []


def test_a_special_dividend_is_left_out_for_its_options_are_adjusted():
    book = book_of(Dividend("2026-06-22", 39.0), Dividend("2026-07-20", 40.0))
    assert coming(book) == [("2026-06-22", 39.0, False)]


@pytest.mark.parametrize(
    ("tick", "reason"),
    [
        (told(T, one("tomorrow")), "bad_data"),
        (told(T, one(EX, -1.0)), "bad_data"),
        (told(T, one(EX, 1e6)), "bad_data"),
        (told(T, *[one(EX)] * 65), "bad_data"),
        (told(T - NS, one(EX)), "time_backwards"),
        (replace(told(T), data="[]"), "bad_data"),
        (replace(told(T), kind="quote"), "bad_data"),
    ],
)
def test_what_cannot_be_is_set_aside_and_what_was_known_stays(tick, reason):
    book = book_of()
    book.take(told(T, one(EX)))
    with pytest.raises(DataError) as refused:
        book.take(tick)
    assert refused.value.reason == reason
    assert coming(book) == [(EX, USD, False)]


def test_what_is_no_share_or_venue_of_the_registry_is_left_to_others():
    for name in ("ZZZZ-DIVIDENDS@alpaca", "TSLA-DIVIDENDS@nowhere"):
        assert not book_of().take(replace(told(T, one(EX)), instrument=name))


def test_a_restart_forgets_none():
    book = book_of()
    book.take(told(T, one(EX), one("2026-09-21", 4.5, assumed=True)))
    again = book_of()
    again.restore(json.loads(json.dumps(book.snapshot())))
    assert again.snapshot() == book.snapshot()
    assert coming(again) == [(EX, USD, False), ("2026-09-21", 4.5, True)]
    again.take(told(T + NS, one(EX, 5.0)))
    assert coming(again) == [(EX, 5.0, False)]


# -- What they change ----------------------------------------------------------------------------------


@pytest.mark.parametrize("american", [False, True], ids=["european", "american"])
def test_the_volatility_in_quantlibs_prices_is_found_again(american):
    book = book_of(Dividend(EX, USD))
    quoted(book, american=american)
    chain = book.quotes("TSLA", T, SPOT, lambda _symbol: 1.0).chain
    assert chain.dividends == ((pytest.approx(WHEN), USD),)
    for kind in ("call", "put"):
        for quote in chain.of(EXPIRY, kind):
            style = "american" if american else "european"
            plain = replace(quote, contract=replace(quote.contract, style=style))
            found = implied(plain, SPOT, T, chain.rate, 0.0, chain.dividends)
            assert found == pytest.approx(VOLATILITY, rel=2e-4)
            without = implied(plain, SPOT, T, chain.rate)
            assert without is None or abs(without - VOLATILITY) > 0.02  # what it would be taken for


@pytest.mark.parametrize("kind", ["call", "put"])
@pytest.mark.parametrize("days", [3, 9], ids=["before it", "beyond it"])
def test_worth_at_the_end_of_a_wait_is_quantlibs(kind, days):
    """The token's holder gets the dividend; the share that the option is on is without it from then on."""
    book = book_of(Dividend(EX, USD))
    quoted(book)
    prices = [SPOT * exp(move) for move in (-0.2, -0.03, 0.0, 0.05, 0.2)]
    seconds = days * DAY_SECONDS
    found = values(book, 395.0, kind, seconds, prices)
    left = (EXPIRY - T) / YEAR_NS - seconds / (365 * DAY_SECONDS)
    for price, gain in zip(prices, found.bought.each, strict=False):
        ahead = WHEN - seconds / (365 * DAY_SECONDS)
        later, share = (((ahead, USD),), price) if ahead > 0 else ((), price - USD)
        end = Reference(kind, share, 395.0, left, VOLATILITY, RATE, 0.0, later).european()
        paid = max(0.0, share - 395.0 if kind == "call" else 395.0 - share)
        assert gain == pytest.approx(max(0.0, max(paid, end) - 0.01) - found.quote.ask, abs=2e-3)


def test_call_and_put_hold_one_volatility_and_deltas_that_differ_by_one():
    book = book_of(Dividend(EX, USD))
    quoted(book)
    call, put = (values(book, 395.0, kind, 86_400.0, [SPOT]).greeks for kind in ("call", "put"))
    assert call.delta - put.delta == pytest.approx(1.0, abs=1e-3)
    assert call.gamma == pytest.approx(put.gamma, rel=1e-3)
    plain = book_of()
    quoted(plain)
    calls, puts = (values(plain, 395.0, kind, 86_400.0, [SPOT]).greeks for kind in ("call", "put"))
    assert abs(log(calls.gamma / puts.gamma)) > 0.01


def test_a_plan_says_which_dividends_it_reckoned_with():
    book = book_of(Dividend(EX, USD))
    quoted(book, tuple(range(350, 441, 5)))
    wait = Wait("TSLA", SPOT, T, 3 * DAY_SECONDS, 0.03)
    choice = Hedger(wait, book.quotes("TSLA", T, SPOT, lambda _symbol: 1.0), "none").choose(250.0, 1e9)
    texts = [choice.chosen.way.description, *(each.description for each in choice.others)]
    options = [text for text in texts if "put bought" in text]
    assert options
    assert all("with a dividend of $4.00 on 2026-06-22" in text for text in options)


def test_dividends_of_a_price_that_has_fallen_below_them_break_nothing():
    book = book_of(Dividend(EX, USD))
    quoted(book)
    found = values(book, 395.0, "put", 86_400.0, [1.0, 1e-3])
    assert found.bought.each[0] == pytest.approx(394.0 - 0.01 - found.quote.ask)


def test_what_has_gone_ex_is_due_no_more():
    known = book_of(Dividend(EX, USD)).dividends.coming("TSLA", T, SPOT)
    assert due(known, T) == ((pytest.approx(WHEN), USD),)
    assert due(known, at(f"{EX}T13:30:00Z")) == ()
