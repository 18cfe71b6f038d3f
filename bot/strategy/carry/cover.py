"""Letting a stock token work while it waits: selling cover on BTC or ETH, buying it with the token as margin,
or both. Simulated over joint moves of token and coin; the same seed gives the same answer. Pure; needs numpy.

*Sold*: the tokens are a private pool. Buyers' orders, at the money, take a part of it, are held for some
days, pay funding, and are renewed. *Bought*: the tokens pay the funding of perpetual options until the wait
is over or nothing is left. Moves are Student's t with four degrees of freedom, one scale for both in each
step, without drift.

A buyer who pays no premium and only the funding of the everlasting option gains ``V(S₀) − E[V(S)]`` on
average, ``V`` being the time value there and then (Itô and Tanaka on ``V``): whoever sells cover at the money
without a markup or a fee on opening loses it. :func:`fair_markup` is the one at which nobody does.
"""

from __future__ import annotations

from math import exp, sqrt

from msgspec import Struct

from bot.strategy.carry.model import Backing, Demand, Holder, Pair, Terms
from bot.strategy.options import Perpetual, perpetual
from bot.strategy.options.european import DAYS, cdf
from bot.strategy.options.european import price as european_price

LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class Outcome(Struct, frozen=True):
    """Gain against keeping the tokens, in USD at the end; ``quantiles`` by :data:`LEVELS`; ``error_usd`` is
    the standard error of the mean. Parts of the cases: ``lapsed`` the margin ran out, ``emptied`` the pool
    did, ``unpaid`` a winner was not paid whole."""

    expected_usd: float
    expected_ratio: float
    quantiles: tuple[float, ...]
    shortfall_95_usd: float
    shortfall_99_usd: float
    loses: float
    lapsed: float
    emptied: float
    unpaid: float
    error_usd: float


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
    """``E[V]`` after so long, ``V`` at the quoted volatility: on either side a power of the spot."""
    u = perpetual.root_u(terms.quoted_volatility, option.period_days)
    sd = volatility * sqrt(days / DAYS)
    total = 0.0
    for power, side in (((1 - u) / 2, 1), ((1 + u) / 2, -1)):
        # E[S^p; S on that side] of a log-normal S with mean one
        moment = power * (power - 1) * sd * sd / 2
        total += exp(moment) * cdf(side * (power * sd - sd / 2))
    return total / u


def simulate(pair: Pair, terms: Terms, demand: Demand, holder: Holder, backing: Backing, *,
             paths: int = 4_000, steps_day: int = 4, seed: int = 1) -> Outcome:  # fmt: skip
    """How it may go, in so many cases of so many steps a day."""
    import numpy as np

    from bot.strategy.carry.sides import Bought, Sold, prices

    steps = max(1, round(holder.days * steps_day))
    days = holder.days / steps
    token, coin = prices(pair, paths, steps, days, seed)
    sold = Sold(terms, demand, backing, holder.tokens * holder.sold_part, token[0], coin[0])
    bought = Bought(terms, holder, backing, token[0], coin[0])
    renewed = max(1, round(demand.hold_days / days))
    for n in range(1, steps + 1):
        sold.step(token[n], coin[n], coin[n - 1], token[n - 1], days, renew=n % renewed == 0)
        bought.step(token[n], coin[n], coin[n - 1], token[n - 1], days)
    sold.close(token[-1], coin[-1])
    bought.close(token[-1], coin[-1])
    gain = (sold.pool + bought.margin + bought.won - holder.tokens) * token[-1]
    start = holder.tokens * pair.token_usd
    at = np.quantile(gain, LEVELS)
    return Outcome(
        float(gain.mean()), float(gain.mean()) / start, tuple(float(x) for x in at),
        -float(np.quantile(gain, 0.05)), -float(np.quantile(gain, 0.01)), float((gain < 0).mean()),
        float(bought.lapsed.mean()), float(sold.emptied.mean()),
        float((sold.unpaid | bought.unpaid).mean()), float(gain.std()) / sqrt(paths),
    )  # fmt: skip
