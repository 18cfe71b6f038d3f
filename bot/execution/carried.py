"""Hedges held on paper, from their opening to their end: funding, liquidation, expiry. Pure.

Funding runs all the time and is booked each hour, of a perpetual option each day. A perp that no longer
holds the margin its venue asks for loses all of it. A perpetual option whose margin is used up ends at what
exercise pays. An option in the money at its expiry is exercised or, if it was sold, assigned, and that at any
day's close at which it is offered for no more than exercise pays: who holds it would throw nothing away. The
shares delivered are the hedge from then on.
"""

from __future__ import annotations

from decimal import Decimal

from bot.execution.margin import NEVER, CoinUsd, Kind, Margin, Position, ShareUsd
from bot.execution.pricing import PRICE_QUANTUM, exact
from bot.money import ZERO, value_usd
from bot.strategy.hedge_book import HedgeBook
from bot.strategy.hedge_lines import OptionLine, PerpetualLine, PerpLine
from bot.strategy.options import occ
from bot.strategy.options.chain import MAX_AGE_NS
from bot.strategy.options.european import intrinsic
from bot.timefmt import DAY_SECONDS, NS
from bot.types import CONTRACT_SHARES, Fill, Ns, Side, split_instrument

HOUR_NS, DAY_NS = 3_600 * NS, DAY_SECONDS * NS
RETRY_NS = 60 * NS
"""While nobody says what a share is worth, an option that has expired waits."""
IN_THE_MONEY_USD = 0.01
"""The Options Clearing Corporation exercises by itself what is in the money by so much a share."""


class Carried:
    """All hedges that are held: ``held`` are their instruments, of however many plans. ``next_due`` is when
    something next happens by itself; ``watched`` are perps, which any tick may liquidate."""

    def __init__(self, book: HedgeBook, share_usd: ShareUsd, coin_usd: CoinUsd) -> None:
        self._book, self._share_usd = book, share_usd
        self._margin = Margin(share_usd, coin_usd)
        self.positions: dict[str, Position] = {}
        self.next_due: Ns = NEVER
        self.watched: frozenset[str] = frozenset()
        self.held: frozenset[str] = frozenset()

    def find(self, plan_id: str, instrument: str) -> Position | None:
        """What a plan holds of an instrument."""
        found = (one for one in self.positions.values() if one.plan_id == plan_id)
        return next((one for one in found if one.instrument == instrument), None)

    def open(self, fill: Fill, side: Side, margin_usd: float) -> list[Fill]:
        """The fill that opens a hedge, after the margin that it needs."""
        line = self._book.lines[fill.instrument]
        kind: Kind = line.kind
        position = Position(
            fill.order_id, fill.plan_id, fill.instrument, fill.underlying, kind, side,
            fill.quantity_tokens, fill.ts,
        )  # fmt: skip
        worth, need = value_usd(fill.quantity_tokens, fill.price), exact(margin_usd)
        spend = ZERO
        if isinstance(line, PerpetualLine):
            position.coin, position.due = line.coin, fill.ts + DAY_NS
            need, spend = need + worth, worth
        elif isinstance(line, OptionLine):
            close = occ.close_after(fill.ts) if side == "sell" else line.contract.expiry
            position.due = min(close, line.contract.expiry)
        else:
            position.due = (fill.ts // HOUR_NS + 1) * HOUR_NS
        fills = [*self._margin.put_in(position, need, spend, fill.ts), fill]
        if kind != "option":
            position.usd += worth if side == "sell" else -worth
        self.positions[position.id] = position
        self._look()
        return fills

    def close(self, position: Position, fill: Fill) -> list[Fill]:
        """What is still owed of funding, the fill that closes a hedge, and what comes out of its margin."""
        fills = [*self._margin.fund(position, self._book.lines.get(position.instrument), fill.ts), fill]
        if position.kind in ("perp", "perpetual"):
            worth = value_usd(fill.quantity_tokens, fill.price)
            position.usd += worth if position.side == "buy" else -worth
        return fills + self._end(position, fill.ts)

    def due(self, ts: Ns, now: Ns | None = None) -> list[Fill]:
        """Funding and expiries up to ``ts``, in order; what has to wait is looked at again after ``now``."""
        fills: list[Fill] = []
        while self.next_due <= ts:
            position = min(self.positions.values(), key=lambda one: (one.due, one.id))
            fills += self._happen(position, position.due, ts if now is None else now)
            self._look()
        return fills

    def heard(self, instrument: str, ts: Ns) -> list[Fill]:
        """Liquidations that follow from what a perp said."""
        line = self._book.lines.get(instrument)
        if not isinstance(line, PerpLine) or line.mark is None:
            return []
        fills: list[Fill] = []
        for one in [one for one in self.positions.values() if one.instrument == instrument]:
            kept = line.venue.maintenance_ratio * float(one.quantity) * line.mark
            if one.equity(line.mark) <= kept:
                fills += self._liquidate(one, ts)
        return fills

    def restore(self, positions: list[Position]) -> None:
        """Go on with these."""
        self.positions = {one.id: one for one in positions}
        self._look()

    def _look(self) -> None:
        self.next_due = min((one.due for one in self.positions.values()), default=NEVER)
        found = self.positions.values()
        self.held = frozenset(one.instrument for one in found)
        self.watched = frozenset(one.instrument for one in found if one.kind == "perp")

    def _happen(self, position: Position, at: Ns, now: Ns) -> list[Fill]:
        if position.kind == "option":
            return self._expire(position, at, now)
        line = self._book.lines.get(position.instrument)
        fills = self._margin.fund(position, line, at)
        if position.kind == "perp":
            position.due = at + HOUR_NS
            return fills
        position.due = at + DAY_NS
        used_up = position.usd <= 0 and position.coins <= 0
        share = self._share_usd(position.underlying, at)
        if not used_up or share is None or not isinstance(line, PerpetualLine):
            return fills
        price = Decimal(repr(intrinsic(line.strike_kind, share, line.strike))).quantize(PRICE_QUANTUM)
        fills.append(position.note(at, "lapse", position.instrument, position.quantity, price,
                                   "its margin is used up"))  # fmt: skip
        position.usd += value_usd(position.quantity, price)
        return fills + self._end(position, at)

    def _liquidate(self, position: Position, ts: Ns) -> list[Fill]:
        """Closed by force at the price at which nothing of the margin is left."""
        fills = self._margin.fund(position, self._book.lines.get(position.instrument), ts)
        price = abs(position.usd / position.quantity).quantize(PRICE_QUANTUM)
        short = position.side == "sell"
        action = "liquidate_short" if short else "liquidate_long"
        fills.append(position.note(ts, action, position.instrument, position.quantity, price,
                                   "the mark came to its liquidation price: its margin is lost"))  # fmt: skip
        worth = value_usd(position.quantity, price)
        position.usd += -worth if short else worth
        return fills + self._end(position, ts)

    def _expire(self, position: Position, at: Ns, now: Ns) -> list[Fill]:
        """At its expiry, or at a day's close before it if it was sold."""
        contract = occ.parse(split_instrument(position.instrument)[0])
        assert contract is not None
        share = self._share_usd(position.underlying, at)
        if share is None:
            position.due = now + RETRY_NS if at >= contract.expiry else _close_after(now, contract.expiry)
            return []
        long = position.side == "buy"
        paid = intrinsic(contract.kind, share, contract.strike)
        worth = paid >= IN_THE_MONEY_USD
        if at < contract.expiry:
            line = self._book.lines.get(position.instrument)
            asked = None
            if isinstance(line, OptionLine) and not line.crossed and at - line.ts <= MAX_AGE_NS:
                asked = line.ask
            if not worth or asked is None or asked > paid:
                position.due = _close_after(at, contract.expiry)
                return []
        action, price = ("expire_long" if long else "expire_short"), ZERO
        if worth:
            action, price = (
                ("exercise" if long else "assign"),
                Decimal(repr(contract.strike)) * CONTRACT_SHARES,
            )
        fills = [position.note(at, action, position.instrument, position.quantity, price,
                               f"the share at ${share:,.2f}")]  # fmt: skip
        fills += self._end(position, at)
        if worth:
            sells = (contract.kind == "put") == long
            delivered = Position(
                position.id, position.plan_id, position.instrument, position.underlying, "shares",
                "sell" if sells else "buy", position.quantity * CONTRACT_SHARES, at, booked=position.booked,
            )  # fmt: skip
            self.positions[position.id] = delivered
            self._look()
        return fills

    def _end(self, position: Position, ts: Ns) -> list[Fill]:
        del self.positions[position.id]
        self._look()
        return self._margin.take_out(position, ts)


def _close_after(ts: Ns, expiry: Ns) -> Ns:
    """When an option that was sold may next be assigned."""
    return min(occ.close_after(ts), expiry)
