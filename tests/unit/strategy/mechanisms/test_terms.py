"""Every parameter says where it is from, and what cannot be is refused when the registry is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.registry import load
from bot.registry.terms import covers, parameters
from bot.strategy.mechanisms import mechanisms
from tests.fixtures.engine import shipped_registry

REGISTRY = shipped_registry()
ENTRIES = {**REGISTRY.issuers, **{f"{name} (exchange)": each for name, each in REGISTRY.conversions.items()}}


@pytest.mark.parametrize("name", ENTRIES)
def test_every_shipped_parameter_is_in_one_term(name):
    entry = ENTRIES[name]
    for path in parameters(entry):
        saying = [term for term in entry.terms if any(covers(named, path) for named in term.of)]
        assert len(saying) == 1, path


@pytest.mark.parametrize("name", ENTRIES)
def test_every_shipped_system_says_what_it_is(name):
    assert len(ENTRIES[name].summary) > 20


def test_every_system_and_every_exchange_is_there():
    assert set(mechanisms(REGISTRY)) >= {
        "xstocks", "ondo", "mystonks", "robinhood", "dinari", "mirror", "synthetix", "kraken", "bybit",
        "gate",
    }  # fmt: skip


def test_assumptions_are_named_by_their_path_with_value_and_reason():
    of = mechanisms(REGISTRY)
    fee = next(each for each in of["xstocks"].assumptions() if each.name == "mint.fee_ratio")
    assert fee.value == 0.0025
    assert "publishes no fee" in fee.says
    brokers = next(each for each in of["xstocks"].assumptions() if each.name == "brokers")
    assert (
        brokers.value
        == "alpaca: chance 0.9; ibkr_delivery: chance 0.08, days 2; ibkr_transfer: chance 0.02, days 6"
    )


BASE = """
[[issuers]]
name = "one"
title = "One"
"""


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('[[issuers.terms]]\nof = ["mint.fees"]\nknown = "assumed"\nsays = "x"', "is no parameter"),
        ('[[issuers.terms]]\nof = ["mint.fee_ratio"]\nknown = "published"', "need source and date"),
        ('[[issuers.terms]]\nof = ["mint.fee_ratio"]\nknown = "assumed"', "needs says"),
        ('[[issuers.terms]]\nof = ["mint"]\nknown = "published"\nsource = "x"\ndate = "soon"',
         "'soon' is no time"),
        ("[issuers.mint]\nfee_ratio = 1.5", "fee_ratio 1.5 is all of the amount"),
        ("[issuers.mint]\ngas_usd = -1", "gas_usd -1.0 is less than nothing"),
        ("[issuers.mint]\nlate = [{ chance = 0.7 }, { chance = 0.7 }]", "are not parts of one"),
        ('[issuers.mint]\ngaps = ["9:29-9:31"]', "is no time of day"),
        ('[issuers.mint]\ngaps = ["16:01-15:59"]', "is no time of day"),
        ('mechanism = "mirror"', "needs debt"),
        ('mechanism = "teleport"', "teleport"),
        ('ended = "someday"', "'someday' is no time"),
        ('[[issuers.brokers]]\nname = "a"\nchance = 0.5', "make 0.5, not 1"),
        ("[issuers.debt]\nratio = 0.9\ncushion_ratio = 0\nclose_fee_ratio = 0\nhold_days = 1\n"
         "oracle_seconds = 60",
         "does not cover the debt"),
        ("[issuers.quotes]\nvalid_seconds = 5\ninclusion = [{ chance = 1.0, seconds = 12 }]",
         "no order would ever be taken in"),
        ("[issuers.mint]\nsettlement_days = 1e9", "settlement_days 1e+09 is not between 0 and 365"),
        ("[issuers.mint]\nsettlement_days = -1", "settlement_days -1 is not between 0 and 365"),
        ("[issuers.mint]\nlate = [{ chance = 0.1, days = 366 }]", "mint: late: days 366 is not between"),
        ("[issuers.account]\nhours = 1e6", "account: hours 1e+06 is not between 0 and 8760"),
        ('[[issuers.brokers]]\nname = "a"\nchance = 1\ndays = 400', "brokers: a: days 400 is not between"),
        ('[[issuers.failures]]\nname = "x"\nchance = 0\nmoney = "late"\nsays = "x"\ndays = 400',
         "failures: x: days 400 is not between"),
        ('[[issuers.failures]]\nname = "x"\nchance = 2\nmoney = "lost"\nsays = "x"', "between 0 and 1"),
        ('[[issuers.failures]]\nname = "x"\nchance = 0.6\nmoney = "lost"\nsays = "x"\n'
         '[[issuers.failures]]\nname = "y"\nchance = 0.6\nmoney = "late"\nside = "redeem"\nsays = "y"',
         "failures: of a redeem their chances add up to 1.2, more than 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place(more, says, tmp_path: Path):
    file = tmp_path / "issuers.toml"
    file.write_text(BASE + more)
    with pytest.raises(ConfigError) as caught:
        load([file])
    assert says in str(caught.value)
    assert "issuers[one]" in str(caught.value)


def test_an_exchange_of_nothing_is_refused(tmp_path: Path):
    file = tmp_path / "exchanges.toml"
    file.write_text(
        '[[conversions]]\nname = "k"\nvenue = "moon"\nissuer = "sun"\ntitle = "K"\n'
        "deposit = { hours = 1 }\nwithdraw = { hours = 1 }\n"
    )
    with pytest.raises(ConfigError) as caught:
        load([file])
    assert "'moon' is not among the venues" in str(caught.value)
    assert "'sun' is not among the issuers" in str(caught.value)


def test_a_conversion_has_a_name_and_a_place_of_its_own(tmp_path: Path):
    """``ineligible_issuers`` names both kinds, and ``TOKEN@EXCHANGE:convert`` is one conversion."""
    entries = "".join(
        f'[[conversions]]\nname = "{name}"\nvenue = "moon"\nissuer = "one"\ntitle = "K"\n'
        "deposit = { hours = 1 }\nwithdraw = { hours = 1 }\n"
        for name in ("one", "two")
    )
    file = tmp_path / "exchanges.toml"
    file.write_text(f'{BASE}[[venues]]\nname = "moon"\nkind = "exchange"\n{entries}')
    with pytest.raises(ConfigError) as caught:
        load([file])
    assert "conversions[one]: an issuer has this name; give it another" in str(caught.value)
    assert "conversions[two]: one converts one at moon already" in str(caught.value)
