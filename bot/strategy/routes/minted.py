"""What tokens bring that are minted first and sold after a wait, in each of its outcomes.

Sold as planned; the premium gone, and redeemed; bare, because the hedge was refused; late; or partly lost.
"""

from __future__ import annotations

from bot.strategy.routes.carry import Carrier
from bot.strategy.routes.common import Case, View
from bot.strategy.routes.minting import Minting
from bot.strategy.sizing import IMPOSSIBLE


class Minted:
    """What so many tokens, minted on these ``terms`` and sold after the wait, bring in each outcome."""

    def __init__(self, view: View, case: Case, terms: Minting, carrier: Carrier | None) -> None:
        self.case, self.terms, self.carrier = case, terms, carrier
        self.unhedged = carrier.fails(view) if carrier is not None else 0.0
        self.fills = 1 - view.fails(case.name)
        hedged = 1 - self.unhedged
        self.sold = terms.normal * hedged * terms.stays * self.fills
        self.chances = {
            "planned": self.sold,
            "gone": terms.normal * hedged - self.sold,
            "unhedged": terms.normal * self.unhedged,
            "late": terms.late.chance,
            "lost": terms.lost.chance,
        }
        # Of the expected profit, in one sum for each size that is tried.
        self.sells = self.sold + terms.late.chance * terms.late_stays * self.fills
        self._hedges = 1 - self.chances["unhedged"]
        self._spent = terms.mint + terms.rate
        self._lost = terms.lost_at_99 + (terms.bare_risk if carrier is None else 0.0)

    @property
    def seconds(self) -> float:
        """How long the money is locked on average: until the sale, and again where they are redeemed."""
        return self.terms.seconds + (1 - self.sells) * self.terms.again

    @property
    def redeemed(self) -> dict[str, float]:
        """Which part of each outcome's tokens is redeemed instead of sold."""
        late = 1 - self.terms.late_stays * self.fills
        return {"planned": 0.0, "gone": 1.0, "unhedged": 1.0, "late": late, "lost": 1.0}

    def back(self, tokens: float) -> float:
        """What redeeming brings, beside what selling would have cost, the wait for it not yet financed."""
        return tokens * self.terms.gone - self.terms.beside

    def hedge_usd(self, tokens: float) -> float:
        """What the hedge is expected to cost."""
        return self.carrier.cost_usd(tokens) if self.carrier is not None else 0.0

    def outcomes(self, tokens: float, usd: float) -> dict[str, float]:
        """Profit by outcome where the sale brings ``usd``."""
        terms = self.terms
        spent = tokens * self._spent + terms.gas
        hedge, back = self.hedge_usd(tokens), self.back(tokens)
        sold = terms.late_stays * self.fills
        usual = {
            "planned": usd - spent - hedge,
            "gone": back - spent - hedge,
            "unhedged": back - spent,
            "late": sold * usd + (1 - sold) * back - spent - tokens * terms.late_rate - hedge,
            "lost": back - tokens * terms.gone * terms.lost.ratio - spent - hedge,
        }
        again = tokens * terms.again_rate
        return {name: each - self.redeemed[name] * again for name, each in usual.items()}

    def of(self, tokens: float) -> tuple[float, float, float]:
        """Proceeds, expected profit, profit at 99 %."""
        done = self.case.curve.sell_tokens(tokens)
        if done is None:
            return 0.0, IMPOSSIBLE, IMPOSSIBLE
        terms, carrier = self.terms, self.carrier
        spent, back = tokens * self._spent + terms.gas, tokens * terms.back - terms.beside
        lost = tokens * self._lost
        expected = self.sells * done.usd + (1 - self.sells) * back - spent - tokens * terms.failing
        if carrier is not None:
            cost, worst = carrier.figures(tokens, terms.gone)
            lost += worst
            expected -= self._hedges * cost
        return done.usd, expected, min(-terms.gas, tokens * terms.back - lost - spent)
