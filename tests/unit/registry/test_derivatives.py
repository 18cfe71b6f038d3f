"""Where hedges are traded: as shipped, and what of an entry cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.errors import ConfigError
from bot.registry import derivatives, load
from bot.strategy.options import HYPERLIQUID, KRAKEN_FUTURES
from tests.fixtures.engine import shipped_registry

VENUES = '[[venues]]\nname = "there"\nkind = "broker"\n'
PERP = """[[perp_venues]]
name = "{name}"
title = "There"
initial_ratio = {initial}
maintenance_ratio = {maintenance}
taker_fee_ratio = 0.0005
funding_cap_hour = 0.01
lot = {lot}
{more}
"""

GOOD = {
    "option_venues": derivatives.OptionVenue("there"),
    "perp_venues": derivatives.PerpVenue("there", "There", 0.1, 0.05, 0.0005, 0.01, 0.01),
    "perpetual_venues": derivatives.PerpetualVenue("there"),
    "perpetual_offers": derivatives.PerpetualOffer("TSLA-4-put-PERP@there", 0.6, 1.0, "s", "2026-01-01"),
}
RATIOS = [
    ("option_venues", "naked_ratio"),
    ("option_venues", "naked_least"),
    ("perp_venues", "taker_fee_ratio"),
    ("perpetual_venues", "fee_ratio"),
]


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "r.toml"
    path.write_text(VENUES + text)
    with pytest.raises(ConfigError) as error:
        load([path])
    return [problem.removeprefix(f"{path}: ") for problem in error.value.problems]


def perp(name="there", initial=0.1, maintenance=0.05, lot=0.01, more=""):
    return PERP.format(name=name, initial=initial, maintenance=maintenance, lot=lot, more=more)


def test_what_is_shipped_says_where_it_is_from_and_when():
    registry = shipped_registry()
    tables = (registry.option_venues, registry.perp_venues, registry.perpetual_venues)
    assert [sorted(table) for table in tables] == [
        ["alpaca", "yahoo"], ["hyperliquid", "krakenfutures"], ["fufuture"],
    ]  # fmt: skip
    for table in tables:
        for entry in table.values():
            assert len(entry.source) > 40
            assert entry.as_of >= "2026-11-01"
    assert registry.perpetual_offers == {}  # no price is invented


@pytest.mark.parametrize(("terms", "name"), [(KRAKEN_FUTURES, "krakenfutures"), (HYPERLIQUID, "hyperliquid")])
def test_the_examples_of_the_docs_go_by_the_same_figures(terms, name):
    entry = shipped_registry().perp_venues[name]
    assert (entry.initial_ratio, entry.maintenance_ratio, entry.taker_fee_ratio, entry.funding_cap_hour) == (
        terms.initial_ratio,
        terms.maintenance_ratio,
        terms.taker_fee_ratio,
        terms.funding_cap_hour,
    )
    assert entry.lot == terms.lot_shares


def test_a_perp_of_a_share_is_known_and_no_reference():
    resolved = shipped_registry().resolve("TSLA@krakenfutures")
    assert resolved is not None
    assert (resolved.is_reference, resolved.token) == (False, None)
    assert shipped_registry().resolve("NOPE@krakenfutures") is None


def test_terms_that_cannot_be_are_told(tmp_path):
    assert problems(tmp_path, perp(initial=0.05, maintenance=0.1)) == [
        "perp_venues[there]: initial_ratio 0.05 and maintenance_ratio 0.1 must be between 0 and 1, "
        "maintenance the smaller"
    ]
    assert problems(tmp_path, perp(lot=0.0)) == ["perp_venues[there]: lot 0.0 is not more than 0"]
    assert problems(tmp_path, perp(more='unit = "token"')) == [
        "perp_venues[there]: unit is token: suffix must say of which (TSLA and x make TSLAx)"
    ]


def test_a_venue_that_is_none_is_told(tmp_path):
    assert problems(tmp_path, perp(name="nowhere")) == [
        "perp_venues[nowhere]: 'nowhere' is not among the venues of the registry"
    ]
    offer = (
        '[[underlyings]]\nticker = "TSLA"\n[[perpetual_offers]]\ninstrument = "TSLA-4-put-PERP@there"\n'
        "volatility = 0.0\nunits = 1\n"
        'source = "s"\nas_of = "2026-01-01"\n'
    )
    where = "perpetual_offers[TSLA-4-put-PERP@there]"
    assert problems(tmp_path, offer) == [
        f"{where}: 'there' is not among the perpetual_venues of the registry",
        f"{where}: volatility 0.0 is not between 0.0001 and 10; 0.3 is 30 % a year",
    ]


@pytest.mark.parametrize(
    ("symbol", "says"),
    [
        ("NOPE-400-put-PERP", "'NOPE' is not an underlying of the registry"),
        ("TSLA-400-both-PERP", "'TSLA-400-both-PERP' is no perpetual option; write it as TSLA-400-put-PERP"),
        ("TSLA-0-put-PERP", "'TSLA-0-put-PERP' is no perpetual option; write it as TSLA-400-put-PERP"),
    ],
)
def test_a_standing_offer_that_nothing_could_be_made_of_is_told(tmp_path, symbol, says):
    more = (
        '[[underlyings]]\nticker = "TSLA"\n[[perpetual_venues]]\nname = "there"\n'
        f'[[perpetual_offers]]\ninstrument = "{symbol}@there"\nvolatility = 0.6\nunits = 1\n'
        'source = "s"\nas_of = "2026-01-01"\n'
    )
    assert problems(tmp_path, more) == [f"perpetual_offers[{symbol}@there]: {says}"]


BAD = [
    *((table, name, value) for table, name in RATIOS for value in (-0.01, 1.0)),
    ("option_venues", "commission_usd", -0.65), ("option_venues", "rate", 1.0),
    ("perp_venues", "funding_cap_hour", 0.0), ("perp_venues", "lot", -1.0),
    ("perp_venues", "impact_usd", -1.0), ("perpetual_venues", "markup", 1e-300),
    ("perpetual_venues", "volatility", 1e-300), ("perpetual_venues", "period_days", 1e-300),
    ("perpetual_offers", "volatility", 1e-300), ("perpetual_offers", "units", -1.0),
]  # fmt: skip


@pytest.mark.parametrize(("table", "name", "value"), BAD)
def test_every_number_of_a_venue_has_bounds(table, name, value):
    good = GOOD[table]
    assert derivatives.problems(table, good) == []
    (told,) = derivatives.problems(table, replace(good, **{name: value}))
    assert told.startswith(f"{name} {value} is not ")
