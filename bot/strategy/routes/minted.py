"""What tokens bring that are minted first and sold after a wait, in each of its outcomes.

Sold as planned; the premium gone, and redeemed; bare, because the hedge was refused; late; or partly lost.
"""

from __future__ import annotations

from typing import NamedTuple

from bot.strategy.mechanisms import Access, seconds_until
from bot.strategy.mechanisms.delay import Delay
from bot.strategy.mechanisms.hours import in_hand, next_open
from bot.strategy.mechanisms.way import HERE, Way
from bot.strategy.risk import if_long, still_there
from bot.strategy.routes.carry import Carrier
from bot.strategy.routes.common import Case, View
from bot.strategy.routes.failing import delayed, gone
from bot.strategy.routes.lasting import half_life_of
from bot.strategy.sizing import IMPOSSIBLE
from bot.timefmt import NS

NO_CHANNEL_EXIT = 0.01
"""Cost of getting rid of tokens at fair value where no issuer takes them back. An assumption."""


class Wait(NamedTuple):
    """Seconds until the tokens can be sold, how they come to the venue, how likely the premium is still there
    then, and how long it may really be."""

    seconds: float
    way: Way
    stays: float
    delay: Delay


class Minted:
    """What so many tokens, minted by one channel and sold after the wait, bring in each outcome."""

    def __init__(self, view: View, case: Case, access: Access, wait: Wait, carrier: Carrier | None) -> None:
        self.case, self.wait, self.carrier = case, wait, carrier
        self.moves = wait.way is not HERE
        self.redeem = view.opposite(access, "redeem", case.symbol)
        self.back_way = view.way(case.symbol, case.place, self.redeem.place)
        self.mint = access.price(case.fair)
        self.gone = case.fair * (1 - NO_CHANNEL_EXIT)
        if self.redeem.channel.available:
            self.gone = self.redeem.price(case.fair)
        self.sds = view.sds_after(wait.delay, case.fair_sd)
        self.sd = view.sd_after(wait.delay, case.fair_sd)
        self.gas = case.gas_usd + access.channel.gas_usd + wait.way.usd
        # Redeemed instead of sold: the channel's gas and the way back for the venue's.
        self.beside = self.redeem.channel.gas_usd + self.back_way.usd - case.gas_usd
        self.rate = view.financing(self.mint, wait.delay.mean)
        self.paid_after = self._paid_after(view)
        self.again = self.back_way.seconds + self.paid_after
        self.again_rate = view.financing(self.mint, self.again)
        self.unhedged = carrier.fails(view) if carrier is not None else 0.0
        self.fills = 1 - view.fails(case.name)
        odds = view.odds(access, self.moves)
        arrives = view.ts + round(wait.seconds * NS)
        self.late = delayed(view, arrives, (*odds.held, *odds.late))
        self.late_rate = view.financing(self.mint, self.late.seconds)
        self.lost = gone(odds.lost)
        # Tokens that are sold where they are minted are sold at once: only the money is late.
        waits = self.late.each if wait.seconds > 0 or self.moves else ()
        left = sum(chance * still_there(half_life_of(view), more) for chance, more in waits)
        self.late_stays = wait.stays * (left / self.late.chance if waits else 1.0)
        self.late_sd = view.sd_over(wait.seconds + self.late.seconds, case.fair_sd) if waits else self.sd
        self.normal = 1 - self.late.chance - self.lost.chance
        self.risk_sd = self.sd
        if waits and self.late.longest:
            self.risk_sd = max(self.sd, view.sd_over(wait.seconds + self.late.longest, case.fair_sd))
        self.longest_rate = view.financing(self.mint, self.late.longest)
        hedged = 1 - self.unhedged
        self.sold = self.normal * hedged * wait.stays * self.fills
        self.chances = {
            "planned": self.sold,
            "gone": self.normal * hedged - self.sold,
            "unhedged": self.normal * self.unhedged,
            "late": self.late.chance,
            "lost": self.lost.chance,
        }
        # Of the expected profit, in one sum for each size that is tried.
        self.sells = self.sold + self.late.chance * self.late_stays * self.fills
        self._hedges = 1 - self.chances["unhedged"]
        self._each = self.late.chance * self.late_rate + self.lost.chance * self.gone * self.lost.ratio
        self._lost = self.gone * self.lost.at_99 + self.longest_rate
        self._bare = if_long(self.gone, self.risk_sd) if carrier is None else 0.0
        self._back = self.gone - self.again_rate

    def _paid_after(self, view: View) -> float:
        """Seconds from when tokens that are redeemed instead are where that is done, to the money."""
        channel, way = self.redeem.channel, self.back_way
        if not channel.available or channel.hours == "none":
            return 0.0
        there = view.ts + round((self.wait.seconds + way.seconds) * NS)
        asked = next_open(channel, view.clock, there)
        return seconds_until(there, in_hand(view.clock, asked, channel.settlement_days))

    @property
    def seconds(self) -> float:
        """How long the money is locked on average: until the sale, and again where they are redeemed."""
        return self.wait.seconds + (1 - self.sells) * self.again

    @property
    def redeemed(self) -> dict[str, float]:
        """Which part of each outcome's tokens is redeemed instead of sold."""
        return {"planned": 0.0, "gone": 1.0, "unhedged": 1.0, "late": 1 - self.late_stays * self.fills,
                "lost": 1.0}  # fmt: skip

    def back(self, tokens: float) -> float:
        """What redeeming brings, beside what selling would have cost, the wait for it not yet financed."""
        return tokens * self.gone - self.beside

    def hedge_usd(self, tokens: float) -> float:
        """What the hedge is expected to cost."""
        return self.carrier.cost_usd(tokens) if self.carrier is not None else 0.0

    def outcomes(self, tokens: float, usd: float) -> dict[str, float]:
        """Profit by outcome where the sale brings ``usd``."""
        spent = tokens * (self.mint + self.rate) + self.gas
        hedge, back = self.hedge_usd(tokens), self.back(tokens)
        sold = self.late_stays * self.fills
        usual = {
            "planned": usd - spent - hedge,
            "gone": back - spent - hedge,
            "unhedged": back - spent,
            "late": sold * usd + (1 - sold) * back - spent - tokens * self.late_rate - hedge,
            "lost": back - tokens * self.gone * self.lost.ratio - spent - hedge,
        }
        again = tokens * self.again_rate
        return {name: each - self.redeemed[name] * again for name, each in usual.items()}

    def of(self, tokens: float) -> tuple[float, float, float]:
        """Proceeds, expected profit, profit at 99 %."""
        done = self.case.curve.sell_tokens(tokens)
        if done is None:
            return 0.0, IMPOSSIBLE, IMPOSSIBLE
        spent, back = tokens * (self.mint + self.rate) + self.gas, tokens * self._back - self.beside
        lost = tokens * (self._lost + self._bare)
        expected = self.sells * done.usd + (1 - self.sells) * back - spent - tokens * self._each
        if self.carrier is not None:
            lost += self.carrier.worst_usd(tokens, self.gone)
            expected -= self._hedges * self.carrier.cost_usd(tokens)
        return done.usd, expected, min(-self.gas, tokens * self._back - lost - spent)
