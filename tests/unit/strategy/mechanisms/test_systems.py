"""What is particular about each system: hours, refusals, costs, delays, and how it fails."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.registry.issuer import Channel, Term
from bot.strategy.mechanisms import Mechanism, look
from bot.timefmt import iso
from bot.timefmt import parse as at
from tests.fixtures.engine import shipped_registry
from tests.fixtures.market import CLOCK, World, incident
from tests.unit.strategy.mechanisms.given import (
    MONDAY,
    MONDAY_NIGHT,
    SATURDAY,
    WHEN_MIRROR_LIVED,
    changed,
    moment,
    quick,
    shipped,
    written,
)

SIZE = 10_000.0


def rule_at(of: Mechanism, text: str, action="mint", **known) -> tuple[str, str]:
    found = of.opening(action, moment(at(text), **known))
    assert found.now is (found.rule == "")
    return found.rule, "" if found.opens is None else iso(found.opens)[:16]


@pytest.mark.parametrize("name", ["xstocks", "ondo", "mystonks", "dinari", "kraken"])
@pytest.mark.parametrize(
    ("when", "rule"),
    [
        ("2025-07-07T14:00Z", ""),
        ("2025-07-08T03:00Z", ""),  # 23:00 in New York
        ("2025-07-04T15:00Z", "channel.closed"),  # a holiday
        ("2025-07-05T17:30Z", "channel.closed"),
    ],
)
def test_what_is_open_24_5(name, when, rule):
    assert rule_at(shipped(name), when)[0] == rule


@pytest.mark.parametrize("name", ["xstocks", "ondo", "mystonks", "dinari", "synthetix"])
@pytest.mark.parametrize("action", ["mint", "redeem"])
def test_a_paused_issuer_is_closed_with_its_reason_and_nobody_knows_until_when(name, action):
    found = shipped(name).opening(action, moment(MONDAY, halted="paused"))
    assert (found.rule, found.opens) == ("channel.halted", None)
    assert found.detail.endswith("has halted: paused")
    assert shipped(name).delay(action, moment(MONDAY, halted="paused")) is None


@pytest.mark.parametrize("action", ["mint", "redeem"])
def test_below_the_least_and_over_the_most_an_order_is_refused_at_its_price(action):
    of = changed("xstocks", **{f"{action}__maximum_usd": 250_000.0})
    cost = {usd: of.cost(action, moment(), usd) for usd in (4_999.0, 5_000.0, 250_000.0, 250_001.0)}
    assert [each.rule for each in cost.values()] == ["channel.minimum", "", "", "channel.maximum"]
    assert "from $5,000" in cost[4_999.0].detail
    assert "up to $250,000" in cost[250_001.0].detail
    assert of.limits(action, moment()).least_usd == 5_000.0
    assert of.limits(action, moment()).most_usd == 250_000.0


def test_where_nobody_names_a_maximum_there_is_none():
    assert shipped("ondo").limits("mint", moment()).most_usd == inf


@pytest.mark.parametrize("name", ["xstocks", "ondo", "mystonks", "dinari", "synthetix"])
@pytest.mark.parametrize(("action", "sign"), [("mint", 1), ("redeem", -1)])
def test_a_cost_is_spread_then_fee_then_gas_over_the_size(name, action, sign):
    entry = written(name)[action]
    quoted = 200.0 * (1 + sign * entry.get("spread_ratio", 0.0))
    each = quoted * (1 + sign * entry.get("fee_ratio", 0.0))
    for usd in (6_000.0, 60_000.0):
        cost = shipped(name).cost(action, moment(), usd)
        assert cost.tokens == pytest.approx(usd / 200)
        assert cost.unit_usd == pytest.approx(each + sign * entry.get("gas_usd", 0.0) / (usd / 200))


def test_a_larger_order_is_cheaper_by_the_gas_alone():
    small, large = (shipped("ondo").cost("mint", moment(), usd) for usd in (100.0, 100_000.0))
    assert small.unit_usd - large.unit_usd == pytest.approx(2 / 0.5 - 2 / 500)


@quick
@given(
    name=st.sampled_from(["xstocks", "ondo", "mystonks", "dinari", "synthetix", "kraken", "mirror"]),
    sizes=st.lists(st.floats(1.0, 1e7), min_size=2, max_size=2).map(sorted),
    fair=st.floats(0.01, 1e5), ts=st.sampled_from([MONDAY, SATURDAY, WHEN_MIRROR_LIVED]),
)  # fmt: skip
def test_an_order_never_beats_fair_value_and_a_larger_one_is_no_dearer(name, sizes, fair, ts):
    of, now = shipped(name), moment(ts, fair)
    small, large = (of.cost("mint", now, usd) for usd in sizes)
    assert fair * (1 - 1e-9) <= large.unit_usd <= small.unit_usd * (1 + 1e-9)
    small, large = (of.cost("redeem", now, usd) for usd in sizes)
    # A dollar's worth brings less than the gas: what is got may be less than nothing.
    assert small.unit_usd - 1e-9 * abs(small.unit_usd) <= large.unit_usd <= fair * (1 + 1e-9)
    for each in (small, large):
        assert each.carry_usd >= 0
        assert each.size_usd - each.tokens * each.unit_usd == pytest.approx(
            sum(each.parts_usd.values()), rel=1e-6, abs=1e-6
        )


def test_an_unknown_term_shuts_the_side_that_needs_it_and_is_named():
    of = changed("mystonks", terms=[Term(["redeem.settlement_days"], "unknown", says="told nowhere")])
    found = of.opening("redeem", moment())
    assert (found.rule, found.opens) == ("channel.term_unknown", None)
    assert "redeem.settlement_days" in found.detail
    assert of.cost("redeem", moment(), SIZE).rule == "channel.term_unknown"
    assert of.opening("mint", moment()).now
    (named,) = of.assumptions()
    assert (named.name, named.value, named.known) == ("redeem.settlement_days", None, "unknown")


# xStocks


def with_way(name: str) -> Mechanism:
    ways = [replace(way, enabled=way.name == name) for way in shipped_registry().issuers["xstocks"].ways]
    return changed("xstocks", ways=ways)


def test_an_agreement_the_desk_does_not_have_changes_nothing():
    assert shipped("xstocks").cost("mint", moment(), SIZE) == with_way("none").cost("mint", moment(), SIZE)


def test_with_atomic_quotes_it_is_instant_without_minimum_and_the_band_is_tighter():
    atomic, flow = with_way("atomic"), shipped("xstocks")
    cost = atomic.cost("mint", moment(), 100.0)
    assert (cost.rule, cost.unit_usd) == ("", pytest.approx(200 * 1.0015 + 0.02 / 0.5))
    delay = atomic.delay("mint", moment())
    assert delay is not None
    assert delay.worst == 0.0
    assert atomic.bounds(moment(), SIZE, 0.0).high < flow.bounds(moment(), SIZE, 0.0).high


def test_shares_in_kind_are_the_cheapest_way():
    assert with_way("in_kind").cost("redeem", moment(), SIZE).unit_usd > 199.9


def test_while_all_ways_are_closed_market_flow_is_the_one_that_opens():
    found = with_way("atomic").opening("mint", moment(SATURDAY))
    assert iso(found.opens or 0)[:16] == "2025-07-07T00:00"


# Ondo


@pytest.mark.parametrize(
    ("when", "opens"),
    [
        ("2025-07-07T13:29:30Z", "2025-07-07T13:31"),  # around the opening
        ("2025-07-07T19:59:00Z", "2025-07-07T20:01"),  # around the close
        ("2025-07-08T00:02:00Z", "2025-07-08T00:05"),  # 20:02: the night begins at 20:05
        ("2025-07-07T07:57:00Z", "2025-07-07T08:00"),  # 03:57
        ("2025-07-05T17:30:00Z", "2025-07-07T00:05"),  # Sunday 20:05, not 20:00
    ],
)
def test_ondo_has_gaps_of_minutes(when, opens):
    assert rule_at(shipped("ondo"), when) == ("channel.closed", opens)


def test_an_order_that_the_chain_takes_in_too_late_is_quoted_again():
    delay = shipped("ondo").delay("mint", moment())
    assert delay is not None
    # 12 s or 24 s of 30 s; 3 % come later, are refused, and take as long once more
    again = {12.0: 0.85, 24.0: 0.12, 42.0: 0.03 * 0.85 / 0.97, 54.0: 0.03 * 0.12 / 0.97}
    assert dict(zip(delay.seconds, delay.chances, strict=True)) == pytest.approx(again)
    failures = {each.name: each for each in shipped("ondo").failures("mint")}
    assert failures["quote_expires"].chance == pytest.approx(0.03)
    assert failures["quote_expires"].money == "returned"
    assert failures["paid_in_coin"].loss_ratio == written("ondo")["quotes"]["coin_ratio"]
    assert "USDon" in failures["paid_in_coin"].says


# MyStonks


def test_mystonks_takes_the_way_from_the_account_to_the_chain_on_top():
    delay = shipped("mystonks").delay("mint", moment())
    assert delay is not None
    settled, moved = at("2025-07-08T13:30Z"), 3600 * 10**9
    assert delay.median == (settled + moved - MONDAY) / 1e9


def test_only_a_redemption_may_be_refused():
    of = shipped("mystonks")
    sides = {action: {each.name for each in of.failures(action)} for action in ("mint", "redeem")}
    assert sides["redeem"] - sides["mint"] == {"redemption_refused"}


def test_what_mystonks_does_not_say_is_assumed_by_name():
    named = {each.name: each.value for each in shipped("mystonks").assumptions()}
    assert {
        "mint.hours",
        "redeem.settlement_days",
        "mint.minimum_usd",
        "mint.spread_ratio",
        "account.hours",
    } <= set(named)
    assert named["mint.spread_ratio"] == 0.0
    assert "mint.fee_ratio" not in named  # published


# Dinari


def test_dinari_fills_in_minutes_in_the_session_and_perhaps_not_before_it():
    day, night = (shipped("dinari").delay("mint", moment(ts)) for ts in (MONDAY, MONDAY_NIGHT))
    assert day is not None
    assert night is not None
    assert day.median == pytest.approx(72.0)
    opens = (at("2025-07-08T13:30Z") - MONDAY_NIGHT) / 1e9
    waiting = sum(chance for s, chance in zip(night.seconds, night.chances, strict=True) if s >= opens)
    # 40 % of limit orders wait for the opening, and of the others 1 % are a day late
    assert waiting == pytest.approx(0.4 + 0.6 * 0.01)


# Mirror


@pytest.mark.parametrize(("age", "rule"), [(None, ""), (59.0, ""), (61.0, "channel.oracle_stale")])
def test_a_stale_oracle_stops_minting(age, rule):
    found = shipped("mirror").opening("mint", moment(WHEN_MIRROR_LIVED, oracle_age_seconds=age))
    assert found.rule == rule
    assert ("while the pool trades on" in found.detail) is bool(rule)


def test_mirror_is_minted_in_the_sessions_hours_and_never_redeemed():
    of = shipped("mirror")
    assert rule_at(of, "2021-06-01T23:00Z") == ("channel.closed", "2021-06-02T13:30")
    assert rule_at(of, "2021-06-01T15:00Z", "redeem") == ("channel.not_available", "")
    assert rule_at(of, "2020-06-01T15:00Z") == ("channel.not_available", "2020-12-04T00:00")
    assert rule_at(of, "2022-06-01T15:00Z") == ("channel.ended", "")


def test_a_mint_locks_twice_the_token_and_a_multiplier_locks_more():
    cost = shipped("mirror").cost("mint", moment(WHEN_MIRROR_LIVED), SIZE)
    assert cost.capital_usd == pytest.approx(2 * SIZE)
    assert cost.parts_usd["close_fee"] == pytest.approx(0.015 * 2 * SIZE)
    assert cost.carry_usd == pytest.approx(2 * SIZE * 0.06 * 7 / 365)
    dearer = changed("mirror", debt__multiplier=4 / 3).cost("mint", moment(WHEN_MIRROR_LIVED), SIZE)
    assert dearer.capital_usd == pytest.approx(2.5 * SIZE)


def test_no_route_is_given_a_debt():
    found = looked("mirror", WHEN_MIRROR_LIVED)
    assert (found.rule, found.usable) == ("channel.debt", False)


# Synthetix


def test_synthetix_is_suspended_with_the_share_and_waits_six_minutes_in_hours():
    of = shipped("synthetix")
    assert rule_at(of, "2025-07-07T20:00Z") == ("channel.closed", "2025-07-08T13:30")
    delay = of.delay("mint", moment())
    assert delay is not None
    assert delay.worst == 360.0


def test_an_exchange_just_before_the_close_is_settled_at_the_next_opening():
    late = at("2025-07-11T19:57Z")  # Friday, three minutes before
    delay = shipped("synthetix").delay("redeem", moment(late))
    assert delay is not None
    assert delay.median == (at("2025-07-14T13:30Z") - late) / 1e9


def test_a_stale_rate_stops_the_exchange_both_ways():
    for action in ("mint", "redeem"):
        found = shipped("synthetix").opening(action, moment(oracle_age_seconds=100_000.0))
        assert found.rule == "channel.oracle_stale"


# Exchanges


def test_bought_tokens_are_in_the_wallet_after_the_withdrawal():
    delay = shipped("kraken").delay("mint", moment())
    assert delay is not None
    assert (delay.median, delay.likely) == (180.0, 3780.0)


def test_a_deposit_is_made_at_any_hour_and_sold_when_the_exchange_next_converts():
    delay = shipped("kraken").delay("redeem", moment(SATURDAY))
    assert delay is not None
    assert delay.median == delay.likely == (at("2025-07-07T00:00Z") - SATURDAY) / 1e9


def test_an_order_book_converts_nothing_but_moves_tokens():
    of = shipped("gate")
    assert of.opening("mint", moment()).rule == "channel.not_available"
    assert of.move("mint", moment()).median == 1800.0  # type: ignore[attr-defined]  # an Exchange


# As routes see it


def looked(name: str, ts: int = MONDAY, action="mint", terms=None):
    of = shipped_registry()
    if terms is not None:
        of = replace(of, issuers=of.issuers | {name: replace(of.issuers[name], terms=terms)})
    world = World(ts, of=of)
    return look(action, "TSLAx", of.issuers[name], world.market, CLOCK, ts, incident(), world.settings)


def test_a_route_is_given_the_distribution_and_the_nominal_day():
    found = looked("xstocks")
    assert found.arrives == at("2025-07-08T13:30Z")
    assert found.delay is not None
    assert found.delay.median == (found.arrives - MONDAY) / 1e9
    assert found.delay.worst > 7 * 86_400


def test_a_route_is_refused_in_a_gap_after_the_end_and_for_an_unknown_term():
    gap = looked("ondo", at("2025-07-07T13:30:10Z"))
    assert (gap.rule, gap.opens) == ("channel.closed", at("2025-07-07T13:31Z"))
    assert looked("mirror").rule == "channel.ended"
    unknown = looked("xstocks", terms=[Term(["mint.fee_ratio"], "unknown", says="told nowhere")])
    assert (unknown.rule, unknown.arrives, unknown.delay) == ("channel.term_unknown", None, None)


def test_a_channel_without_gaps_or_kind_is_as_it_always_was():
    channel = Channel(settlement_days=0)
    of = changed("xstocks", mechanism="channel", mint=channel, ways=[], brokers=[])
    delay = of.delay("mint", moment())
    assert delay is not None
    assert (delay.seconds, delay.chances) == ((0.0,), (1.0,))
