"""What hedges are on offer as ticks told it, and what is left out of it, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product

import msgspec
import pytest
from msgspec.structs import replace

from bot.errors import DataError
from bot.registry.derivatives import PerpetualOffer
from bot.strategy import hedge_book
from bot.strategy.hedge_book import HedgeBook
from bot.strategy.options import Chain
from bot.timefmt import DAY_SECONDS, NS
from bot.types import Tick
from tests.fixtures import hedge_tape as world
from tests.fixtures.engine import shipped_registry

T, SPOT = world.START, world.SHARE
EXPIRY = world.EXPIRIES[0]
PUT = world.option(395, "put")


def one_for_one(_symbol: str) -> float:
    return 1.0


@dataclass
class Watched:
    """A book and what it says of TSLA at a moment."""

    book: HedgeBook

    def at(self, ts: int = T, multiplier=one_for_one, **more):
        return self.book.quotes("TSLA", ts, SPOT, multiplier, **more)

    def why(self, ts: int = T) -> dict[str, str]:
        """What was left out, once every option was looked at."""
        found = self.at(ts)
        if found.chain is not None:
            for expiry in found.chain.expiries(ts):
                for kind in ("call", "put"):
                    found.chain.of(expiry, kind)
        aside = [*found.aside, *(found.chain.left_out() if found.chain is not None else ())]
        return {one.description: one.reason for one in aside}


@pytest.fixture
def watched() -> Watched:
    return Watched(HedgeBook(shipped_registry()))


def told(watched: Watched, *ticks: Tick) -> Watched:
    for tick in ticks:
        assert watched.book.take(tick)
    return watched


def test_nothing_was_ever_told(watched):
    assert watched.at() is None


@pytest.mark.parametrize(
    "name",
    ["TSLAx@kraken", "TSLA@yahoo", "TSLA@alpaca", "NOPE260619P00395000@alpaca", "TSLA260619P00395000@kraken",
     "NOPE@krakenfutures", "TSLA-395-put-PERP@kraken", "TSLA-395-both-PERP@fufuture"],
)  # fmt: skip
def test_what_is_no_hedge_is_left_to_others(watched, name):
    assert not watched.book.take(Tick(T, name, "quote", bid=1.0, ask=1.1, price=1.0))
    assert watched.book.lines == {}


def test_a_chain_is_in_order_with_sizes_and_where_it_trades(watched):
    told(watched, *world.chain(T, SPOT, (400, 390, 395)))
    chain = watched.at().chain
    assert chain.venue == "alpaca"
    assert chain.rate == 0.04
    assert chain.expiries(T) == list(world.EXPIRIES)
    assert chain.expiries(EXPIRY) == list(world.EXPIRIES[1:])
    quotes = chain.of(EXPIRY, "put")
    assert [quote.contract.strike for quote in quotes] == [390.0, 395.0, 400.0]
    assert (quotes[1].instrument, quotes[1].ask_size) == (PUT, 200)
    assert quotes[1].contract.shares == 100


def test_a_quote_takes_the_place_of_the_one_before(watched):
    told(watched, world.quote_of(PUT, T, SPOT), world.quote_of(PUT, T + NS, SPOT * 0.99))
    (quote,) = watched.at(T + NS).chain.of(EXPIRY, "put")
    assert quote.ts == T + NS
    with pytest.raises(DataError, match="earlier"):
        watched.book.take(world.quote_of(PUT, T, SPOT))
    assert watched.at(T + NS).chain.of(EXPIRY, "put")[0].ts == T + NS


def test_stale_crossed_and_one_sided_options_are_left_out_and_counted(watched):
    fresh, old, lone, crossed = (world.option(strike, "put") for strike in (390, 395, 400, 405))
    told(
        watched,
        world.quote_of(old, T - 400 * NS, SPOT),
        replace(world.quote_of(lone, T, SPOT), bid=None),
        world.quote_of(fresh, T, SPOT),
        world.quote_of(crossed, T, SPOT),
    )
    watched.book.distrust(crossed)
    assert [quote.instrument for quote in watched.at().chain.of(EXPIRY, "put")] == [fresh]
    chain = watched.at().chain
    chain.of(EXPIRY, "put")
    assert [(one.description, one.reason) for one in chain.left_out()] == [
        ("1 option on alpaca", "hedge.crossed: the bid above the ask"),
        ("1 option on alpaca", "hedge.one_sided: no bid or no ask"),
        ("1 option on alpaca", "hedge.stale: the oldest of them quoted 6 min 40 s ago"),
    ]


def test_what_is_left_out_counts_once_however_often_it_is_asked_for(watched):
    old = [world.quote_of(world.option(strike, "put"), T - 400 * NS, SPOT) for strike in (390, 395)]
    chain = told(watched, *old).at().chain
    for low in (380.0, 385.0, 392.0):
        assert chain.between(EXPIRY, "put", low, 410.0) == []
    chain.of(EXPIRY, "put")
    assert [one.description for one in chain.left_out()] == ["2 options on alpaca"]


@pytest.mark.parametrize("most", [2, 3, 5, 50])
def test_few_of_the_strikes_are_those_that_all_of_their_quotes_would_give(watched, most):
    told(watched, *world.chain(T, SPOT))
    told(watched, *(replace(tick, ts=T + 1, bid=None) for tick in world.chain(T, SPOT, (370, 420))))
    chain = watched.at(T + 1).chain
    for kind, ts in product(("call", "put"), (T + 1, T - 1, T + 301 * NS, EXPIRY)):
        asked = (EXPIRY, kind, 355.0, 436.0, most, ts)
        assert chain.spread(*asked) == Chain.spread(chain, *asked)
    found = chain.spread(EXPIRY, "put", 355.0, 436.0, most, T + 1)
    strikes = [quote.contract.strike for quote in found]
    assert strikes == sorted(strikes)
    assert (strikes[0], strikes[-1], len(found)) == (360.0, 430.0, min(most, 6))


def test_a_crossed_one_is_believed_again_with_its_next_quote(watched):
    told(watched, world.quote_of(PUT, T, SPOT))
    watched.book.distrust(PUT)
    assert watched.at().chain.of(EXPIRY, "put") == []
    told(watched, world.quote_of(PUT, T + NS, SPOT))
    assert len(watched.at(T + NS).chain.of(EXPIRY, "put")) == 1


def test_delayed_quotes_are_looked_at_and_not_traded_on(watched):
    told(watched, world.quote_of(world.option(395, "put", venue="yahoo"), T, SPOT))
    assert watched.at().chain is None
    assert watched.why()["options on yahoo"].startswith("hedge.not_tradable: ")
    told(watched, world.quote_of(PUT, T, SPOT))
    assert watched.at().chain.venue == "alpaca"


@pytest.mark.parametrize(
    ("data", "reason"),
    [("{", "bad_data"), ('{"bid_size": "many"}', "bad_data"), ("[" * 500, "bad_data")],
)  # fmt: skip
def test_data_that_cannot_be_leaves_the_quote_as_it_was(watched, data, reason):
    told(watched, world.quote_of(PUT, T, SPOT))
    with pytest.raises(DataError) as error:
        watched.book.take(replace(world.quote_of(PUT, T + NS, SPOT), data=data))
    assert error.value.reason == reason
    assert watched.at().chain.of(EXPIRY, "put")[0].ts == T


@pytest.mark.parametrize("change", [{"style": "european"}, {"shares": 10}])
def test_a_contract_that_is_not_standard_is_none_of_ours(watched, change):
    tick = world.quote_of(PUT, T, SPOT)
    with pytest.raises(DataError) as error:
        watched.book.take(replace(tick, data=json.dumps(json.loads(tick.data) | change)))
    assert error.value.reason == "wrong_contract"


def test_a_share_class_has_options_without_its_dot(watched):
    name = "BRKB260619P00395000@alpaca"
    told(watched, replace(world.quote_of(PUT, T, SPOT), instrument=name))
    found = watched.book.quotes("BRK.B", T, SPOT, one_for_one)
    assert found.chain.of(EXPIRY, "put")[0].instrument == name


def test_a_day_that_is_none_or_has_passed_is_told(watched):
    with pytest.raises(DataError, match="no such day"):
        watched.book.take(Tick(T, "TSLA261399P00395000@alpaca", "quote"))
    with pytest.raises(DataError, match="expired"):
        watched.book.take(Tick(EXPIRY, PUT, "quote", bid=1.0, ask=1.1))


def test_only_the_nearest_expiries_are_kept_and_those_that_pass_forgotten(watched, monkeypatch):
    far = world.option(395, "put", T + round(61 * DAY_SECONDS) * NS)
    told(watched, world.quote_of(far, T, SPOT))
    assert watched.book.lines == {}
    told(watched, *world.chain(T, SPOT, (395,)))
    assert len(watched.book.lines) == 6
    later = EXPIRY + 3_600 * NS
    told(watched, world.quote_of(world.option(400, "put", world.EXPIRIES[1]), later, SPOT))
    assert len(watched.book.lines) == 5
    monkeypatch.setattr(hedge_book, "MOST_OPTIONS", 5)
    told(watched, world.quote_of(world.option(405, "put", world.EXPIRIES[1]), later, SPOT))
    assert watched.at(later).chain.expiries(later) == list(world.EXPIRIES[1:])
    assert len(watched.book.lines) == 5
    assert world.option(395, "call", world.EXPIRIES[2]) not in watched.book.lines  # one of the farthest went
    assert watched.why()["options on alpaca"].startswith("hedge.full: ")
    assert watched.book.refused == 0
    assert watched.book.take(world.quote_of(world.option(400, "put", world.EXPIRIES[2]), later, SPOT))
    assert (len(watched.book.lines), watched.book.refused) == (5, 1)


def test_a_hedge_that_is_held_is_always_kept(monkeypatch):
    near, last = world.EXPIRIES[1:]
    held = {world.option(395, "put", last)}
    watched = Watched(HedgeBook(shipped_registry(), held=lambda name: name in held))
    monkeypatch.setattr(hedge_book, "MOST_OPTIONS", 3)
    told(watched, *(world.quote_of(world.option(strike, "put", last), T, SPOT) for strike in (390, 395, 400)))
    told(watched, *(world.quote_of(world.option(strike, "put", near), T, SPOT) for strike in (390, 395, 400)))
    assert set(watched.book.lines) == held | {world.option(strike, "put", near) for strike in (390, 395)}
    also = {world.option(405, "put", last), world.option(395, "put", T + round(61 * DAY_SECONDS) * NS)}
    held |= also
    told(watched, *(world.quote_of(name, T, SPOT) for name in also))
    assert set(watched.book.lines) == held
    expired = last + NS
    told(
        watched, world.quote_of(world.option(395, "put", last + round(20 * DAY_SECONDS) * NS), expired, SPOT)
    )
    assert set(watched.book.lines) == held  # nothing has settled them yet
    again = HedgeBook(shipped_registry(), held=lambda name: name in held)
    again.restore(watched.book.snapshot())
    assert set(again.lines) == held
    held.clear()
    fresh = world.option(400, "put", last + round(20 * DAY_SECONDS) * NS)
    told(watched, world.quote_of(fresh, expired, SPOT))
    assert set(watched.book.lines) == {fresh, world.option(395, "put", T + round(61 * DAY_SECONDS) * NS)}


def test_what_was_refused_or_never_quoted_is_not_stale(watched):
    with pytest.raises(DataError):
        watched.book.take(replace(world.quote_of(PUT, T, SPOT), data='{"shares": 10}'))
    with pytest.raises(DataError):
        watched.book.take(replace(world.perp(T, SPOT), price=None))
    assert watched.book.lines == {}
    told(watched, *(Tick(T, name, "status", data='{"state": "up"}') for name in (PUT, world.PERP)))
    found = watched.at()
    assert found.chain.of(EXPIRY, "put") == []
    told_of = [one.reason for one in (*found.aside, *found.chain.left_out())]
    assert [why.partition(":")[0] for why in told_of] == ["hedge.not_quoted"] * 2


def test_a_perp_with_depth_and_funding(watched):
    told(watched, world.perp(T, SPOT, funding=2e-5, size=300.0))
    (perp,) = watched.at().perps
    assert (perp.bid, perp.bid_shares) == (pytest.approx(SPOT * 0.9999), 300.0)
    assert perp.funding_hour == 2e-5
    assert (perp.terms.title, perp.terms.initial_ratio) == ("Kraken futures", 0.05)


def test_a_perp_on_a_token_is_told_per_share(watched):
    told(watched, world.perp(T, SPOT * 1.25))
    (perp,) = watched.at(multiplier={"TSLAx": 1.25}.__getitem__).perps
    assert perp.bid == pytest.approx(SPOT * 0.9999)
    assert (perp.bid_shares, perp.shares_each) == (pytest.approx(5_000 * 1.25), 1.25)
    assert perp.terms.lot_shares == pytest.approx(0.0125)


def test_funding_over_eight_hours_is_told_per_hour_and_the_next_counts(watched):
    tick = world.perp(T, SPOT)
    data = json.loads(tick.data) | {"funding_rate": 0.5, "funding_rate_next": 8e-5, "funding_hours": 8.0}
    told(watched, replace(tick, data=json.dumps(data)))
    assert watched.at().perps[0].funding_hour == pytest.approx(1e-5)


@pytest.mark.parametrize("hours", [1e-300, 0.0, -1.0, 1e6])
def test_funding_over_no_time_is_nobodys_rate(watched, hours):
    tick = world.perp(T, SPOT)
    data = json.loads(tick.data) | {"funding_rate": 1e-5, "funding_hours": hours}
    with pytest.raises(DataError, match="funding_hours"):
        watched.book.take(replace(tick, data=json.dumps(data)))


def test_impact_prices_are_as_deep_as_the_venue_says(watched):
    data = {"index": SPOT, "impact_bid": SPOT - 1, "impact_ask": SPOT + 1, "funding_rate": 1e-5}
    told(watched, Tick(T, "TSLA@hyperliquid", "quote", price=SPOT, data=json.dumps(data)))
    (perp,) = watched.at().perps
    assert (perp.bid, perp.ask) == (SPOT - 1, SPOT + 1)
    assert perp.bid_shares == pytest.approx(6_000 / (SPOT - 1))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bid": None, "ask": None}, "hedge.one_sided: no bid and ask"),
        ({"funding_rate": None, "funding_rate_next": None}, "hedge.one_sided: no funding rate"),
    ],
)
def test_a_perp_that_lacks_something_is_left_out(watched, change, reason):
    tick = world.perp(T, SPOT)
    told(watched, replace(tick, data=json.dumps(json.loads(tick.data) | change)))
    assert watched.at().perps == ()
    assert list(watched.why().values()) == [reason]


def test_a_perp_that_is_old_or_halted_is_left_out(watched):
    told(watched, world.perp(T, SPOT))
    assert watched.why(T + 301 * NS) == {
        "perp on Kraken futures (TSLA@krakenfutures)": "hedge.stale: quoted 5 min 1 s ago"
    }
    halt = {"state": "halted", "reason": "maintenance"}
    told(watched, Tick(T + NS, world.PERP, "status", data=json.dumps(halt)))
    assert list(watched.why(T + NS).values()) == ["hedge.halted: maintenance"]
    told(watched, Tick(T + 2 * NS, world.PERP, "status", data='{"state": "open"}'))
    assert len(watched.at(T + 2 * NS).perps) == 1


def test_a_markets_own_description_goes_before_the_registry(watched):
    terms = {
        "state": "open",
        "reason": "",
        "terms": {"symbol": "P", "quote": "USD", "taker": 0.0002, "lot": 0.1},
    }
    told(watched, Tick(T, world.PERP, "status", data=json.dumps(terms)), world.perp(T, SPOT))
    perp = watched.at().perps[0]
    assert (perp.terms.taker_fee_ratio, perp.terms.lot_shares) == (0.0002, 0.1)


def test_where_this_desk_may_not_trade_nothing_is_on_offer():
    barred = ("alpaca", "krakenfutures", "fufuture")
    watched = told(Watched(HedgeBook(shipped_registry(), barred)), world.quote_of(PUT, T, SPOT),
                   world.perp(T, SPOT), world.offer(T))  # fmt: skip
    found = watched.at()
    assert (found.chain, found.perps, found.perpetuals) == (None, (), ())
    assert {one.reason for one in found.aside} == {
        f"hedge.desk_not_eligible: this desk may not trade on {venue}" for venue in barred
    }


def test_an_offer_of_a_perpetual_option_and_its_venues_terms(watched):
    told(watched, world.offer(T, units=50.0))
    (offer,) = watched.at().perpetuals
    assert (offer.option.strike, offer.option.kind, offer.option.period_days) == (395.0, "put", 7.0)
    assert (offer.volatility, offer.units, offer.markup, offer.coins_usd) == (0.6, 50.0, 1.2, float("inf"))
    told(watched, Tick(T + NS, world.OFFER, "quote", data='{"volatility": 0.5, "units": 9}'))
    (plain,) = watched.at(T + NS).perpetuals
    assert (plain.volatility, plain.markup, plain.fee_ratio) == (0.5, 2.5, 0.002)
    with pytest.raises(DataError, match="volatility"):
        watched.book.take(Tick(T + 2 * NS, world.OFFER, "quote", data='{"units": 9}'))


def test_margin_in_a_coin_is_bounded_by_what_is_in_hand(watched):
    told(watched, world.offer(T, coin="TSLAx"))
    (offer,) = watched.at(coins_usd={"TSLAx": 1_234.0}.__getitem__).perpetuals
    assert (offer.coin, offer.coins_usd) == ("TSLAx", 1_234.0)


def test_a_standing_offer_of_the_registry_is_as_good_at_any_time():
    registry = msgspec.structs.replace(
        shipped_registry(),
        perpetual_offers={world.OFFER: PerpetualOffer(world.OFFER, 0.7, 40.0, "made up", "2026-06-01")},
    )
    watched = Watched(HedgeBook(registry))
    (offer,) = watched.at(T + 10**15).perpetuals
    assert (offer.volatility, offer.units, offer.ts) == (0.7, 40.0, T + 10**15)


def test_terms_edited_in_the_registry_take_effect_at_a_restart_where_no_tick_told_them():
    plain = shipped_registry()
    venue = plain.perp_venues["krakenfutures"]

    def edited(volatility: float, units: float, fee: float, taker: float, lot: float):
        return replace(
            plain,
            perpetual_offers={world.OFFER: PerpetualOffer(world.OFFER, volatility, units, "made up", "2026")},
            perpetual_venues={"fufuture": replace(plain.perpetual_venues["fufuture"], fee_ratio=fee)},
            perp_venues={"krakenfutures": replace(venue, taker_fee_ratio=taker, lot=lot)},
        )

    before = told(Watched(HedgeBook(edited(0.6, 500.0, 0.002, 0.001, 0.1))), world.perp(T, SPOT))
    after = Watched(HedgeBook(edited(0.9, 10.0, 0.004, 0.0007, 0.5)))
    after.book.restore(json.loads(json.dumps(before.book.snapshot())))
    (offer,), (perp,) = after.at().perpetuals, after.at().perps
    assert (offer.volatility, offer.units, offer.fee_ratio) == (0.9, 10.0, 0.004)
    assert (perp.bid, perp.terms.taker_fee_ratio, perp.terms.lot_shares) == (
        before.at().perps[0].bid, 0.0007, 0.5,
    )  # fmt: skip


def test_terms_that_a_tick_told_go_before_the_registry_after_a_restart_too():
    registry = replace(
        shipped_registry(),
        perpetual_offers={world.OFFER: PerpetualOffer(world.OFFER, 0.7, 40.0, "made up", "2026-06-01")},
    )
    terms = {"state": "open", "terms": {"taker": 0.0, "lot": 0.1}}
    before = told(Watched(HedgeBook(registry)), Tick(T, world.PERP, "status", data=json.dumps(terms)),
                  world.perp(T, SPOT), world.offer(T, units=50.0))  # fmt: skip
    after = Watched(HedgeBook(registry))
    after.book.restore(json.loads(json.dumps(before.book.snapshot())))
    (perp,), (offer,) = after.at().perps, after.at().perpetuals
    assert (perp.terms.taker_fee_ratio, perp.terms.lot_shares) == (0.0, 0.1)
    assert (offer.volatility, offer.units) == (0.6, 50.0)


def test_a_standing_offer_that_was_halted_is_so_after_a_restart():
    registry = replace(
        shipped_registry(),
        perpetual_offers={world.OFFER: PerpetualOffer(world.OFFER, 0.7, 40.0, "made up", "2026-06-01")},
    )
    before, after = HedgeBook(registry), HedgeBook(registry)
    before.take(Tick(T, world.OFFER, "status", data='{"state": "halted", "reason": "maintenance"}'))
    after.restore(before.snapshot())
    assert after.lines[world.OFFER].halted == "maintenance"


def test_memory_goes_on_as_if_nothing_had_been(watched):
    told(watched, *world.chain(T, SPOT, (390, 395)), world.perp(T, SPOT), world.offer(T))
    watched.book.distrust(PUT)
    saved = msgspec.json.decode(msgspec.json.encode(watched.book.snapshot()))
    again = Watched(HedgeBook(shipped_registry()))
    again.book.restore(saved)
    assert again.book.snapshot() == watched.book.snapshot()
    assert again.at().perps == watched.at().perps
    assert again.at().perpetuals == watched.at().perpetuals
    for expiry in world.EXPIRIES:
        assert again.at().chain.of(expiry, "put") == watched.at().chain.of(expiry, "put")
    again.book.restore({"GONE260619P00395000@alpaca": [1, False, "", 1.0, 1.1, 1, 1, None, None]})


def test_what_two_plans_hold_against_each_other_is_not_driven_out(monkeypatch):
    near, last = world.EXPIRIES[1:]
    both, chosen = world.option(395, "put", last), world.option(400, "put", last)
    watched = Watched(HedgeBook(shipped_registry(), held=lambda name: name == chosen))
    watched.book.carried = lambda name: name == both
    monkeypatch.setattr(hedge_book, "MOST_OPTIONS", 3)
    told(watched, *(world.quote_of(world.option(strike, "put", last), T, SPOT) for strike in (390, 395, 400)))
    told(watched, *(world.quote_of(world.option(strike, "put", near), T, SPOT) for strike in (390, 395, 400)))
    assert set(watched.book.lines) == {both, chosen, world.option(390, "put", near)}
