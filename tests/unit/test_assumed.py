"""What nobody publishes, as a person would say it."""

from __future__ import annotations

import pytest

from bot.assumed import PHRASES, told, unknown
from bot.registry.issuer import Broker, Failure, Inclusion, Late
from bot.registry.terms import value_at
from bot.strategy.mechanisms import mechanisms
from tests.fixtures.engine import shipped_registry

REGISTRY = shipped_registry()
LATE = [Late(0.08, days=1), Late(0.02, days=3, hours=2)]


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("mint.fee_ratio", 0.0025, "a fee of 0.25 %"),
        ("redeem.fee_ratio", 0.0, "no fee"),
        ("redeem.spread_ratio", 0.0005, "a spread of 0.05 %"),
        ("in_kind.mint.spread_ratio", 0.0002, "in kind: a spread of 0.02 %"),
        ("mint.gas_usd", 2.0, "gas of $2"),
        ("mint.gas_usd", 0.5, "gas of $0.50"),
        ("mint.gas_usd", 0.0, "no gas"),
        ("mint.minimum_usd", 5_000.0, "orders from $5,000"),
        ("mint.minimum_usd", 0.0, "no smallest order"),
        ("mint.maximum_usd", None, "no largest order"),
        ("mint.settlement_days", 1.0, "settlement after 1 business day"),
        ("mint.settlement_days", 2.0, "settlement after 2 business days"),
        ("mint.hours", "24/5", "orders taken 24/5"),
        ("mint.late", LATE, "8 % of orders 1 business day late and 2 % 2 h and 3 business days late"),
        ("mint.late", LATE[:1], "8 % of orders 1 business day late"),
        ("mint.late", [], "no orders late"),
        ("deposit.hours", 0.05, "deposits take 3 min"),
        ("deposit.late", [Late(0.05, hours=1)], "5 % of deposits 1 h late"),
        ("withdraw.usd", 1.0, "withdrawals cost $1 each"),
        (
            "brokers",
            [Broker("alpaca", 0.9), Broker("ibkr_delivery", 0.1, days=2)],
            "90 % of orders through alpaca and 10 % through ibkr delivery (2 business days later)",
        ),
        (
            "quotes.inclusion",
            [Inclusion(0.85, 12), Inclusion(0.12, 24), Inclusion(0.03, 60)],
            "85 % of orders on the chain within 12 s, 12 % on the chain within 24 s and "
            "3 % on the chain within 1 min",
        ),
        (
            "failures",
            [
                Failure("custody_fails", 0.0005, "part_lost", "", 0.5),
                Failure("paused", 0.002, "late", "", 0, 5),
            ],
            "custody fails: 0.05 % of orders, 50 % lost; paused: 0.2 % of orders, 5 business days late",
        ),
        ("brokers", [], "no brokers"),
        ("failures", [], "no failures"),
        ("debt.ratio", None, "no ratio"),
        ("new.thing_ratio", 0.1, "thing 10 %"),
        ("new.wait_hours", 2.0, "wait 2 h"),
        ("new.size", None, "no size"),
    ],
)
def test_a_value_is_told_in_its_unit(path: str, value: object, says: str) -> None:
    assert told(path, value) == says


def test_what_cannot_be_assumed_is_unknown() -> None:
    assert unknown("redeem.settlement_days") == "settlement unknown"


def test_every_assumption_of_the_registry_has_words_of_its_own() -> None:
    for name, of in mechanisms(REGISTRY).items():
        entry = REGISTRY.issuers.get(name) or REGISTRY.conversions[name]
        for each in of.assumptions():
            says = told(each.name, value_at(entry, each.name))
            assert "_" not in says, (name, each.name, says)
            *parts, leaf = each.name.split(".")
            assert leaf in PHRASES or parts[0] in ("account", "deposit", "withdraw"), each.name
