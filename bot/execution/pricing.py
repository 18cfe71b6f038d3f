"""What a leg would really get at a moment: executable curve, issuer's channel, or broker's quote. Pure.

Every "no" is a :class:`~bot.errors.Refusal` that names its rule. Nothing falls back on a last print.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from bot.detector.bands import is_open
from bot.errors import PoolError, Refusal
from bot.execution.sides import side_of
from bot.pools.taken import Taken, behind
from bot.strategy.hedges import QUOTE_MAX_AGE_NS
from bot.timefmt import NS, duration
from bot.types import Leg, Ns, Side, split_instrument
from bot.valuation.rates import gas_usd

if TYPE_CHECKING:
    from bot.market import InstrumentState, Market
    from bot.pools import Curve
    from bot.registry import Channel
    from bot.valuation.fair import FairValue

TOKEN_QUANTUM = Decimal("0.000000001")
PRICE_QUANTUM = Decimal("0.0000000001")
USD_QUANTUM = Decimal("0.00000001")
DAY_SECONDS = 86_400
ROUNDING = 1e-9
"""A price is no worse than a limit by this part of it: the same sums in another order differ by less."""


class Execution(Struct, frozen=True):
    """What a leg gets. ``price`` is USD per token without fees, ``all_in`` with them.

    It settles after ``delay_seconds``; 0 is at once.
    """

    quantity: Decimal
    price: Decimal
    fee_usd: Decimal
    gas_usd: Decimal
    all_in: float
    delay_seconds: float = 0.0


def exact(usd: float) -> Decimal:
    """A float of dollars as a Decimal, to eight places."""
    return Decimal(repr(usd)).quantize(USD_QUANTUM)


def quantity_of(tokens: float) -> Decimal:
    """Tokens as an exact number, rounded down to 9 decimals. Refusal ``quantity`` if there are none."""
    if not 0.0 < tokens < float("inf"):
        raise Refusal("quantity", f"{tokens!r} tokens cannot be traded")
    quantity = Decimal(repr(tokens)).quantize(TOKEN_QUANTUM, ROUND_DOWN)
    if not quantity:
        raise Refusal("quantity", f"{tokens!r} tokens are less than the smallest unit")
    return quantity


def check_limit(leg: Leg, all_in: float, slippage: float) -> None:
    """Refusal ``slippage`` if ``all_in`` is worse than the leg's limit by more than that ratio."""
    limit = leg.limit_price
    if limit is None:  # it is done at any price
        return
    buying = side_of(leg) == "buy"
    beyond = slippage + ROUNDING
    worst = limit * (1 + beyond) if buying else limit * (1 - beyond)
    if not (all_in <= worst if buying else all_in >= worst):
        raise Refusal(
            "slippage", f"{leg.action} at {all_in:.6g}, worst acceptable is {worst:.6g} USD per token"
        )


def on_curve(
    state: InstrumentState, side: Side, quantity: Decimal, gas_usd: float, taken: Taken | None
) -> Execution:
    """Trade against the instrument's curve, behind what we have ``taken`` of it already."""
    if state.halted:
        raise Refusal("venue.halted", f"{state.name} {state.halted_reason}".rstrip())
    if state.curve is None:
        raise Refusal("depth.unknown", f"{state.name} has a price but no known depth")
    tokens = float(quantity)
    try:
        left = behind(state.curve, taken)
        done = None
        if left is not None:
            done = left.buy_tokens(tokens) if side == "buy" else left.sell_tokens(tokens)
    except PoolError as error:
        raise Refusal("depth.unknown", f"{state.name}: {error}") from error
    usd = done.usd if done is not None else 0.0
    if not 0.0 < usd < float("inf"):
        raise Refusal("depth.insufficient", f"{state.name} cannot {side} {tokens:.9g} tokens")
    fee_usd = exact(_fee(usd, state, left or state.curve, side))
    cash = Decimal(repr(usd))
    gross = cash - fee_usd if side == "buy" else cash + fee_usd
    price = (gross / quantity).quantize(PRICE_QUANTUM)
    return Execution(quantity, price, fee_usd, exact(gas_usd), usd / tokens)


def _fee(usd: float, state: InstrumentState, curve: Curve, side: Side) -> float:
    """The venue's part of ``usd``, which the curve includes: of what goes in (pool), of the trade (book)."""
    ratio = curve.fee_ratio(side == "sell")
    if side == "sell":
        return usd * ratio / (1 - ratio)
    return usd * ratio / (1 + ratio) if state.venue_kind != "pool" else usd * ratio


def on_channel(leg: Leg, channel: Channel, fair: FairValue | None, quantity: Decimal) -> Execution:
    """Mint or redeem at fair value, spread and fee of the channel on top; settles later, if it says so."""
    token, place = split_instrument(leg.instrument)
    issuer = place.partition(":")[0]
    rule = f"{leg.action}."
    if not channel.available:
        raise Refusal(rule + "unavailable", f"{issuer} does not {leg.action} {token} for us")
    if fair is None:
        raise Refusal("reference.missing", f"no fair value for {token}: nothing to {leg.action} at")
    if not is_open(channel, fair.session):
        raise Refusal(rule + "closed", f"{issuer} is open {channel.hours}, and it is {fair.session}")
    sign = 1 if leg.action == "mint" else -1
    price = Decimal(repr(fair.value_usd * (1 + sign * channel.spread_ratio))).quantize(PRICE_QUANTUM)
    notional = float(price * quantity)
    if notional < channel.minimum_usd:
        raise Refusal(
            rule + "minimum", f"{notional:.2f} USD is below {issuer}'s {channel.minimum_usd:.0f} USD"
        )
    if channel.maximum_usd is not None and notional > channel.maximum_usd:
        raise Refusal(
            rule + "maximum", f"{notional:.2f} USD is above {issuer}'s {channel.maximum_usd:.0f} USD"
        )
    fee_usd = exact(notional * channel.fee_ratio)
    return Execution(
        quantity=quantity,
        price=price,
        fee_usd=fee_usd,
        gas_usd=exact(channel.gas_usd),
        all_in=float(price) * (1 + sign * channel.fee_ratio),
        delay_seconds=leg.delay_seconds or channel.settlement_days * DAY_SECONDS,
    )


def on_quote(leg: Leg, market: Market, quantity: Decimal, ts: Ns) -> Execution:
    """Hedge at a broker's own bid or ask of the listed share, which is deep against what we trade."""
    _, reference = market.references.get(leg.instrument, (None, None))
    if reference is None:
        raise Refusal("depth.unknown", f"no quote of {leg.instrument} has been seen")
    if reference.halted:
        raise Refusal("venue.halted", leg.instrument)
    if ts - reference.ts > QUOTE_MAX_AGE_NS:
        raise Refusal("hedge.stale", f"{leg.instrument} was quoted {duration((ts - reference.ts) / NS)} ago")
    quote = reference.ask if side_of(leg) == "buy" else reference.bid
    if quote is None:
        raise Refusal("depth.unknown", f"{leg.instrument} gives a price but no bid and ask")
    fee = exact(max(leg.fee_usd, 0.0))
    return Execution(quantity, Decimal(repr(quote)).quantize(PRICE_QUANTUM), fee, Decimal(0), quote)


def on_transfer(leg: Leg, quantity: Decimal) -> Execution:
    """Moving tokens: nothing is traded; ``price`` is the plan's, to value what is in transit."""
    price = Decimal(repr(leg.price)).quantize(PRICE_QUANTUM)
    return Execution(quantity, price, exact(leg.fee_usd), exact(leg.gas_usd), leg.price, leg.delay_seconds)


def gas_of(market: Market, instrument: str, planned: float, ts: Ns) -> float:
    """Gas of one transaction on the instrument's chain now, as plans reckon it; what was planned where the
    registry is silent."""
    registry = market.registry
    _, venue = split_instrument(instrument)
    known = registry.venues.get(venue.partition(":")[0])
    chain = registry.chains.get(known.chain) if known is not None else None
    pool = registry.pools.get(instrument)
    if pool is not None:
        chain = registry.chains.get(pool.chain, chain)
    return planned if chain is None else gas_usd(market, chain, ts)
