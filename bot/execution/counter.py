"""What an order gets: of pool or book, issuer, or a broker's quote; and what was taken of depth. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from bot.detector.bands import gap_until
from bot.errors import Refusal
from bot.execution.pricing import (
    Execution,
    gas_of,
    on_channel,
    on_curve,
    on_quote,
    on_transfer,
    quantity_of,
)
from bot.pools.taken import Spent
from bot.registry import Registry
from bot.registry.issuer import CONVERT
from bot.strategy.mechanisms import Action, conversion_halted, mechanism_of
from bot.types import Leg, Ns, Order, Plan, Side, split_instrument

if TYPE_CHECKING:
    from bot.market import Market
    from bot.valuation.fair import FairValue

SIDES: dict[str, Side] = {"buy": "buy", "sell": "sell", "hedge": "sell", "unhedge": "buy"}


class Counter:
    """``spent`` is what we have had of each instrument's depth."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.spent = Spent()

    def price(self, leg: Leg, plan: Plan, market: Market, ts: Ns) -> Execution:
        """What a leg would get now. Raises :class:`Refusal`."""
        quantity = quantity_of(leg.quantity_tokens)
        name = leg.instrument
        match leg.action:
            case "transfer":
                return on_transfer(leg, quantity)
            case "mint" | "redeem":
                return self._issued(leg, leg.action, plan, market, ts, quantity)
            case "hedge" | "unhedge" if market.instrument(name) is None:
                return on_quote(leg, market, quantity, ts)
        state = market.instrument(name)
        if state is None:
            raise Refusal("depth.unknown", f"{name} has not been seen")
        gas = gas_of(market, name, leg.gas_usd, ts)
        side = SIDES[leg.action]
        gone = self.spent.gone(name, plan.incident_id, state.ts, side)
        return on_curve(state, side, quantity, gas, gone)

    def _issued(self, leg: Leg, action: Action, plan: Plan, market: Market, ts: Ns,
                quantity: Decimal) -> Execution:  # fmt: skip
        """Minted or redeemed by the issuer or, at ``TOKEN@EXCHANGE:convert``, by an exchange."""
        symbol, place = split_instrument(leg.instrument)
        token = self._registry.tokens.get(symbol)
        issuer = self._registry.issuers.get(token.issuer) if token is not None else None
        if token is None or issuer is None:
            raise Refusal(f"{action}.unknown", f"the registry has no issuer of {symbol}")
        conversion = self._registry.conversion_at(leg.instrument)
        if conversion is None and place.endswith(f":{CONVERT}"):
            raise Refusal(f"{action}.unknown", f"the registry has no conversion of {symbol} at {place}")
        told = market.token_state(token)
        if told.channel_halted:
            why = f"{issuer.title} has halted {symbol}: {told.channel_reason}".rstrip(": ")
            raise Refusal(f"{action}.halted", why)
        halted = conversion_halted(symbol, conversion, market) if conversion is not None else None
        if conversion is not None and halted is not None:
            raise Refusal(
                f"{action}.halted", f"{conversion.title} has halted {symbol}: {halted}".rstrip(": ")
            )
        if (share := market.share_halted(token.underlying)) is not None:
            raise Refusal(f"{action}.halted", share)
        fair = _fair(symbol, plan, market, ts)
        if fair is None:
            raise Refusal("reference.missing", f"no fair value of {symbol}: nothing to {action} at")
        channel = mechanism_of(issuer).used(action, fair.session, ts)
        title = issuer.title
        if conversion is not None:
            channel, title = conversion.mint if action == "mint" else conversion.redeem, conversion.title
        if channel.gaps and gap_until(channel, ts)[0]:
            raise Refusal(f"{action}.closed", f"{title} takes no orders for some minutes")
        return on_channel(leg, channel, fair, quantity)

    def take(self, order: Order, plan: Plan, done: Execution, market: Market) -> None:
        """Note what an order took of a market's depth."""
        state = market.instrument(order.instrument) if order.action in SIDES else None
        if state is not None:
            side, pool = SIDES[order.action], state.venue_kind == "pool"
            self.spent.take(state.name, plan.incident_id, state.ts, side, float(done.quantity), pool)


def _fair(symbol: str, plan: Plan, market: Market, ts: Ns) -> FairValue | None:
    """Fair value of a token as seen from the plan's instrument, or from the first other one of it."""
    names = [state.name for state in market.instruments_of(plan.underlying) if state.token.symbol == symbol]
    if plan.instrument in names:
        names.insert(0, plan.instrument)
    for name in names:
        if (fair := market.fair(name, ts)) is not None:
            return fair
    return None
