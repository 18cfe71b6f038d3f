"""Why a price is out: naive Bayes over the facts that were found.

Each cause has a prior, and each fact multiplies the odds of the causes it speaks for or against; what is not
listed leaves them as they are. The figures are logs of odds, set by judgement and then fitted on the training
seeds of the labelled simulation (``docs/detection.md``); the largest posterior is the cause told.
"""

from __future__ import annotations

from math import exp

from bot.types import Cause

PRIOR: dict[Cause, float] = {
    "unknown": -1.0,
    "thin_liquidity": 0.7,
    "broad_premium": 0.0,
    "stale_venue": -1.5,
    "stale_reference": -2.0,
    "multiplier_mismatch": -2.5,
    "corporate_action": -3.0,
    "trading_halt": -3.5,
    "stablecoin_depeg": -3.0,
    "issuer_halt": -3.5,
    "under_backed": -3.5,
    "oracle_fault": -2.5,
    "closed_market_drift": -3.0,
}
SPEAKS: dict[str, dict[Cause, float]] = {
    "others_inside": {
        "thin_liquidity": 0.7, "broad_premium": -3.0, "stale_reference": -4.0, "oracle_fault": -4.0,
        "corporate_action": -2.0, "trading_halt": -1.5, "closed_market_drift": -4.0,
    },
    "all_along": {
        "thin_liquidity": -5.0, "broad_premium": 1.8, "stale_venue": -5.0, "closed_market_drift": 1.0,
        "stale_reference": 0.5, "oracle_fault": 0.5, "multiplier_mismatch": -4.5,
    },
    "some_along": {"thin_liquidity": -2.0, "broad_premium": 0.7, "stale_venue": -1.5},
    "no_others": {"broad_premium": 0.3, "thin_liquidity": 0.0},
    "one_issuer": {"issuer_halt": 1.0, "under_backed": 1.0, "multiplier_mismatch": 1.0},
    "one_coin": {"stablecoin_depeg": 2.5, "broad_premium": -1.0},
    "sudden": {"thin_liquidity": 1.4, "stale_venue": -3.0, "stale_reference": -1.5, "broad_premium": 0.0},
    "fair_moved": {
        "stale_venue": 2.0, "oracle_fault": 2.0, "corporate_action": 1.0, "thin_liquidity": -2.5,
        "broad_premium": -2.0,
    },
    "thin": {"thin_liquidity": 1.6},
    "deep": {"thin_liquidity": -0.3},
    "collapsed": {"thin_liquidity": 2.5},
    "unmoved": {"stale_venue": 4.5, "thin_liquidity": -1.5, "broad_premium": -2.0},
    "left_behind": {"stale_venue": 6.0},
    "woke": {"stale_venue": 1.0, "thin_liquidity": 0.3},
    "halted": {"trading_halt": 4.0},
    "frozen": {"stale_reference": 5.5, "oracle_fault": 1.0},
    "one_frozen": {"oracle_fault": 0.7},
    "share_halted": {"trading_halt": 6.5},
    "references_differ": {"oracle_fault": 5.0},
    "issuer_halted": {"issuer_halt": 7.0},
    "short_backed": {"under_backed": 7.5},
    "coin_off": {"stablecoin_depeg": 7.0},
    "coin_group": {"stablecoin_depeg": 8.0},
    "split_step": {"corporate_action": 10.0},
    "is_multiplier": {"multiplier_mismatch": 5.0},
    "surely_multiplier": {"multiplier_mismatch": 12.0},
    "near_multiplier": {"multiplier_mismatch": 3.5},
    "is_split": {"multiplier_mismatch": 3.5, "corporate_action": 2.0},
    "units_changed": {"corporate_action": 2.5, "multiplier_mismatch": 1.0},
    "closed": {"closed_market_drift": 0.7, "stale_reference": -3.0, "oracle_fault": -1.0},
}  # fmt: skip


STAYS = frozenset(
    {
        "all_along", "coin_group", "coin_off", "collapsed", "frozen", "is_multiplier", "issuer_halted",
        "references_differ", "share_halted", "short_backed", "split_step", "sudden",
        "surely_multiplier", "units_changed", "unmoved", "woke",
    }
)  # fmt: skip
"""Facts that stay true of an incident once they were seen: what it began with is why."""

BEGINS = frozenset({"near_multiplier", "is_split", "left_behind"})
"""Facts that count only where an incident begins with them: a basis that passes by such a number proves
nothing, and a dead pool that joins the others' incident is not why they are out."""


def posterior(names: frozenset[str]) -> dict[Cause, float]:
    """Probability of each cause, given the facts."""
    total = dict(PRIOR)
    # In the order of the table, so that sums are the same wherever they are made.
    for name, weights in SPEAKS.items():
        if name in names:
            for cause, weight in weights.items():
                total[cause] += weight
    odds = {cause: exp(value) for cause, value in total.items()}
    whole = sum(odds.values())
    return {cause: value / whole for cause, value in odds.items()}


def diagnose(names: frozenset[str]) -> tuple[Cause, float]:
    """The likeliest cause of a price that is out, given the facts, and its probability."""
    probabilities = posterior(names)
    cause = max(probabilities, key=lambda name: probabilities[name])
    return cause, probabilities[cause]
