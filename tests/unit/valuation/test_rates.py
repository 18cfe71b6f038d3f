"""Prices in what is no dollar: turned at its rate, as sure as the rate is old, and not used without one."""

from __future__ import annotations

from math import log, sqrt
from pathlib import Path

import msgspec
import pytest

from bot.collectors.evm_chain import Header
from bot.collectors.evm_gas import GasTold
from bot.engine import Engine
from bot.errors import ConfigError
from bot.registry import load
from bot.registry.model import Registry, Venue
from bot.strategy.routes.common import View
from bot.types import Quarantined, Tick
from bot.valuation.rates import gas_usd
from bot.valuation.units import currency_variance
from tests.fixtures.engine import TUESDAY, bases, config, feed, incidents, quote, reference, seconds
from tests.fixtures.engine import shipped_registry as shipped
from tests.fixtures.messages import incident

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


# -- gas -----------------------------------------------------------------------------------------------


def gas_tick(ts: int, price: float | str) -> Tick:
    return Tick(ts, "ETH@ethereum", "status", data=f'{{"gas_price": {price}}}')


def swap_usd(made: Engine, ts: int, chain: str = "ethereum") -> float:
    return gas_usd(made.market, made.market.registry.chains[chain], ts)


def test_gas_costs_what_the_registry_takes_it_to_until_its_token_has_a_price() -> None:
    made = Engine(config(), shipped())
    assert swap_usd(made, TUESDAY) == 2.0
    feed(made, reference(TUESDAY, "ETH@kraken", 1500.0))
    assert swap_usd(made, TUESDAY) == pytest.approx(1.0)  # $2 were at 3,000
    assert swap_usd(made, TUESDAY + seconds(3601)) == 2.0


def test_with_a_gas_price_a_swap_costs_its_units_at_the_live_price_of_the_token() -> None:
    made = Engine(config(), shipped())
    feed(made, reference(TUESDAY, "ETH@kraken", 4000.0), gas_tick(TUESDAY, 2e-9))
    assert swap_usd(made, TUESDAY) == pytest.approx(180_000 * 2e-9 * 1.125 * 4000)
    feed(made, reference(TUESDAY + seconds(3600), "ETH@kraken", 4000.0))
    assert swap_usd(made, TUESDAY + seconds(3601)) == pytest.approx(2.0 * 4000 / 3000)  # an old one is none


def test_a_chain_without_a_priced_gas_token_costs_what_the_registry_says() -> None:
    made = Engine(config(), shipped())
    feed(made, reference(TUESDAY, "ETH@kraken", 1500.0))
    assert swap_usd(made, TUESDAY, "bsc") == 0.05


@pytest.mark.parametrize("price", ["-1e-9", "0", '"dear"', "null", "5"])
def test_a_gas_price_that_cannot_be_is_set_aside(price: str) -> None:
    made = Engine(config(), shipped())
    (told,) = feed(made, gas_tick(TUESDAY, price))
    assert isinstance(told, Quarantined)
    assert made.market.gas == {}


def test_the_gas_price_survives_a_restart() -> None:
    made, again = Engine(config(), shipped()), Engine(config(), shipped())
    feed(made, reference(TUESDAY, "ETH@kraken", 4000.0), gas_tick(TUESDAY, 2e-9))
    again.restore(made.snapshot())
    assert swap_usd(again, TUESDAY) == swap_usd(made, TUESDAY)


def test_a_plan_pays_the_gas_of_the_moment() -> None:
    def gas_of(price: float) -> float:
        made = Engine(config(), shipped())
        feed(made, reference(TUESDAY, "ETH@kraken", 3000.0), gas_tick(TUESDAY, price))
        desk = made.strategy.desk
        view = View(incident(), made.market, shipped(), made.config.strategy, made.clock, desk, 0.5, TUESDAY)
        return view.gas("TSLAon@uniswap:0x31227b50")

    assert gas_of(20e-9) == pytest.approx(10 * gas_of(2e-9))


def test_the_chain_is_told_of_when_its_base_fee_has_moved_or_some_minutes_have_passed() -> None:
    told = GasTold(shipped().chains["ethereum"], lambda: 5)
    told_at = [(at, fee) for at, fee in ((0, 10), (12, 10), (24, 11), (36, 12), (348, 12), (360, 0))
               if told.news(Header(1, "0x1", "0x0", 1000 + at, fee * 10**9))]  # fmt: skip
    assert told_at == [(0, 10), (24, 11), (348, 12)]
    assert GasTold(shipped().chains["base"], lambda: 5).news(Header(1, "0x1", "0x0", 1000, 10**9)) == []
    (tick,) = GasTold(shipped().chains["ethereum"], lambda: 5).news(Header(1, "0x1", "0x0", 1000, 3 * 10**9))
    assert (tick.instrument, tick.data) == ("ETH@ethereum", '{"gas_price":3e-9}')
