"""What can be done with a token beside waiting, each way put through the same moves. Pure; needs numpy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import sqrt
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from bot.registry.working import Incentive
from bot.strategy.carry.cover import LEVELS, PATHS, Outcome, simulate
from bot.strategy.carry.mirror import Incentives, gains
from bot.strategy.carry.model import Backing, Demand, Holder, Jump, Pair, Terms
from bot.strategy.options import Perpetual, perpetual
from bot.strategy.options.european import DAYS

MARGIN_LASTS = 1.5
"""Options are bought on as many coins as the margin can fund for so many times the wait."""
STRESS_LOCK, STRESS_UTILISATION, STRESS_SIGMAS = 0.05, 0.9, -6.0
"""A thinly locked pool that is lent nearly whole, and a fall of the coin half-way, in daily deviations."""
STEPS_DAY, MOST_STEPS = 4.0, 480
"""Steps of the simulation: fewer a day where there would be more of them in all."""
DOLLARS = 10_000.0
"""Put into an incentivised pool where no price of the token is known."""

USES: dict[str, tuple[float, str]] = {
    "sell cover": (1.0, "call"),
    "margin for calls": (0.0, "call"),
    "margin for puts": (0.0, "put"),
    "half and half": (0.5, "call"),
}
"""By name: the part that sells cover, and the kind of what is bought with the rest."""

Tell = Callable[[int, int], None]
"""So many ways are done, of so many."""


class Way(Struct, frozen=True):
    """One thing to do. Gains are ratios of the tokens put to work, against keeping them; chances are parts of
    the cases, ``None`` where there is no such thing: margin used up, private pool empty, reserve drawn on,
    public pool drawn on, somebody not paid whole."""

    name: str
    stressed: bool
    expected: float
    year: float | None
    error: float
    low_5: float
    low_1: float
    loses: float
    margin_gone: float | None = None
    pool_empty: float | None = None
    reserve_used: float | None = None
    public_hit: float | None = None
    unpaid: float | None = None
    expected_usd: float | None = None


class Case(NamedTuple):
    """What all ways of one token and coin go by."""

    pair: Pair
    terms: Terms
    demand: Demand
    backing: Backing


def ways(case: Case, tokens: float, days: float, seed: int, *, stress: bool = False,
         incentives: Sequence[Incentive] = (), price_usd: float | None = None,
         tell: Tell | None = None) -> list[Way]:  # fmt: skip
    """Waiting first, then what :data:`USES` names, calm and, with ``stress``, stressed, then liquidity."""
    found = [Way("wait", False, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)]
    rounds = len(USES) * (1 + stress) + len(incentives)

    def note(way: Way) -> None:
        found.append(way)
        if tell is not None:
            tell(len(found) - 1, rounds)

    for name, holder, stressed in _held(case, tokens, days, stress):
        of, jump = stressed_case(case, days) if stressed else (case, None)
        outcome = simulate(
            of.pair, of.terms, of.demand, holder, of.backing, seed=seed, jump=jump,
            steps_day=min(STEPS_DAY, MOST_STEPS / days),
        )  # fmt: skip
        note(_way(name, stressed, outcome, holder, price_usd))
    for one in incentives:
        note(_liquidity(one, case, tokens, days, seed, price_usd))
    return found


def lasts_days(case: Case, margin: float) -> float:
    """Days that the margin must last, at least, for the order to have room in the pool it is dealt to."""
    terms, room = case.terms, case.backing.counterparty * (1 - case.demand.utilisation)
    if room <= 0:
        return 1e9
    value = perpetual.price(Perpetual("call", 1.0, terms.period_days), 1.0, terms.quoted_volatility)
    day = terms.markup * value / terms.period_days
    return max(0.0, (margin * terms.lock_ratio / room - terms.opening_fee) / day)


def stressed_case(case: Case, days: float) -> tuple[Case, Jump]:
    """The same with thinly locked pools, lent nearly whole, and a fall of the coin half-way."""
    terms = replace(case.terms, lock_ratio=min(case.terms.lock_ratio, STRESS_LOCK))
    demand = replace(case.demand, utilisation=max(case.demand.utilisation, STRESS_UTILISATION))
    return Case(case.pair, terms, demand, case.backing), Jump(days / 2, STRESS_SIGMAS)


def year(ratio: float, days: float) -> float | None:
    """The same again and again for a year; ``None`` beyond all numbers."""
    try:
        return float((1 + max(-1.0, ratio)) ** (DAYS / days) - 1)
    except OverflowError:
        return None


def _held(case: Case, tokens: float, days: float, stress: bool) -> Iterator[tuple[str, Holder, bool]]:
    for stressed in (False, True) if stress else (False,):
        for name, (sold, kind) in USES.items():
            lasts = max(MARGIN_LASTS * days, lasts_days(case, tokens * (1 - sold)))
            yield name, Holder(tokens, days, sold, kind, lasts), stressed


def _way(name: str, stressed: bool, found: Outcome, holder: Holder, price_usd: float | None) -> Way:
    low_1, low_5 = (found.tokens_quantiles[LEVELS.index(level)] for level in (0.01, 0.05))
    mean = found.tokens_ratio
    return Way(
        name, stressed, mean, None if stressed else year(mean, holder.days), found.tokens_error, low_5, low_1,
        found.loses, found.lapsed if holder.sold_part < 1 else None, found.emptied, found.reserve_used,
        found.public_hit, found.unpaid, None if price_usd is None else mean * holder.tokens * price_usd,
    )  # fmt: skip


def _liquidity(one: Incentive, case: Case, tokens: float, days: float, seed: int,
               price_usd: float | None) -> Way:  # fmt: skip
    """Liquidity given to an incentivised pool: the tokens and as many dollars, against keeping both."""
    import numpy as np

    from bot.strategy.carry.paths import prices

    pool = Incentives(
        one.pool_usd, one.volume_day_usd, one.fee_ratio, case.pair.token_volatility, one.rewards_day,
        one.emission_day, one.reward_usd, one.reward_supply, one.sell_ratio,
    )  # fmt: skip
    steps = max(1, round(days))
    stretch = min(steps, max(1, round(case.demand.hold_days)))
    token, _ = prices(case.pair, PATHS, steps, days / steps, seed, stretch=stretch)
    deposit = DOLLARS if price_usd is None else 2 * tokens * price_usd
    gain = gains(pool, deposit, days, token[-1] / token[0])
    low_1, low_5 = np.quantile(gain, (0.01, 0.05))
    mean = float(gain.mean())
    return Way(
        f"liquidity in {one.instrument}", False, mean, year(mean, days), float(gain.std()) / sqrt(PATHS),
        float(low_5), float(low_1), float((gain < 0).mean()),
        expected_usd=None if price_usd is None else mean * deposit,
    )  # fmt: skip
