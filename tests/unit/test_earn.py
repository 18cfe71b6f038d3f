"""What a token can do beside waiting: the registry's terms, the ways, and what a careful holder would do."""

from __future__ import annotations

from functools import cache

import pytest
from msgspec.structs import replace

from bot.driver import Driver
from bot.earn import Earning, advice, choices, earn, percent, price_of
from bot.errors import UsageError
from bot.registry import Registry
from bot.registry.working import Incentive
from bot.strategy.carry.ways import Way
from tests.fixtures.engine import TUESDAY, config, quote, reference, shipped_registry

SHIPPED = shipped_registry()
POOL = Incentive(
    "TSLAx@raydium:8aDaBQkT", 1e6, 2e5, 0.003, 500.0, 5_000.0, 4.0, 1e6, "the pool's page", "2026-11-29"
)


def asked(registry: Registry = SHIPPED, **changes: float) -> Earning:
    if registry is SHIPPED and not changes:
        return as_shipped()
    return earn(config(), registry, "TSLAx", "BTC", **changes)  # type: ignore[arg-type]


@cache
def as_shipped() -> Earning:
    return earn(config(), SHIPPED, "TSLAx", "BTC")


def with_pools(**changes: object) -> Registry:
    venue = replace(SHIPPED.cover_venues["fufuture"], **changes)
    return replace(SHIPPED, cover_venues={"fufuture": venue})


def named(found: Earning, name: str) -> Way:
    return next(way for way in found.ways if way.name == name)


def test_the_choices_are_the_coins_of_the_venues() -> None:
    assert [(one.coin, one.venue) for one in choices(SHIPPED, "TSLAx")] == [
        ("BTC", "fufuture"),
        ("ETH", "fufuture"),
    ]
    assert choices(replace(SHIPPED, cover_venues={}), "TSLAx") == []
    with pytest.raises(UsageError, match="no token 'TSLA' in the registry"):
        choices(SHIPPED, "TSLA")
    with pytest.raises(UsageError, match="no venue sells options on 'DOGE'; --with is one of: BTC, ETH"):
        earn(config(), SHIPPED, "TSLAx", "DOGE")


def test_the_ways_stand_side_by_side_and_waiting_is_nothing() -> None:
    found = asked()
    assert [way.name for way in found.ways] == [
        "wait", "sell cover", "margin for calls", "margin for puts", "half and half",
    ]  # fmt: skip
    assert found.ways[0] == Way("wait", False, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert named(found, "sell cover").margin_gone is None
    assert named(found, "margin for puts").margin_gone is not None
    for way in found.ways[1:]:
        assert -1 <= way.low_1 <= way.low_5 < way.expected
        assert way.error > 0
        assert way.unpaid is not None


def test_the_same_seed_gives_the_same_answer_and_another_another() -> None:
    assert asked(seed=3) == asked(seed=3)
    one, other = named(asked(seed=3), "sell cover"), named(asked(seed=4), "sell cover")
    assert one != other
    assert one.expected == pytest.approx(other.expected, abs=5 * one.error)


def test_the_terms_are_the_registrys() -> None:
    dear = with_pools(volatility_ratio=1.6)
    assert named(asked(dear), "sell cover").expected > 2 * named(asked(), "sell cover").expected
    assert asked(dear).markup_earns_from < asked().markup_earns_from
    cheap = replace(SHIPPED.perpetual_venues["fufuture"], markup=1.0)
    found = asked(replace(SHIPPED, perpetual_venues={"fufuture": cheap}))
    assert found.markup == 1.0
    assert named(found, "sell cover").expected < 0 < named(found, "margin for calls").expected


def test_thin_pools_lent_whole_default_in_order_and_reserves_help() -> None:
    thin = {"lock_ratio": 0.05, "utilisation": 0.9}
    found = named(asked(with_pools(**thin)), "sell cover")
    chances = [found.pool_empty, found.reserve_used, found.public_hit, found.unpaid]
    assert all(chance is not None for chance in chances)
    assert found.pool_empty == found.reserve_used
    assert 0 < (found.unpaid or 0) < (found.public_hit or 0) < (found.reserve_used or 0)
    helped = named(asked(with_pools(**thin, reserve_tokens=5_000.0)), "sell cover")
    assert (helped.unpaid or 0) < (found.unpaid or 0) / 2
    assert helped.public_hit is not None
    assert helped.public_hit < (found.public_hit or 0) / 2


def test_the_more_pools_the_same_moves_hit_the_less_stands_behind_each() -> None:
    thin = {"lock_ratio": 0.05, "utilisation": 0.9}
    alone, many = (
        named(asked(with_pools(**thin, private_tokens=beside)), "sell cover") for beside in (0.0, 9_900.0)
    )
    assert alone.pool_empty == pytest.approx(many.pool_empty, abs=0.02)
    assert (alone.unpaid or 0) < (many.unpaid or 0) / 2


def test_stress_adds_a_row_to_each_way_of_cover_and_changes_no_other() -> None:
    calm, stressed = asked(), earn(config(), SHIPPED, "TSLAx", "BTC", stress=True)
    assert [way for way in stressed.ways if not way.stressed] == calm.ways
    assert len(stressed.ways) == 2 * len(calm.ways) - 1
    assert stressed.advice == calm.advice
    assert {way.year for way in stressed.ways if way.stressed} == {None}


def test_a_pool_that_pays_for_liquidity_is_a_way_once_the_registry_knows_it() -> None:
    known = replace(SHIPPED, incentives={POOL.instrument: POOL})
    found = asked(known, price_usd=400.0, days=90.0)
    way = named(found, "liquidity in TSLAx@raydium:8aDaBQkT")
    assert way.expected > 0.1
    assert way.pool_empty is None
    assert way.expected_usd == pytest.approx(way.expected * 2 * 100 * 400)
    assert "as many dollars" in " ".join(found.notes)
    assert "liquidity" not in " ".join(way.name for way in earn(config(), known, "NVDAx", "ETH").ways)


def test_an_order_too_large_for_the_pool_it_is_dealt_to_is_cut_and_told() -> None:
    found = asked(tokens=5_000.0)
    assert any("has no room" in note for note in found.notes)
    assert named(found, "margin for calls").low_1 > -0.2
    assert not any("has no room" in note for note in asked().notes)


def test_dollars_are_told_only_where_the_daemon_has_seen_the_token() -> None:
    driver = Driver(config(), SHIPPED)
    driver.feed(reference(TUESDAY, "TSLA@yahoo", 400))
    driver.feed(quote(TUESDAY, "TSLAx@kraken", 400))
    price = price_of(config(), SHIPPED, driver.snapshot(), "TSLAx")
    assert price == pytest.approx(400, rel=1e-3)
    assert price_of(config(), SHIPPED, driver.snapshot(), "NVDAx") is None
    assert price_of(config(), SHIPPED, None, "TSLAx") is None
    assert named(asked(), "sell cover").expected_usd is None
    way = named(asked(price_usd=400.0, tokens=10.0), "sell cover")
    assert way.expected_usd == pytest.approx(way.expected * 4_000)


def test_all_it_goes_by_has_a_source() -> None:
    found = asked()
    assert {each.name for each in found.assumed} >= {
        "TSLA's volatility", "BTC's volatility and correlation", "moves", "funding", "pools of fufuture",
        "buyers", "margin",
    }  # fmt: skip
    assert all(each.source for each in found.assumed)


WAIT = Way("wait", False, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("expected", "low_1", "error", "says"),
    [
        (
            0.03,
            -0.1,
            0.001,
            "would choose it: it should bring 3.0 % over 30 days, more than 10 % of",
        ),
        (
            0.03,
            -0.4,
            0.001,
            "would wait: the best of the others, it, should bring 3.0 % over 30 days, which",
        ),
        (0.0101, -0.1, 0.001, "would wait"),
        (0.001, -0.001, 0.001, "would wait: the best of the others, it, should bring 0.1 %"),
        (-0.01, -0.2, 0.001, "would wait: the best of the others, it, should bring −1.0 %"),
    ],
)
def test_a_careful_holder_is_charged_for_what_may_be_lost(
    expected: float, low_1: float, error: float, says: str
) -> None:
    way = Way("it", False, expected, 0.0, error, low_1 / 2, low_1, 0.4)
    worse = replace(way, name="worse", expected=expected - 0.01)
    assert says in advice([WAIT, worse, way], 30.0, 0.1)


def test_percent_has_a_proper_minus() -> None:
    assert (percent(-0.0153), percent(0.5, 0)) == ("−1.5 %", "50 %")
