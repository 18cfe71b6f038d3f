"""Options whose premium, margin, funding and payoff are in a coin: what they are in it. Pure.

Whatever is owed in USD is paid at the coin's price of that moment. Where the coin is the underlying itself
(BTC options paid in BTC) a call pays ``(1 − K/S)⁺``, which is ``K`` puts on ``1/S``, and at most one coin; a
put pays ``(K/S − 1)⁺``, without bound as the coin becomes worthless. Where the coin is a stock token
(Fufuture) the same USD are paid in shares: the buyer also holds, and the seller also owes, their moves.
"""

from __future__ import annotations

from math import inf

from msgspec import Struct

from bot.strategy.options import perpetual
from bot.strategy.options.european import OptionKind, intrinsic
from bot.strategy.options.greeks import Greeks
from bot.strategy.options.perpetual import Perpetual
from bot.timefmt import DAY_SECONDS


def payoff_coins(kind: OptionKind, spot: float, strike: float, coin_usd: float | None = None) -> float:
    """What exercise of one unit pays, in coins worth ``coin_usd``; left out: the underlying is the coin."""
    return intrinsic(kind, spot, strike) / (spot if coin_usd is None else coin_usd)


def in_coins(each: Greeks, spot: float, coin_usd: float | None = None) -> Greeks:
    """Greeks in USD as coins. Where the coin is the underlying its own moves are in delta and gamma.

    With ``v = V/S``: ``v' = (V' − v)/S`` and ``v'' = (V'' − 2v')/S``.
    """
    if coin_usd is not None:
        return each * (1 / coin_usd)
    scaled = each * (1 / spot)
    delta = (each.delta - scaled.value) / spot
    return Greeks(scaled.value, delta, (each.gamma - 2 * delta) / spot, scaled.vega, scaled.theta_day,
                  scaled.rho)  # fmt: skip


class Margined(Struct, frozen=True):
    """A bought perpetual option whose funding is paid out of coins set aside for it.

    It is never closed by force while they last: what can be lost is what was set aside. ``units`` are of the
    option's underlying, ``markup`` what the pool asks over the model's funding (1: as the model).
    """

    option: Perpetual
    units: float
    margin_coins: float
    markup: float = 1.0

    def funding_day(self, spot: float, volatility: float, coin_usd: float) -> float:
        """Coins a day."""
        each = perpetual.funding_usd(self.option, spot, volatility, DAY_SECONDS)
        return self.units * each * self.markup / coin_usd

    def days_left(self, spot: float, volatility: float, coin_usd: float) -> float:
        """How long the margin lasts if nothing moves."""
        day = self.funding_day(spot, volatility, coin_usd)
        return self.margin_coins / day if day > 0 else inf

    def payoff(self, spot: float, coin_usd: float) -> float:
        """Coins received on closing, beside what is left of the margin."""
        return self.units * payoff_coins(self.option.kind, spot, self.option.strike, coin_usd)

    def after(self, seconds: float, spot: float, volatility: float, coin_usd: float) -> Margined:
        """The position once so much time has passed at these prices; no margin left means it has lapsed."""
        paid = self.funding_day(spot, volatility, coin_usd) * seconds / DAY_SECONDS
        return Margined(self.option, self.units, max(0.0, self.margin_coins - paid), self.markup)


def spot_where_cover_ends(kind: OptionKind, strike: float, coins_per_unit: float,
                          coin_usd: float | None = None) -> float:  # fmt: skip
    """At which spot the payoff of one unit sold takes all of the coins set aside for it.

    A call paid in its own coin never takes a whole one: infinite from ``coins_per_unit`` 1 on. A put paid in
    a coin worth ``coin_usd`` takes at most the strike: 0 where the cover is more than that.
    """
    if coin_usd is not None:
        usd = coins_per_unit * coin_usd
        return strike + usd if kind == "call" else max(0.0, strike - usd)
    if kind == "call":
        return strike / (1 - coins_per_unit) if coins_per_unit < 1 else inf
    return strike / (1 + coins_per_unit)
