"""What a hedge on an option, a perp or a perpetual option would really get. Pure.

It fills at the far side of its quote, as far as its size goes, with the venue's fee; every "no" is a
:class:`~bot.errors.Refusal` that names its rule.

Prices are USD a contract: an option's quote times its shares.
"""

from __future__ import annotations

from decimal import Decimal

from bot.errors import Refusal
from bot.execution.pricing import PRICE_QUANTUM, Execution, exact
from bot.execution.sides import side_of
from bot.pools.taken import Taken
from bot.strategy.hedge_lines import Line, OptionLine, PerpetualLine, PerpLine
from bot.strategy.options.chain import MAX_AGE_NS
from bot.strategy.options.european import intrinsic
from bot.timefmt import NS, duration
from bot.types import Leg, Ns


def on_hedge(line: Line | None, leg: Leg, quantity: Decimal, share: float | None, coin_usd: float | None,
             ts: Ns, taken: Taken | None) -> Execution:  # fmt: skip
    """Open or close a hedge at the far side of its quote, behind what we have taken of it."""
    if line is None:
        raise Refusal("depth.unknown", f"no quote of {leg.instrument} has been seen")
    if line.halted:
        raise Refusal("venue.halted", f"{line.instrument} {line.halted}")
    if line.crossed:
        raise Refusal("hedge.crossed", f"{line.instrument}: its last quote had the bid above the ask")
    standing = isinstance(line, PerpetualLine) and line.standing
    if not standing and ts - line.ts > MAX_AGE_NS:
        raise Refusal("hedge.stale", f"{line.instrument} was quoted {duration((ts - line.ts) / NS)} ago")
    side = side_of(leg)
    assert side is not None
    number = float(quantity)
    if isinstance(line, PerpetualLine):
        if leg.action == "hedge" and coin_usd is None and line.coin != "USD":
            raise Refusal("margin.coin", f"nothing says what {line.coin} is worth, which is its margin")
        return _on_perpetual(line, leg, quantity, share)
    assert isinstance(line, OptionLine | PerpLine)
    quote, size = (line.ask, line.ask_size) if side == "buy" else (line.bid, line.bid_size)
    if quote is None:
        raise Refusal("depth.unknown", f"{line.instrument} has no {'ask' if side == 'buy' else 'bid'}")
    gone = 0.0
    if taken is not None and taken.ts == line.ts:
        gone = taken.bought if side == "buy" else taken.sold
    if number > size - gone + 1e-9:
        raise Refusal(
            "depth.insufficient", f"{line.instrument} has {size - gone:,.6g} at {quote:,.6g}, not {number:g}"
        )
    if isinstance(line, OptionLine):
        each, fee = quote * line.contract.shares, line.venue.commission_usd * number
    else:
        each, fee = quote, line.taker * quote * number
    return _executed(quantity, each, fee)


def _on_perpetual(line: PerpetualLine, leg: Leg, quantity: Decimal, share: float | None) -> Execution:
    """At what exercise pays, both ways: what it is worth beyond that is paid for by funding."""
    if share is None:
        raise Refusal("reference.missing", f"nothing says what {line.underlying} is worth")
    number = float(quantity)
    if leg.action == "hedge" and number > line.units + 1e-9:
        raise Refusal("depth.insufficient", f"{line.instrument} has {line.units:,.6g} units, not {number:g}")
    return _executed(
        quantity, intrinsic(line.strike_kind, share, line.strike), line.fee_ratio * share * number
    )


def _executed(quantity: Decimal, each: float, fee: float) -> Execution:
    return Execution(quantity, Decimal(repr(each)).quantize(PRICE_QUANTUM), exact(fee), Decimal(0), each)
