"""The detector's bands, from the mechanisms: what is infinite becomes a tolerance. Pure."""

from __future__ import annotations

from math import isinf

from bot.detector.bands import NO_CHANNEL_BAND, Band
from bot.detector.scalars import band_bounds
from bot.registry.issuer import Issuer
from bot.strategy.mechanisms.by_channel import ByChannel
from bot.strategy.mechanisms.model import Moment
from bot.strategy.mechanisms.system import mechanism_of
from bot.types import Ns
from bot.valuation.sessions import SessionClock


class Bands:
    """Bands of tokens by issuer; each issuer's mechanism is made once."""

    def __init__(self, clock: SessionClock, financing_rate: float) -> None:
        self._clock = clock
        self._financing_rate = financing_rate
        self._systems: dict[str, ByChannel] = {}
        self._made: dict[tuple[str, float, float, float, str | None], Band] = {}
        """Those of the session that began at :attr:`_begun`: many instruments have the same one."""
        self._begun: Ns = 0

    def __call__(self, issuer: Issuer, ts: Ns, size_usd: float, venue_fee: float, annual_volatility: float,
                 halted: str | None) -> Band:  # fmt: skip
        """The band at ``ts`` of a token on a venue whose price does not include ``venue_fee``. ``halted`` is
        why the issuer neither mints nor redeems it, ``None`` if it does."""
        if issuer.mint.gaps or issuer.redeem.gaps:
            return self._band(issuer, ts, size_usd, venue_fee, annual_volatility, halted)
        begun = self._clock.segment(ts)[0]
        if begun != self._begun:
            self._begun = begun
            self._made.clear()
        key = (issuer.name, size_usd, venue_fee, annual_volatility, halted)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._band(issuer, ts, size_usd, venue_fee, annual_volatility, halted)
        return found

    def _band(self, issuer: Issuer, ts: Ns, size_usd: float, venue_fee: float, annual_volatility: float,
              halted: str | None) -> Band:  # fmt: skip
        system = self._systems.get(issuer.name)
        if system is None:
            system = self._systems[issuer.name] = mechanism_of(issuer)
        moment = Moment(
            self._clock,
            ts,
            financing_rate=self._financing_rate,
            annual_volatility=annual_volatility,
            halted=halted,
        )
        found = system.bounds(moment, size_usd, venue_fee)
        low, high = band_bounds(NO_CHANNEL_BAND, NO_CHANNEL_BAND, venue_fee)
        held_low, held_high = not isinf(found.low), not isinf(found.high)
        return Band(
            found.low if held_low else low, found.high if held_high else high, found.mint_open,
            found.redeem_open, found.note, held_low, held_high,
        )  # fmt: skip
