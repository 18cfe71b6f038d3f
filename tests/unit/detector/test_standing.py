"""A pool that stands still while its peers trade on has been left behind, whatever the hour."""

from __future__ import annotations

import json

from bot.engine import Engine
from bot.timefmt import parse
from bot.types import Incident, Tick
from tests.fixtures.engine import engine, feed, incidents, quote, reference, seconds

TSLA, POOL = "TSLA@yahoo", "TSLAon@uniswap:0x12345678"
PEERS = ("TSLAx@kraken", "TSLAx@bybit")
NIGHT = parse("2026-06-17T02:00:00Z")
"""No reference speaks; this pool's band is 4 % wide at $50, for gas on Ethereum."""
MINUTE = seconds(60)


def pool(ts: int, price: float, dollars: float = 1_000_000.0) -> Tick:
    """A constant-product pool on Ethereum at a price."""
    tokens, usd = round(dollars / price * 1e8), round(dollars * 1e6)
    data = {"amm": "constant_product", "decimals": [8, 6], "fee_pips": 3000,
            "token_reserve": str(tokens), "quote_reserve": str(usd)}  # fmt: skip
    return Tick(ts, POOL, "pool", price=price, data=json.dumps(data))


def evening() -> Engine:
    """All at 400 as New York closes."""
    one = engine()
    close = parse("2026-06-16T23:50:00Z")
    feed(one, reference(close, TSLA, 400), pool(close + 1, 400))
    feed(one, *[quote(close + 2, name, 400) for name in PEERS])
    return one


def night(one: Engine, peers: list[float], pools: list[float | None], start: int = NIGHT) -> list[Incident]:
    """Every two minutes: both peers at one price, the pool at another where it trades."""
    found = []
    for n, (price, own) in enumerate(zip(peers, pools, strict=True)):
        ts = start + 2 * n * MINUTE
        wiggle = 0.01 * (n % 2)
        found += incidents(feed(one, *[quote(ts + k, name, price + wiggle) for k, name in enumerate(PEERS)]))
        if own is not None:
            found += incidents(feed(one, pool(ts + 5, own)))
    return found


DRIFT = [400 * (1 + 0.0003 * n) for n in range(70)]
"""+2 % in two hours."""


def test_a_pool_left_behind_at_night_is_a_stale_venue_though_no_reference_speaks() -> None:
    found = night(evening(), DRIFT, [None] * 70)
    assert {one.cause for one in found} == {"stale_venue"}
    assert {tuple(one.venues) for one in found} == {(POOL,)}
    assert found[0].basis is not None
    assert -0.018 < found[0].basis < -0.014


def test_one_that_trades_along_is_not() -> None:
    assert not night(evening(), DRIFT, [price * 0.998 for price in DRIFT])


def test_one_that_stands_still_where_its_peers_are_is_not() -> None:
    near = [400 + 3 * (n % 3) / 3 for n in range(70)]
    assert not night(evening(), near, [None] * 70)


def test_one_that_moves_at_a_distance_of_its_own_is_judged_by_its_band() -> None:
    """It lives: mint and redeem do not close 2 % there, and nobody has left it behind."""
    assert not night(evening(), [408.0] * 70, [400 + 0.02 * (n % 2) for n in range(70)])


def test_peers_that_pass_by_for_a_moment_leave_nobody_behind() -> None:
    passing = [400.0] * 30 + [406.5] + [400.0] * 39
    assert not night(evening(), passing, [None] * 70)


def test_it_is_one_incident_until_somebody_trades_there() -> None:
    one = evening()
    found = night(one, DRIFT, [None] * 70)
    there = DRIFT[-1]
    later = night(one, [there] * 20, [there * 0.999] * 20, NIGHT + 140 * MINUTE)
    assert len({told.id for told in [*found, *later]}) == 1
    assert later[-1].phase == "resolve"
