"""What tokens cost that a channel mints and that wait to be sold, and what becomes of those that are not.

Nothing here depends on a venue's depth or on the hedge: venues of one place have it in common.
"""

from __future__ import annotations

from bot.strategy.mechanisms import Access, seconds_until
from bot.strategy.mechanisms.hours import in_hand, next_open
from bot.strategy.mechanisms.way import HERE
from bot.strategy.risk import if_long, still_there
from bot.strategy.routes.common import Case, View
from bot.strategy.routes.failing import delayed, gone
from bot.strategy.routes.lasting import half_life_of, still_there_after
from bot.timefmt import NS

NO_CHANNEL_EXIT = 0.01
"""Cost of getting rid of tokens at fair value where no issuer takes them back. An assumption."""


class Minting:
    """Tokens minted by one channel for a venue's place; USD are per token unless they end in ``gas``.

    ``seconds`` until they can be sold, ``delay`` what that may take, ``way`` how they come to the place;
    ``stays`` is how likely the premium is still there then.
    """

    def __init__(self, view: View, case: Case, access: Access, seconds: float) -> None:
        assert access.delay is not None
        self.access, self.way, self.seconds = access, view.way(case.symbol, access.place, case.place), seconds
        self.moves = self.way is not HERE
        self.delay = access.delay.plus(self.way.delay)
        self.stays = still_there_after(half_life_of(view), self.delay)
        self.redeem = view.opposite(access, "redeem", case.symbol)
        self.back_way = view.way(case.symbol, case.place, self.redeem.place)
        self.mint = access.price(case.fair)
        self.gone = case.fair * (1 - NO_CHANNEL_EXIT)
        if self.redeem.channel.available:
            self.gone = self.redeem.price(case.fair)
        self.sds = view.sds_after(self.delay, case.fair_sd)
        self.sd = view.sd_after(self.delay, case.fair_sd)
        self.gas = case.gas_usd + access.channel.gas_usd + self.way.usd
        # Redeemed instead of sold: the channel's gas and the way back for the venue's.
        self.beside = self.redeem.channel.gas_usd + self.back_way.usd - case.gas_usd
        self.rate = view.financing(self.mint, self.delay.mean)
        self.paid_after = self._paid_after(view)
        self.again = self.back_way.seconds + self.paid_after
        self.again_rate = view.financing(self.mint, self.again)
        self.back = self.gone - self.again_rate
        self._late(view, case)

    def _late(self, view: View, case: Case) -> None:
        """What the channel's failures do."""
        odds = view.odds(self.access, self.moves)
        arrives = view.ts + round(self.seconds * NS)
        self.late = delayed(view, arrives, (*odds.held, *odds.late))
        self.late_rate = view.financing(self.mint, self.late.seconds)
        self.lost = gone(odds.lost)
        # Tokens that are sold where they are minted are sold at once: only the money is late.
        waits = self.late.each if self.seconds > 0 or self.moves else ()
        left = sum(chance * still_there(half_life_of(view), more) for chance, more in waits)
        self.late_stays = self.stays * (left / self.late.chance if waits else 1.0)
        self.late_sd = view.sd_over(self.seconds + self.late.seconds, case.fair_sd) if waits else self.sd
        self.normal = 1 - self.late.chance - self.lost.chance
        risk_sd = self.sd
        if waits and self.late.longest:
            risk_sd = max(self.sd, view.sd_over(self.seconds + self.late.longest, case.fair_sd))
        self.bare_risk = if_long(self.gone, risk_sd)
        self.lost_at_99 = self.gone * self.lost.at_99 + view.financing(self.mint, self.late.longest)
        self.failing = self.late.chance * self.late_rate + self.lost.chance * self.gone * self.lost.ratio

    def _paid_after(self, view: View) -> float:
        """Seconds from when tokens that are redeemed instead are where that is done, to the money."""
        channel, way = self.redeem.channel, self.back_way
        if not channel.available or channel.hours == "none":
            return 0.0
        there = view.ts + round((self.seconds + way.seconds) * NS)
        asked = next_open(channel, view.clock, there)
        return seconds_until(there, in_hand(view.clock, asked, channel.settlement_days))


def minting(view: View, case: Case, access: Access, seconds: float) -> Minting:
    """That of one moment, worked out once."""
    key = (access.instrument(case.symbol), case.place, case.gas_usd, case.fair, case.fair_sd)
    if key not in view.mintings:
        view.mintings[key] = Minting(view, case, access, seconds)
    return view.mintings[key]
