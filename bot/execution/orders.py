"""One plan on its way: which legs are done, what is in transit, what comes next. Pure.

::

    sending ──leg filled──► sending ──all sent──► settling ──► done
       │  │                    │  ▲
       │  │     next leg needs │  │ it settled
       │  │   what is in transit▼  │
       │  │                   waiting
       │  ├─first leg refused──► refused          nothing was done
       │  └─a hedge's market has gone──► stranded  all else is done; the hedge stays open
       ├─later leg refused──► sending             what was minted goes the plan's other way, once
       └─later leg refused──► unwinding ──► unwound    what filled was reversed
                                      └───► stranded   it could not be: the position stays open

Ids come from the plan: the same plan handed over twice, also after a restart, is the same orders.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from bot.errors import LedgerError
from bot.types import Leg, Plan, split_instrument

State = Literal["sending", "waiting", "settling", "done", "refused", "unwinding", "unwound", "stranded"]

NEXT: dict[State, frozenset[State]] = {
    "sending": frozenset({"waiting", "settling", "done", "refused", "unwinding", "stranded"}),
    "waiting": frozenset({"sending"}),
    "settling": frozenset({"done", "stranded"}),
    "unwinding": frozenset({"unwound", "stranded"}),
    "done": frozenset(),
    "refused": frozenset(),
    "unwound": frozenset(),
    "stranded": frozenset(),
}
FINAL = frozenset(state for state, following in NEXT.items() if not following)

REVERSE: dict[str, Literal["buy", "sell", "unhedge"]] = {
    "buy": "sell",
    "sell": "buy",
    "hedge": "unhedge",
}
"""What undoes an action on a market; mint, redeem and transfer cannot be called back, and a hedge that was
closed is not opened again."""

IN_TRANSIT = frozenset({"mint", "redeem", "transfer"})
_USES_TOKENS = frozenset({"sell", "redeem", "transfer", "unhedge"})


class Filled(Struct, frozen=True):
    """A leg that was carried out; ``quantity`` as the exact text of a Decimal."""

    leg: int
    quantity: str


class PlanRun(Struct):
    """The state of one plan; changed only through :meth:`move`."""

    plan: Plan
    state: State = "sending"
    next_leg: int = 0
    filled: list[Filled] = []
    in_transit: list[str] = []
    turned: bool = False
    """It goes on with what the plan says to do ``otherwise``."""
    left_open: bool = False
    """A hedge could not be closed: its market has gone."""

    def move(self, state: State) -> None:
        """Change state; a step the diagram does not have is a bug and stops the daemon."""
        if state not in NEXT[self.state]:
            raise LedgerError(f"plan {self.plan.id} cannot go from {self.state} to {state}")
        self.state = state

    @property
    def end(self) -> State:
        """What it comes to once nothing is left to send or to settle."""
        return "stranded" if self.left_open else "done"

    @property
    def legs(self) -> list[Leg]:
        """All that may be sent, by the numbers of its orders."""
        return self.plan.legs + self.plan.otherwise

    @property
    def leg(self) -> Leg | None:
        """The leg to send next."""
        legs = self.legs if self.turned else self.plan.legs
        return legs[self.next_leg] if self.next_leg < len(legs) else None

    @property
    def nothing_to_undo(self) -> bool:
        """Whether the next leg of the other way takes back what was never done."""
        leg, legs = self.leg, self.legs
        if leg is None or not self.turned:
            return False
        done = {(legs[filled.leg].action, legs[filled.leg].instrument) for filled in self.filled}
        if leg.action == "transfer":
            left = any(action == "transfer" for action, _ in done)
            return self.next_leg == len(self.plan.legs) and not left
        return leg.action == "unhedge" and ("hedge", leg.instrument) not in done

    def turn(self) -> bool:
        """After a refusal: whether there is another way for what was minted and is still there. Once."""
        done = {
            self.plan.legs[filled.leg].action for filled in self.filled if filled.leg < len(self.plan.legs)
        }
        if self.turned or "mint" not in done or done & {"sell", "redeem"} or not self.plan.otherwise:
            return False
        self.turned, self.next_leg = True, len(self.plan.legs)
        return True

    def held_at(self, number: int) -> str:
        """Where the tokens of a leg are before it: where the last leg with them was, or its own place."""
        instrument = self.legs[number].instrument
        token, _ = split_instrument(instrument)
        before = (leg.instrument for leg in reversed(self.legs[:number]))
        return next((name for name in before if split_instrument(name)[0] == token), instrument)

    def must_wait(self) -> bool:
        """Whether the next leg uses tokens of this plan that have not arrived."""
        leg = self.leg
        if leg is None or leg.action not in _USES_TOKENS or not self.in_transit:
            return False
        legs = self.legs
        arriving = [legs[f.leg] for f in self.filled if order_id(self.plan.id, f.leg) in self.in_transit]
        if leg.action == "unhedge" and not self.turned:
            return bool(arriving)
        # A redemption is priced when it is accepted: what was turned to waits for no cash.
        arriving = [each for each in arriving if each.action != "redeem"]
        if leg.action == "unhedge":
            return bool(arriving)
        token, _ = split_instrument(leg.instrument)
        return any(split_instrument(each.instrument)[0] == token for each in arriving)


def order_id(plan_id: str, leg: int) -> str:
    """Id of the order of a leg."""
    return f"{plan_id}-L{leg}"


def unwind_id(plan_id: str, leg: int) -> str:
    """Id of the order that undoes a leg."""
    return f"{plan_id}-U{leg}"
