"""A channel at a moment: open or not, at what price, and when it is in hand."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bot.registry.model import Channel
from bot.strategy.mechanisms import in_hand, look
from bot.timefmt import iso
from bot.timefmt import parse as at
from tests.fixtures.market import CHANNEL, CLOCK, INSTANT, MONDAY, SATURDAY, World, incident, registry


def access(channel=CHANNEL, ts=MONDAY, action="mint", cause="broad_premium", halted=None, **changes):
    world = World(ts, of=registry(mint=channel, redeem=channel), **changes)
    if halted is not None:
        world.halt("AMZNx@xstocks", halted)
    issuer = world.registry.issuers["xstocks"]
    return look(action, "AMZNx", issuer, world.market, CLOCK, ts, incident(cause=cause), world.settings)


@pytest.mark.parametrize(
    ("hours", "ts", "usable", "opens"),
    [
        ("24/5", "2025-07-07T14:00:00Z", True, None),
        ("24/5", "2025-07-07T03:00:00Z", True, None),  # overnight
        ("24/5", "2025-07-05T17:30:00Z", False, "2025-07-07T00:00:00.000000000Z"),  # Sunday 20:00 New York
        (
            "24/5",
            "2025-07-04T15:00:00Z",
            False,
            "2025-07-07T00:00:00.000000000Z",
        ),  # a holiday, then a weekend
        ("regular", "2025-07-07T12:00:00Z", False, "2025-07-07T13:30:00.000000000Z"),
        ("regular", "2025-07-03T17:30:00Z", False, "2025-07-07T13:30:00.000000000Z"),  # closed early at 13:00
        ("24/7", "2025-07-05T17:30:00Z", True, None),
    ],
)
def test_hours(hours, ts, usable, opens):
    found = access(replace(CHANNEL, hours=hours), at(ts))
    assert found.usable is usable
    assert iso(found.opens) == (opens or iso(at(ts)))
    assert found.rule == ("" if usable else "channel.closed")


@pytest.mark.parametrize(
    ("asked", "days", "arrives"),
    [
        ("2025-07-08T14:00:00Z", 1, "2025-07-09T13:30:00Z"),
        ("2025-07-08T14:00:00Z", 0, "2025-07-08T14:00:00Z"),
        ("2025-07-11T14:00:00Z", 1, "2025-07-14T13:30:00Z"),  # Friday to Monday
        ("2025-07-03T14:00:00Z", 1, "2025-07-07T13:30:00Z"),  # over the holiday
        ("2025-07-07T00:30:00Z", 1, "2025-07-08T13:30:00Z"),  # Sunday evening counts as Monday
        ("2025-07-08T02:00:00Z", 1, "2025-07-09T13:30:00Z"),  # Monday night counts as Tuesday
        ("2025-07-08T14:00:00Z", 2, "2025-07-10T13:30:00Z"),
    ],
)
def test_settlement_is_on_a_business_day_after_the_trade_date(asked, days, arrives):
    assert iso(in_hand(CLOCK, at(asked), days)) == iso(at(arrives))


def test_a_closed_channel_settles_after_it_has_opened():
    found = access(ts=SATURDAY)
    assert iso(found.arrives) == iso(at("2025-07-08T13:30:00Z"))


@pytest.mark.parametrize(
    ("changes", "rule", "says"),
    [
        ({"channel": Channel(available=False, hours="none", open_to="nobody outside the app")},
         "channel.not_available", "nobody outside the app"),
        ({"ineligible_issuers": ["xstocks"]}, "channel.desk_not_eligible", "whitelisted wallets"),
        ({"halted": "paused by the issuer"}, "channel.halted", "paused by the issuer"),
        ({"cause": "issuer_halt"}, "channel.halted", "issuer_halt"),
        ({"cause": "under_backed"}, "channel.halted", "under_backed"),
        ({"ts": SATURDAY}, "channel.closed", "2025-07-07 00:00:00"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("action", ["mint", "redeem"])
def test_each_refusal_names_its_rule(changes, rule, says, action):
    found = access(action=action, **changes)
    assert (found.rule, found.usable) == (rule, False)
    assert says in found.detail


def test_prices_hold_spread_and_fee():
    assert access().price(200.0) == pytest.approx(200 * 1.0005 * 1.0025)
    assert access(action="redeem").price(200.0) == pytest.approx(200 * 0.9995 * 0.9975)
    mint = access()
    assert mint.price(200.0) - 200.0 == pytest.approx(
        mint.fee_per_token(200.0) + mint.spread_per_token(200.0)
    )


def test_smallest_and_largest_order_are_planned_a_little_inside():
    found = access(replace(CHANNEL, maximum_usd=100_000.0))
    assert found.tokens_least(200.0) * 200 * 1.0005 == pytest.approx(5_005)
    assert found.tokens_most(200.0) * 200 * 1.0005 == pytest.approx(100_000 / 1.001)
    assert access(INSTANT).tokens_most(200.0) == float("inf")


def test_an_issuer_whose_connection_was_lost_has_not_halted():
    world = World(MONDAY, of=registry(mint=CHANNEL, redeem=CHANNEL))
    state = world.venue("AMZNx@xstocks", None)
    state.halted, state.halted_reason = True, "timeout"  # as a supervisor's "down" leaves it
    state.token_state.channel({"state": "down", "reason": "timeout"})
    issuer = world.registry.issuers["xstocks"]
    assert look("mint", "AMZNx", issuer, world.market, CLOCK, MONDAY, incident(), world.settings).usable
