"""Ondo Global Markets: mint and redeem at once, against a price that the issuer signs for seconds. Pure.

The chain must take the order in while the signature holds; what comes later is refused, the money stays,
and a new quote has another price. The contract pays in USDon, which is exchanged for USDC one to one while
its swapper has any. There are gaps of minutes around the opening, the close, and the change of sessions.
"""

from __future__ import annotations

from bot.registry.issuer import Failure, SignedQuotes
from bot.strategy.mechanisms.by_channel import ByChannel
from bot.strategy.mechanisms.delay import Delay, delay_of
from bot.strategy.mechanisms.model import Action, Moment
from bot.timefmt import NS


class Ondo(ByChannel):
    """Orders against signed quotes."""

    def delay(self, action: Action, moment: Moment) -> Delay | None:
        """Inclusion in the chain, with one more quote where the first has run out."""
        opens = self.opening(action, moment).opens
        if opens is None:
            return None
        quotes, wait = self._quotes(), (opens - moment.ts) / NS
        once = [(each.seconds, each.chance) for each in quotes.inclusion]
        in_time = sum(chance for seconds, chance in once if seconds <= quotes.valid_seconds)
        outcomes = []
        for seconds, chance in once:
            if seconds <= quotes.valid_seconds:
                outcomes.append((wait + seconds, chance))
                # A second attempt is taken to succeed, and as fast as one that does.
                again = chance * (1.0 - in_time) / in_time
                outcomes.append((wait + quotes.valid_seconds + seconds, again))
        return delay_of(outcomes)

    def failures(self, action: Action) -> tuple[Failure, ...]:
        """Those of the registry, and the two that follow from its quotes."""
        quotes = self._quotes()
        expired = sum(each.chance for each in quotes.inclusion if each.seconds > quotes.valid_seconds)
        return (
            Failure(
                "quote_expires", expired, "returned",
                f"the chain takes the order in after {quotes.valid_seconds:g} s; a new quote is asked for",
                again=True,
            ),
            Failure(
                "paid_in_coin", quotes.coin_chance, "kept_as_tokens",
                f"the swapper is empty: paid in {quotes.coin}, which must be sold", quotes.coin_ratio,
            ),
            *super().failures(action),
        )  # fmt: skip

    def _quotes(self) -> SignedQuotes:
        assert self.issuer.quotes is not None  # the loader has made sure
        return self.issuer.quotes
