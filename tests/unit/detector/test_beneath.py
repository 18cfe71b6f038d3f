"""What is wrong beneath a price is told before any price is off; venues that follow join that incident."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bot.engine import Engine
from bot.snapshot import dump, load
from bot.types import Incident, Plan
from tests.fixtures.engine import (
    TUESDAY,
    config,
    engine,
    feed,
    incidents,
    quote,
    reference,
    seconds,
    shipped_registry,
)
from tests.unit.detector.test_faults import status

KRAKEN, BYBIT, GATE = "TSLAx@kraken", "TSLAx@bybit", "TSLAx@gate"
MINUTE = seconds(60)


def minutes(one: Engine, start: int, count: int, **prices: float) -> list[Incident]:
    """So many minutes of the share at 400, and of venues at these prices."""
    found = []
    for n in range(count):
        ts = start + n * MINUTE
        found += incidents(feed(one, reference(ts, "TSLA@yahoo", 400 + 0.01 * (n % 2))))
        found += incidents(
            feed(one, *[quote(ts + 1, f"TSLAx@{name}", price) for name, price in prices.items()])
        )
    return found


def custody(one: Engine, ts: int, held: float) -> list[Incident]:
    told = status(ts, "TSLAx@issuer", state="open", shares_held=held, circulating_supply=100_000.0)
    return incidents(feed(one, told))


def coins(one: Engine, ts: int, **prices: float) -> list[Incident]:
    return incidents(feed(one, *[reference(ts, f"USDT@{name}", price) for name, price in prices.items()]))


def test_too_few_shares_in_custody_are_told_at_once_and_every_venue_of_the_token_that_follows_joins() -> None:
    one = engine()
    minutes(one, TUESDAY, 5, kraken=400, bybit=400)
    [told] = custody(one, TUESDAY + 5 * MINUTE, 92_000.0)
    assert (told.instrument, told.cause, told.severity) == ("TSLAx@issuer", "under_backed", "warning")
    assert told.basis is None
    assert told.explanation == "TSLAx: custody holds 92.0 % of the shares owed; no price of it is off yet."
    later = minutes(one, TUESDAY + 6 * MINUTE, 10, kraken=380, bybit=380)
    assert {incident.id for incident in later} == {told.id}
    assert set(later[-1].venues) == {KRAKEN, BYBIT}
    assert later[-1].instrument in (KRAKEN, BYBIT)
    assert later[-1].cause == "under_backed"


def test_it_resolves_when_custody_holds_what_it_should() -> None:
    one = engine()
    minutes(one, TUESDAY, 5, kraken=400)
    custody(one, TUESDAY + 5 * MINUTE, 92_000.0)
    assert not custody(one, TUESDAY + 6 * MINUTE, 93_000.0), "told once"
    assert not custody(one, TUESDAY + 7 * MINUTE, 100_000.0)
    [done] = minutes(one, TUESDAY + 8 * MINUTE, 9, kraken=400)
    assert done.phase == "resolve"
    assert done.resolved == TUESDAY + 7 * MINUTE


def test_a_coin_off_its_peg_is_told_before_any_venue_is_and_those_join_it() -> None:
    one = engine()
    minutes(one, TUESDAY, 5, kraken=400, gate=400)
    [told] = coins(one, TUESDAY + 6 * MINUTE, kraken=0.95)
    assert (told.instrument, told.underlying, told.cause) == ("USDT@kraken", "USDT", "stablecoin_depeg")
    assert told.explanation.startswith("USDT is -5.0 % from its dollar")
    assert told.basis is not None
    assert -0.052 < told.basis < -0.051
    messages = []
    for n in range(8):
        ts = TUESDAY + (7 + n) * MINUTE
        messages += feed(one, reference(ts, "TSLA@yahoo", 400), quote(ts + 1, GATE, 421))
    later = incidents(messages)
    assert {incident.id for incident in later} == {told.id}
    assert later[-1].venues == [GATE]
    assert (later[-1].instrument, later[-1].basis) == ("USDT@kraken", told.basis), "its own figures stay"
    assert not [one for one in messages if isinstance(one, Plan)]


def test_one_of_two_sources_that_says_so_alone_is_not_believed() -> None:
    one = engine()
    minutes(one, TUESDAY, 5, gate=400)
    assert not coins(one, TUESDAY + 6 * MINUTE, kraken=1.0, coinbase=0.95)
    assert not coins(one, TUESDAY + 7 * MINUTE, kraken=1.0, coinbase=1.05)


def test_a_currency_that_is_no_dollar_is_off_no_peg() -> None:
    one = engine()
    assert not incidents(feed(one, reference(TUESDAY, "EUR@kraken", 1.08)))


@pytest.mark.parametrize("volatility", [None, 0.05])
def test_whether_a_currency_has_a_peg_is_what_the_registry_says_however_much_it_moves(volatility) -> None:
    registry = shipped_registry()
    usdt = replace(registry.underlyings["USDT"], annual_volatility=volatility)
    known = registry.underlyings | {"USDT": usdt}
    one = Engine(config(), replace(registry, underlyings=known))
    [told] = coins(one, TUESDAY, kraken=0.95)
    assert (told.underlying, told.cause) == ("USDT", "stablecoin_depeg")
    floating = known | {"USDT": replace(usdt, floating=True)}
    assert not coins(Engine(config(), replace(registry, underlyings=floating)), TUESDAY, kraken=0.95)


def test_both_outlive_a_restart() -> None:
    one = engine()
    minutes(one, TUESDAY, 5, kraken=400, gate=400)
    custody(one, TUESDAY + 5 * MINUTE, 92_000.0)
    coins(one, TUESDAY + 6 * MINUTE, kraken=0.95)
    again = engine()
    load(again, dump(one))
    assert dump(again) == dump(one)
    for each in (one, again):
        custody(each, TUESDAY + 7 * MINUTE, 100_000.0)
        coins(each, TUESDAY + 8 * MINUTE, kraken=1.0)
    ended = [minutes(each, TUESDAY + 9 * MINUTE, 9, kraken=400) for each in (one, again)]
    assert ended[0] == ended[1]
    assert {incident.cause for incident in ended[0]} == {"under_backed", "stablecoin_depeg"}
