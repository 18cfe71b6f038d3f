"""What each cause does to the world, when it begins and when it ends."""

from __future__ import annotations

from math import copysign, log

from bot.simulate.effect import Effect
from bot.simulate.shares import HOUR_NS, ShareState
from bot.types import Ns, Tick

ANNOUNCED_NS = 8 * HOUR_NS
LEFT = 0.05
"""What remains in a pool when its liquidity providers have left."""

SHIFTS: dict[str, str] = {
    "broad_premium": "underlying",
    "issuer_halt": "token",
    "under_backed": "token",
    "multiplier_mismatch": "instrument",
    "corporate_action": "instrument",
}
"""Causes whose shift is added to prices, and by what name they are found."""


class Happens(Effect):
    """An effect with the deeds of every cause."""

    def _thin_liquidity(self, ts: Ns) -> list[Tick]:
        """One order; nobody comes for ``hours``. With ``lps_leave`` the liquidity goes first."""
        (venue,) = self._venues()
        trades: list[Tick] = []
        self._watch_venue(venue)
        if self.one.mode == "lps_leave":
            venue.depth.scale(LEFT)
        self.world.alone.add(venue.place.instrument)
        if self.one.order_usd:
            venue.order(ts, self.one.order_usd, trades)
        else:
            usd = venue.depth.to(venue.depth.log_price + self.full)
            if venue.place.prints and usd:
                trades.append(self.world.print_of(venue, ts, self.full, usd))
        return trades

    def _after_thin_liquidity(self, ts: Ns) -> list[Tick]:
        self.world.alone.discard(self.one.instrument)
        if self.one.mode == "lps_leave":
            (venue,) = self._venues()
            venue.refill()
        return []

    def _stale_venue(self, ts: Ns) -> list[Tick]:
        """It stands still while the share goes on; with ``wakes`` it comes back with one trade far off."""
        self.world.alone.add(self.one.instrument)
        return self._all()

    def _after_stale_venue(self, ts: Ns) -> list[Tick]:
        self.world.alone.discard(self.one.instrument)
        if self.one.mode != "wakes":
            return []
        (venue,) = self._venues()
        usd = venue.depth.to(venue.depth.log_price + copysign(0.02, self.full or 1.0))
        return [self.world.print_of(venue, ts, 0.01, max(usd, 0.01))]

    def _stale_reference(self, ts: Ns) -> list[Tick]:
        """The quote stands still, its time stamps move; the share itself moves by ``ratio`` meanwhile."""
        share = self.world.shares[self.one.underlying]
        if self.one.ratio:
            share.news(self.one.ratio, 30)
        return self._freeze(share, self.one.source)

    def _after_stale_reference(self, ts: Ns) -> list[Tick]:
        for reference in self.world.shares[self.one.underlying].references.values():
            reference.frozen = False
        return []

    def _freeze(self, share: ShareState, source: str) -> list[Tick]:
        chosen = [r for r in share.references.values() if not source or r.name == source]
        for reference in chosen:
            reference.frozen = True
        if len(chosen) == len(share.references):
            self._watch_against(chosen[0], share)
        else:
            for reference in chosen:
                self._watch_reference(reference, share)
        return []

    def _oracle_fault(self, ts: Ns) -> list[Tick]:
        """One source jumps by ``ratio``, or stands still (``freeze``) while the share moves by it."""
        share = self.world.shares[self.one.underlying]
        if self.one.mode == "freeze":
            if self.one.ratio:
                share.news(self.one.ratio, 30)
            return self._freeze(share, self.one.source)
        reference = share.references[self.one.source]
        reference.off = self.full
        self._watch_reference(reference, share)
        return []

    def _after_oracle_fault(self, ts: Ns) -> list[Tick]:
        reference = self.world.shares[self.one.underlying].references[self.one.source]
        reference.off, reference.frozen = 0.0, False
        return []

    def _multiplier_mismatch(self, ts: Ns) -> list[Tick]:
        """The multiplier grows by ``ratio`` (a dividend in shares) and the venue keeps the old; or (``raw``)
        it quotes the share for the token."""
        (venue,) = self._venues()
        self._watch_venue(venue)
        if self.one.mode == "raw":
            self.full = -self.world.log_multiplier(venue.token)
            return []
        return self._divide(venue.place.underlying, ts)

    def _corporate_action(self, ts: Ns) -> list[Tick]:
        """A split at midnight: the multiplier at once, the share at the next open. A venue that is named
        takes the token for a share."""
        if self.one.instrument:
            (venue,) = self.world.of(instrument=self.one.instrument)
            self._watch_venue(venue)
        return self._divide(self.one.underlying, ts)

    def _divide(self, ticker: str, ts: Ns) -> list[Tick]:
        """Each share becomes ``1 + ratio`` smaller ones; a token stands for as many more of them."""
        self.full = -self.full
        share = self.world.shares[ticker]
        share.log_price -= log(1 + self.one.ratio)
        if self.world.market.session != "regular":
            share.unsplit += log(1 + self.one.ratio)
        tokens = self.world.tokens_of(ticker)
        for token in tokens:
            self.world.multiply(token, 1 + self.one.ratio)
        return [self.world.multiplier(token, ts) for token in tokens]

    def announce(self, ts: Ns) -> list[Tick]:
        """Hours before a split, the issuer says what the multiplier will be, and from when."""
        if self.announced or ts < self.start - ANNOUNCED_NS:
            return []
        self.announced = True
        return [self.world.multiplier(token, ts, 1 + self.one.ratio, self.start)
                for token in self.world.tokens_of(self.one.underlying)]  # fmt: skip

    def _trading_halt(self, ts: Ns) -> list[Tick]:
        """The share is halted and its quotes stop; tokens go on to where the news of ``ratio`` takes it."""
        share = self.world.shares[self.one.underlying]
        reference = share.references[share.share.reference]
        share.halted = True
        if self.one.ratio:
            share.news(self.one.ratio, max(int(self.one.ramp_hours * 60), 10))
        self._watch_against(reference, share)
        return [self.world.status(r.instrument, ts, "halted", "trading halt: news pending")
                for r in share.references.values()]  # fmt: skip

    def _after_trading_halt(self, ts: Ns) -> list[Tick]:
        share = self.world.shares[self.one.underlying]
        share.halted = False
        return [self.world.status(r.instrument, ts, "open", "trading resumed")
                for r in share.references.values()]  # fmt: skip

    def _stablecoin_depeg(self, ts: Ns) -> list[Tick]:
        """The coin is worth ``ratio`` more or less, so all that is quoted in it moves the other way."""
        return self._all()

    def _issuer_halt(self, ts: Ns) -> list[Tick]:
        """Nobody mints or redeems; without that hand the token's price goes off by ``ratio``."""
        self._all()
        return [self.world.status(f"{self.one.token}@issuer", ts, "halted",
                                  "mint and redeem suspended", scope="issuer")]  # fmt: skip

    def _after_issuer_halt(self, ts: Ns) -> list[Tick]:
        return [self.world.status(f"{self.one.token}@issuer", ts, "open",
                                  "mint and redeem open", scope="issuer")]  # fmt: skip

    def _under_backed(self, ts: Ns) -> list[Tick]:
        """The custodian holds less than there are tokens, by ``ratio``; the price slides after it."""
        self.world.backing[self.one.token] = 1 + self.one.ratio
        self._all()
        return [self.world.custody(self.one.token, ts)]

    def _after_under_backed(self, ts: Ns) -> list[Tick]:
        self.world.backing.pop(self.one.token, None)
        return [self.world.custody(self.one.token, ts)]

    def _broad_premium(self, ts: Ns) -> list[Tick]:
        """Every venue trades ``ratio`` too high: demand that the issuer's channel has not met."""
        return self._all()

    def _feed_fault(self, ts: Ns) -> list[Tick]:
        """Its source says that it is down, or (``silence``) says nothing at all."""
        self.world.silent.add(self.one.instrument)
        self._watch(self.one.instrument, lambda: 0.0 if self.ended else 1.0)
        if self.one.mode == "silence":
            return []
        return [self.world.status(self.one.instrument, ts, "down", "connection lost")]

    def _after_feed_fault(self, ts: Ns) -> list[Tick]:
        self.world.silent.discard(self.one.instrument)
        for venue in self._venues():
            venue.again()
        if self.one.mode == "silence":
            return []
        return [self.world.status(self.one.instrument, ts, "up", "connected")]

    def _maintenance(self, ts: Ns) -> list[Tick]:
        """The venue closes for a while and says so: no fault of anybody's."""
        self.world.silent.add(self.one.instrument)
        return [self.world.status(self.one.instrument, ts, "closed", "planned maintenance")]

    def _after_maintenance(self, ts: Ns) -> list[Tick]:
        self.world.silent.discard(self.one.instrument)
        for venue in self._venues():
            venue.again()
        return [self.world.status(self.one.instrument, ts, "open", "maintenance over")]

    def _closed_market_drift(self, ts: Ns) -> list[Tick]:
        """News while New York sleeps: every token moves, rightly. Without ``underlying``, of all shares."""
        steps = max(int(self.one.hours * 3600 / self.world.scenario.closed_step_seconds), 1)
        for ticker, share in self.world.shares.items():
            if self.one.underlying in ("", ticker):
                share.news(self.one.ratio, steps)
        return []

    def _earnings(self, ts: Ns) -> list[Tick]:
        """A share jumps on news, and everybody with it."""
        share = self.world.shares[self.one.underlying]
        seconds = self.world.scenario.closed_step_seconds
        share.news(self.one.ratio, max(4, int(self.one.ramp_hours * 3600 / seconds)))
        return []
