"""Prices in what is no dollar: turned at its rate, as sure as the rate is old, and not used without one."""

from __future__ import annotations

from math import log, sqrt
from pathlib import Path

import msgspec
import pytest

from bot.engine import Engine
from bot.errors import ConfigError
from bot.registry import load
from bot.registry.model import Registry, Venue
from bot.types import Quarantined, Tick
from bot.valuation.units import currency_variance
from tests.fixtures.engine import TUESDAY, bases, config, feed, incidents, quote, reference, seconds
from tests.fixtures.engine import shipped_registry as shipped

EUR = 1.08
VENUE = "TSLAx@kraken_eur"


def registry() -> Registry:
    """The shipped one, and Kraken's market in euros."""
    euro = Venue("kraken_eur", "exchange", fee_ratio=0.001, quote="EUR")
    return msgspec.structs.replace(shipped(), venues={**shipped().venues, "kraken_eur": euro})


@pytest.fixture
def one() -> Engine:
    made = Engine(config(), registry())
    feed(made, reference(TUESDAY, "TSLA@yahoo", 400.0), reference(TUESDAY, "EUR@kraken", EUR))
    return made


def test_a_venue_in_euros_is_compared_in_dollars(one: Engine) -> None:
    feed(one, quote(TUESDAY + 1, VENUE, 400.0 / EUR))
    state = one.market.instruments[VENUE]
    assert state.price == pytest.approx(400.0)
    assert state.log_price == pytest.approx(log(400.0))


def test_its_book_is_in_dollars_too(one: Engine) -> None:
    book = {"bids": [[370.0, 10.0]], "asks": [[371.0, 10.0]], "sequence": 7}
    feed(
        one, Tick(TUESDAY + 1, VENUE, "quote", bid=370.0, ask=371.0, data=msgspec.json.encode(book).decode())
    )
    curve = one.market.instruments[VENUE].curve
    assert curve is not None
    sold = curve.sell_tokens(1.0)
    assert sold is not None
    assert sold.price == pytest.approx(370.0 * EUR * 0.999)


def test_the_euro_is_not_off_a_peg_that_it_does_not_have(one: Engine) -> None:
    told = []
    for n in range(600):
        ts = TUESDAY + seconds(n)
        told += feed(one, reference(ts, "EUR@kraken", EUR), reference(ts, "TSLA@yahoo", 400.0),
                     quote(ts, VENUE, 400.0 / EUR))  # fmt: skip
    assert incidents(told) == []
    assert one.market.coins == {}
    assert bases(told)[-1].state == "ok"


def test_without_a_rate_it_is_set_aside_and_says_so() -> None:
    made = Engine(config(), registry())
    (told,) = feed(made, quote(TUESDAY, VENUE, 370.0))
    assert isinstance(told, Quarantined)
    assert told.reason == "no_rate"
    assert told.detail == "quoted in EUR, and nobody has said within 1 h what one is worth"


def test_a_rate_of_more_than_an_hour_ago_is_none(one: Engine) -> None:
    feed(one, quote(TUESDAY + seconds(3600), VENUE, 370.0))
    (told,) = feed(one, quote(TUESDAY + seconds(3601), VENUE, 370.0))
    assert isinstance(told, Quarantined)
    assert one.market.instruments[VENUE].ts == TUESDAY + seconds(3600)


def test_the_older_the_rate_the_less_sure_is_the_price(one: Engine) -> None:
    now, later = (currency_variance("EUR", one.market, TUESDAY + seconds(n)) for n in (0, 3600))
    assert sqrt(now) == pytest.approx(0.0002)
    assert sqrt(later) == pytest.approx(0.08 * sqrt(1 / 8766), rel=0.1)  # 8 % a year, for an hour


def test_a_dollar_coin_is_still_taken_at_par_and_told_when_it_is_off() -> None:
    made = Engine(config(), shipped())
    feed(made, reference(TUESDAY, "USDT@kraken", 0.97), quote(TUESDAY + 1, "TSLAx@bybit", 400.0))
    assert made.market.instruments["TSLAx@bybit"].price == pytest.approx(400.0)
    assert made.market.coins == {"USDT": pytest.approx(log(0.97), abs=1e-4)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[venues]]\nname = "x"\nkind = "exchange"\nquote = "GBP"\n', "quote 'GBP' is not a currency"),
        ('[[venues]]\nname = "x"\nkind = "exchange"\nquote = "TSLA"\n[[underlyings]]\nticker = "TSLA"\n',
         "quote 'TSLA' is not a currency"),
    ],
)  # fmt: skip
def test_a_venue_in_what_nobody_knows_the_worth_of_is_a_mistake(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(ConfigError, match=says):
        load([tmp_path / "x.toml"])
