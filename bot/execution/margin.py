"""One hedge that is held, and the margin it lives off: what goes in, what funding takes, what comes out.

``usd`` is what is in its venue's margin account of one position, the proceeds or cost of its opening
included, so that closing it and taking out what is left brings margin, result and funding home, to the cent.
Margin in a coin is sold, as far as it goes, whenever dollars are due. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from bot.execution.pricing import PRICE_QUANTUM, exact
from bot.money import ZERO, value_usd
from bot.strategy.hedge_lines import Line, PerpetualLine, PerpLine
from bot.strategy.options import perpetual
from bot.timefmt import DAY_SECONDS, NS, duration
from bot.types import Fill, Ns, Side, split_instrument

ONE = Decimal(1)
SILENT_NS = DAY_SECONDS * NS
"""What a perp that has said nothing for so long pays is not known: it is booked once that says something."""
NEVER: Ns = 2**63 - 1

Kind = Literal["option", "perp", "perpetual", "shares"]
ShareUsd = Callable[[str, Ns], float | None]
"""USD a share of an underlying."""
CoinUsd = Callable[[str, Ns], float | None]
"""USD a coin."""


class Position(Struct):
    """One hedge of one plan. ``quantity`` is contracts or, once shares were delivered, shares; ``accrued`` is
    until when funding was booked, ``due`` when something next happens by itself."""

    id: str
    plan_id: str
    instrument: str
    underlying: str
    kind: Kind
    side: Side
    quantity: Decimal
    accrued: Ns
    due: Ns = NEVER
    usd: Decimal = ZERO
    coin: str = "USD"
    coins: Decimal = ZERO
    coin_usd: Decimal = ZERO
    booked: int = 0

    @property
    def venue(self) -> str:
        """Where it is."""
        return split_instrument(self.instrument)[1]

    def note(self, ts: Ns, action: str, instrument: str, quantity: Decimal, price: Decimal,
             reason: str = "") -> Fill:  # fmt: skip
        """Something that no leg asked for; its order is numbered within the hedge's."""
        self.booked += 1
        order = f"{self.id}-H{self.booked}"
        return Fill(f"{order}-F", order, self.plan_id, ts, action, instrument, self.underlying, quantity,
                    price, ZERO, ZERO, ts, "filled", reason)  # fmt: skip

    def equity(self, mark: float) -> float:
        """What would be left of its margin if it were closed at ``mark``, USD."""
        worth = float(self.quantity) * mark
        return float(self.usd) + (worth if self.side == "buy" else -worth)


class Margin:
    """The arithmetic of margin accounts; nothing is remembered here but in positions."""

    def __init__(self, share_usd: ShareUsd, coin_usd: CoinUsd) -> None:
        self._share_usd, self._coin_usd = share_usd, coin_usd

    def put_in(self, position: Position, need: Decimal, spend: Decimal, ts: Ns) -> list[Fill]:
        """Margin, in dollars or so many of the coin, of which ``spend`` is turned into dollars at once."""
        if need <= 0:
            return []
        if position.coin == "USD":
            position.usd += need
            return [position.note(ts, "margin_in", f"USD@{position.venue}", need, ONE)]
        coin = self._coin(position, ts)
        position.coins = (need / coin).quantize(PRICE_QUANTUM)
        fill = position.note(ts, "margin_in", f"{position.coin}@{position.venue}", position.coins, coin)
        return [fill, *self._sell(position, ts, spend)]

    def fund(self, position: Position, line: Line | None, ts: Ns) -> list[Fill]:
        """Funding since it was last booked; a perpetual option pays no more than its margin holds.

        What is owed adds up while nothing says what a perpetual option's share is worth, or a perp is silent.
        """
        seconds = (ts - position.accrued) / NS
        if seconds <= 0:
            return []
        if isinstance(line, PerpLine):
            if ts - line.ts > SILENT_NS:
                return []
            sign = -1 if position.side == "buy" else 1
            rate = line.rate_hour()
            worth = float(position.quantity) * (line.index or line.mark or 0.0)
            received = exact(sign * worth * rate * seconds / 3600)
            fills, reason = [], f"{rate * 1e4:.4g} bp an hour over {duration(seconds)}"
        elif isinstance(line, PerpetualLine):
            share = self._share_usd(position.underlying, ts)
            if share is None:
                return []
            each = line.markup * perpetual.funding_usd(line.option, share, line.volatility, seconds)
            owed = exact(float(position.quantity) * each)
            fills = self._sell(position, ts, owed)
            received = -min(owed, max(position.usd, ZERO))
            reason = f"over {duration(seconds)} with the share at ${share:,.2f}"
        else:
            return []
        position.accrued = ts
        if received:
            position.usd += received
            action = "funding_received" if received > 0 else "funding_paid"
            name = f"USD@{position.venue}"
            fills.append(position.note(ts, action, name, abs(received), ONE, reason))
        return fills

    def take_out(self, position: Position, ts: Ns) -> list[Fill]:
        """All that is left goes home, in the coin if it is in one; what is owed is paid in."""
        fills: list[Fill] = []
        if position.coin != "USD":
            coin, name = self._coin(position, ts), f"{position.coin}@{position.venue}"
            if position.usd > 0 and (bought := (position.usd / coin).quantize(PRICE_QUANTUM)) > 0:
                fills.append(position.note(ts, "coin_buy", name, bought, coin))
                position.coins += bought
                position.usd -= value_usd(bought, coin)
            if position.coins > 0:
                fills.append(position.note(ts, "margin_out", name, position.coins, coin))
        if position.usd:
            action = "margin_out" if position.usd > 0 else "margin_in"
            fills.append(position.note(ts, action, f"USD@{position.venue}", abs(position.usd), ONE))
        return fills

    def _sell(self, position: Position, ts: Ns, need: Decimal) -> list[Fill]:
        """Coins for dollars until ``need`` can be paid, as far as they go."""
        missing = need - position.usd
        if position.coins <= 0 or missing <= 0:
            return []
        coin = self._coin(position, ts)
        sold = min(position.coins, (missing / coin).quantize(PRICE_QUANTUM))
        position.coins -= sold
        position.usd += value_usd(sold, coin)
        return [position.note(ts, "coin_sell", f"{position.coin}@{position.venue}", sold, coin)]

    def _coin(self, position: Position, ts: Ns) -> Decimal:
        """USD a coin, as last known; one was when the hedge was opened."""
        usd = self._coin_usd(position.coin, ts)
        if usd is not None:
            position.coin_usd = Decimal(repr(usd)).quantize(PRICE_QUANTUM)
        return position.coin_usd
