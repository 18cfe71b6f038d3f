"""What oracles and issuers say, as pure functions: units, times, order, and what cannot be."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

pytest.importorskip("aiohttp")
pytest.importorskip("web3")

from bot.collectors.chainlink_feed import Round, fault
from bot.collectors.http_json import number, retry_after
from bot.collectors.issuer_xstocks_parse import (
    KINDS,
    SPLITS,
    Action,
    Multiplier,
    action,
    announced,
    moment,
    multiplier,
    trading,
)
from bot.collectors.pyth_parse import Price, Seen, follow, is_news, price_of, tick_of
from bot.errors import DataError
from bot.registry.model import Feed
from bot.timefmt import NS
from bot.timefmt import parse as at

NOW = at("2026-09-15T12:00:00Z")
ID = "ab" * 32


# -- Pyth ----------------------------------------------------------------------------------------------


def update(**changes: Any) -> dict[str, Any]:
    told = {"price": "18413602", "conf": "17716", "expo": -5, "publish_time": NOW // NS - 1} | changes
    return {"id": f"0x{ID.upper()}", "price": told, "metadata": {"slot": 7}}


def test_price_is_a_whole_number_times_a_power_of_ten() -> None:
    found = price_of(update(), NOW, 0.05)
    assert (found.id, found.slot) == (ID, 7)
    assert found.price == pytest.approx(184.13602)
    assert found.conf == pytest.approx(0.17716)
    assert price_of(update(price="2", conf="0", expo=3), NOW, 0.05).price == 2000.0


@given(
    st.integers(1, 2**62), st.integers(-12, 6), st.integers(1, NOW // NS), st.floats(0, 0.04, allow_nan=False)
)
def test_whatever_is_well_formed_is_a_price_at_its_time(
    price: int, expo: int, time: int, spread: float
) -> None:
    told = update(price=str(price), conf=str(int(price * spread)), expo=expo, publish_time=time)
    found = price_of(told, NOW, 0.05)
    assert found.published == time * NS
    assert found.price == pytest.approx(price * 10.0**expo)


KEYS = st.sampled_from(["id", "price", "conf", "expo", "publish_time", "metadata", "slot"])
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
JUNK = PLAIN | st.dictionaries(KEYS, PLAIN)


@given(st.dictionaries(KEYS, JUNK))
def test_anything_else_is_set_aside_and_breaks_nothing(told: Any) -> None:
    with suppress(DataError):
        price_of(told, NOW, 0.05)


def price(value: float, published: int, slot: int = 0) -> Price:
    return Price(ID, value, 0.01, published * NS, slot)


def test_order_is_that_of_slots_where_they_are_told_and_else_of_publish_times() -> None:
    seen = Seen(price(10, 100, 5), 100 * NS)
    assert is_news(price(11, 100, 6), seen)
    assert not is_news(price(11, 100, 5), seen)
    assert not is_news(price(11, 100, 4), seen)
    assert not is_news(price(11, 99, 6), seen)
    assert not is_news(price(11, 100), seen)
    assert is_news(price(11, 101), seen)


def test_frozen_since_is_when_the_price_began_to_stand() -> None:
    seen = follow(price(10, 100), None)
    for later in (110, 120, 160):
        seen = follow(price(10, later), seen)
    tick = tick_of("AAPL@pyth", seen, ["regular", "post"], 60 * NS, NOW, "poll")
    assert tick.ts == 160 * NS
    assert '"frozen_since":100' in (tick.data or "")
    assert '"session":"regular+post"' in (tick.data or "")
    assert "frozen" not in (
        tick_of("AAPL@pyth", follow(price(11, 170), seen), [], 60 * NS, NOW, "").data or ""
    )


# -- Chainlink -----------------------------------------------------------------------------------------


def a_round(**changes: Any) -> Round:
    known = Round(9, 410 * 10**8, 8, NOW // NS - 10, 9, "", False)
    return replace(known, **changes)


FEED = Feed("TSLAon@chainlink", sessions=["regular"], heartbeat_seconds=3600, low=1.0, high=1e5)


@pytest.mark.parametrize(
    ("changes", "session", "state"),
    [
        ({}, "regular", "up"),
        ({"updated": NOW // NS - 3700}, "regular", "up"),
        ({"updated": NOW // NS - 4000}, "regular", "down"),
        ({"updated": NOW // NS - 4000}, "weekend", "closed"),
        ({"paused": True, "updated": 0}, "regular", "halted"),
        ({"answered_in": 8}, "weekend", "down"),
        ({"answered_in": 0}, "regular", "up"),
        ({"answer": 10**8}, "regular", "down"),
        ({"answer": 10**13}, "regular", "down"),
        ({"updated": NOW // NS + 1000}, "regular", "down"),
    ],
)
def test_round_is_believed_in_its_sessions_within_its_heartbeat_and_bounds(
    changes: dict[str, Any], session: Any, state: str
) -> None:
    assert fault(a_round(**changes), FEED, NOW // NS, 300, session)[0] == state


# -- xStocks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "when"),
    [
        (0, 0), (None, 0), ("0", 0), ("", 0),
        (1_789_432_200, at("2026-09-15T00:30:00Z")),
        (1_789_432_200_000, at("2026-09-15T00:30:00Z")),
        ("1789432200", at("2026-09-15T00:30:00Z")),
        ("2026-09-15T00:30:00.000Z", at("2026-09-15T00:30:00Z")),
    ],
)  # fmt: skip
def test_times_come_in_every_form(told: Any, when: int) -> None:
    assert moment(told) == when


@pytest.mark.parametrize("told", ["soon", -5, {}, "2026-13-45"])
def test_what_is_no_time_is_told_so(told: Any) -> None:
    with pytest.raises(DataError, match="bad_time"):
        moment(told)


def row(kind: str = "CashDividend", **changes: Any) -> dict[str, Any]:
    return {
        "eventId": "e1", "version": 1, "xstockSymbol": "KOx", "caType": kind, "status": "Initial",
        "effectiveTimeUtc": "2026-09-16T00:30:00.000Z", "multiplierOld": "1.0183317967386898",
        "multiplierNew": "1.0225601246249238", "netCashflowUsd": "0.371", "fromUnits": None, "toUnits": None,
    } | changes  # fmt: skip


TOLD = Multiplier(1.0183317967386898)


def test_dividend_of_cocacola_as_it_was_recorded() -> None:
    found = announced([action(row())], TOLD, NOW)
    assert found == Multiplier(
        1.0183317967386898, 1.0225601246249238, at("2026-09-16T00:30:00Z"), "CashDividend", 0.371
    )


def test_reverse_split_of_honeywell_as_it_was_recorded() -> None:
    split = row("ReverseSplit", multiplierOld=None, multiplierNew=None, fromUnits="2", toUnits="1")
    found = announced([action(split)], Multiplier(1.024094713306789), NOW)
    assert found.new == pytest.approx(0.5120473566533945)


def test_highest_version_counts_and_a_cancelled_one_is_none() -> None:
    versions = [action(row()), action(row(version=3, multiplierNew="1.03")), action(row(version=2))]
    assert announced(versions, TOLD, NOW).new == 1.03
    assert announced([*versions, action(row(version=4, status="Cancelled"))], TOLD, NOW) == TOLD


def test_past_and_incomplete_actions_announce_nothing() -> None:
    assert announced([action(row(effectiveTimeUtc="2026-09-15T00:30:00.000Z"))], TOLD, NOW) == TOLD
    assert announced([action(row(multiplierNew=None))], TOLD, NOW) == TOLD
    assert announced([action(row("NameChange", multiplierNew="1.0183317967386898"))], TOLD, NOW) == TOLD


def test_first_of_several_comes_first_and_the_tokens_own_word_before_a_later_one() -> None:
    later = action(row(eventId="e2", effectiveTimeUtc="2026-10-01T00:00:00Z", multiplierNew="2"))
    assert announced([later, action(row())], TOLD, NOW).why == "CashDividend"
    own = Multiplier(1.0183317967386898, 1.02, at("2026-09-15T23:00:00Z"), "Dividend")
    assert announced([later, action(row())], own, NOW) == own


def test_action_on_another_multiplier_than_ours_keeps_its_ratio() -> None:
    found = announced([action(row(multiplierOld="1", multiplierNew="3"))], Multiplier(1.5), NOW)
    assert found.new == pytest.approx(4.5)


def test_the_kinds_are_the_issuers_thirteen() -> None:
    assert len(KINDS) == 13
    assert SPLITS < KINDS
    for kind in KINDS:
        assert isinstance(action(row(kind)), Action)


def test_multiplier_announced_without_a_time_is_none() -> None:
    assert multiplier({"currentMultiplier": "1.25", "newMultiplier": 2, "activationDateTime": 0}, NOW) == (
        Multiplier(1.25)
    )


def test_limits_are_those_of_the_present_period() -> None:
    limits = {
        "market": {"minOrderFiatValue": 1000, "maxOrderFiatValue": 5e6},
        "closed": {"minOrderFiatValue": 1},
    }
    found = trading({"trading": {"currentPeriod": "market", "openNow": True, "limitsPerPeriod": limits}})
    assert (found.min_usd, found.max_usd, found.open_now, found.halted) == (1000, 5e6, True, False)
    assert trading({}).open_now is None
    assert trading({"isTradingHalted": True, "trading": None}).halted


# -- HTTP ----------------------------------------------------------------------------------------------


def test_numbers_are_finite_and_no_truth() -> None:
    assert [number(one) for one in (1, "2.5", 0.5)] == [1.0, 2.5, 0.5]
    none: list[Any] = [True, None, "x", "inf", float("nan"), [], "1e999"]
    assert [number(one) for one in none] == [None] * 7


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after({"Retry-After": "3"}) == 3.0
    assert retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0
    assert (retry_after({"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}) or 0) > 1e9
    assert retry_after({"Retry-After": "a while"}) is None
    assert retry_after({}) is None
