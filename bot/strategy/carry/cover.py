"""Letting a stock token work while it waits: selling cover on BTC or ETH, buying it with the token as margin,
or both. Simulated over joint moves of token and coin; the same seed gives the same answer. Pure; needs numpy.

*Sold*: the tokens are a private pool. Buyers' orders, at the money, take a part of it, are held for some
days, pay funding, and are renewed. *Bought*: the tokens pay the funding of perpetual options until the wait
is over or nothing is left; the pool they buy from sells to others, too. Moves are those of
:mod:`bot.strategy.carry.paths`.

A buyer who pays no premium and only the funding of the everlasting option gains ``V(S₀) − E[V(S)]`` on
average, ``V`` being the time value there and then (Itô and Tanaka on ``V``): whoever sells cover at the money
without a markup or a fee on opening loses it. :func:`fair_markup` is the one at which nobody does.
"""

from __future__ import annotations

from math import erfc, exp, pi, sqrt

from msgspec import Struct

from bot.strategy.carry.model import Backing, Demand, Holder, Jump, Pair, Terms
from bot.strategy.options import Perpetual, perpetual
from bot.strategy.options.european import DAYS
from bot.strategy.options.european import price as european_price

PATHS = 4_000
LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class Outcome(Struct, frozen=True):
    """Gain against keeping the tokens, in USD at the end; ``quantiles`` by :data:`LEVELS`; ``error_usd`` is
    the standard error of the mean. The same in tokens, as ratios of those put to work, of which no more than
    all can be lost: ``tokens_ratio``, ``tokens_quantiles``, ``tokens_error``.

    Parts of the cases: ``lapsed`` the margin ran out, ``emptied`` the private pool did, ``reserve_used`` the
    reserve paid, ``public_hit`` the public pool did, ``unpaid`` somebody was not paid whole: a buyer of cover
    that was sold, or the holder by whom it was bought from."""

    expected_usd: float
    expected_ratio: float
    quantiles: tuple[float, ...]
    shortfall_95_usd: float
    shortfall_99_usd: float
    loses: float
    lapsed: float
    emptied: float
    reserve_used: float
    public_hit: float
    unpaid: float
    error_usd: float
    tokens_ratio: float
    tokens_quantiles: tuple[float, ...]
    tokens_error: float


def fair_markup(volatility: float, hold_days: float, terms: Terms, kept: float = 1.0) -> float:
    """The markup over the model's funding at which cover sold at the money for so long earns nothing.

    ``kept`` is the part of funding and fees that reaches the seller; 1 is the buyer's break-even. It falls as
    orders are held longer: the time value given away is spread over more funding.
    """
    option = Perpetual("call", 1.0, terms.period_days)
    paid_out = european_price("call", 1.0, 1.0, hold_days / DAYS, volatility)
    steps = 400
    funding = sum(
        _expected_time_value(option, volatility, hold_days * (n + 0.5) / steps, terms) for n in range(steps)
    ) / steps * hold_days / terms.period_days  # fmt: skip
    return max(0.0, paid_out / kept - terms.opening_fee) / funding


def _expected_time_value(option: Perpetual, volatility: float, days: float, terms: Terms) -> float:
    """``E[V]`` after so long, ``V`` at the quoted volatility: on either side a power of the spot.

    Of a log-normal ``S`` with mean one, ``E[S^p; S on that side]`` is the same on both.
    """
    u = perpetual.root_u(terms.quoted_volatility, option.period_days)
    sd = volatility * sqrt(days / DAYS)
    return exp(-sd * sd / 8) * _erfcx(u * sd / sqrt(8)) / u


def _erfcx(x: float) -> float:
    """``exp(x²) erfc(x)`` of a positive ``x``, of which neither factor is a float where ``x`` is large."""
    if x < 20.0:
        return exp(x * x) * erfc(x)
    y = 1 / (2 * x * x)
    return (1 - y * (1 - 3 * y * (1 - 5 * y))) / (x * sqrt(pi))


def simulate(pair: Pair, terms: Terms, demand: Demand, holder: Holder, backing: Backing, *,
             paths: int = PATHS, steps_day: float = 4.0, seed: int = 1,
             jump: Jump | None = None) -> Outcome:  # fmt: skip
    """How it may go, in so many cases of so many steps a day."""
    import numpy as np

    from bot.strategy.carry.paths import prices
    from bot.strategy.carry.sides import Bought, Sold, Step

    steps = max(1, round(holder.days * steps_day))
    days = holder.days / steps
    held = max(1, round(demand.hold_days / days))
    token, coin = prices(pair, paths, steps, days, seed, stretch=min(held, steps), jump=jump)
    lent = holder.tokens * holder.sold_part
    sold = Sold(terms, demand, backing.behind(lent, backing.private), lent, token[0], coin[0])
    bought = Bought(terms, demand, holder, backing, token[0], coin[0])
    for n in range(1, steps + 1):
        now = Step(token[n], coin[n], token[n - 1], coin[n - 1], days, n % held == 0)
        sold.step(now)
        bought.step(now)
    sold.close(token[-1], coin[-1])
    bought.close(token[-1], coin[-1])
    more = sold.pool + bought.margin + bought.won - holder.tokens
    gain = more * token[-1]
    start = holder.tokens * pair.token_usd
    at, ratio = np.quantile(gain, LEVELS), more / holder.tokens
    # Only the pools that this holder has to do with.
    pools = [sold] * (holder.sold_part > 0) + [bought.seller] * (holder.sold_part < 1)

    def part(name: str) -> float:
        return float(np.logical_or.reduce([getattr(pool, name) for pool in pools]).mean())

    unpaid = (sold.unpaid & (holder.sold_part > 0)) | bought.unpaid
    return Outcome(
        float(gain.mean()), float(gain.mean()) / start, tuple(float(x) for x in at),
        -float(np.quantile(gain, 0.05)), -float(np.quantile(gain, 0.01)), float((gain < 0).mean()),
        float(bought.lapsed.mean()), part("emptied"), part("reserve_used"), part("public_hit"),
        float(unpaid.mean()), float(gain.std()) / sqrt(paths), float(ratio.mean()),
        tuple(float(x) for x in np.quantile(ratio, LEVELS)), float(ratio.std()) / sqrt(paths),
    )  # fmt: skip
