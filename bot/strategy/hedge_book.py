"""Every hedge that can be had, as last quoted: listed options, perps, perpetual options. Pure.

A tick costs the same however many contracts there are, and memory is bounded: per share and venue
:data:`MOST_OPTIONS` contracts of the nearest :data:`HORIZON_DAYS`, those that expire first; what expires is
forgotten. What is held, or named by a plan that is offered or on its way, is always kept: its price, its
greeks and its end depend on it. A chain is read only where a plan looks at it. What is stale, crossed or
one-sided is left out and counted, so that a plan can say why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf
from typing import Any

from msgspec.structs import replace

from bot.errors import DataError
from bot.registry.model import Registry
from bot.strategy.dividends import KnownDividends
from bot.strategy.hedge_chain import Listed, LiveChain, aside_of
from bot.strategy.hedge_lines import Line, LineKind, OptionLine, PerpetualLine, PerpLine
from bot.strategy.hedge_quotes import HedgeQuotes, PerpetualQuote
from bot.strategy.hedge_venues import Venues
from bot.strategy.options import Chain, Perp, occ
from bot.strategy.options.chain import MAX_AGE_NS
from bot.timefmt import DAY_SECONDS, NS, duration
from bot.types import HedgeKind, HedgeNotChosen, Ns, Tick, split_instrument

HORIZON_DAYS = 60.0
"""Options that expire later are not kept: a wait is days, and the nearest that outlive it carry it."""
MOST_OPTIONS = 4_096
MOST_OTHERS = 256
"""Perpetual options of one share at most."""

Held = Callable[[str], bool]
"""Whether an instrument must stay: any of it is held, or a plan counts on it."""
Multiplier = Callable[[str], float]
"""Shares per token, by the token's symbol."""
CoinsUsd = Callable[[str], float]
"""What is in hand of a coin that can be margin, in USD, by its symbol."""


class Share:
    """What there is for one share."""

    def __init__(self) -> None:
        self.listed: dict[str, Listed] = {}
        self.perps: dict[str, PerpLine] = {}
        self.perpetuals: dict[str, PerpetualLine] = {}


class HedgeBook:
    """See the module's text. ``lines`` are all that is kept, by instrument; ``refused`` counts quotes of what
    there was no room for, since the start of the process."""

    def __init__(self, registry: Registry, ineligible: Collection[str] = (),
                 held: Held = lambda _instrument: False) -> None:  # fmt: skip
        """``ineligible`` are venues that this desk may not trade on: quotes there are left out of offers."""
        self._registry, self._ineligible, self._desk_holds = registry, frozenset(ineligible), held
        self.carried: Held = lambda _instrument: False
        """The same by whoever trades: of two plans one may have bought what the other has sold."""
        self.refused = 0
        self.dividends = KnownDividends(registry)
        # Options on a share class leave out its dot: BRK.B has BRKB's.
        self._roots = {ticker.replace(".", ""): ticker for ticker in registry.underlyings}
        self.lines: dict[str, Line] = {}
        self.shares: dict[str, Share] = {}
        for offer in registry.perpetual_offers.values():
            line = self._make(offer.instrument, 0)
            if isinstance(line, PerpetualLine):
                line.standing, line.volatility, line.units = True, offer.volatility, offer.units
                self._let_in(line, 0)

    def take(self, tick: Tick) -> bool:
        """Take a tick of a hedge in; whether it is one. Raises :class:`DataError` on one that cannot be."""
        line = self.lines.get(tick.instrument)
        if line is not None:
            line.take(tick)
        elif not self.knows(tick.instrument):
            return self.dividends.take(tick)
        else:
            line = self._make(tick.instrument, tick.ts)
            # Before it is let in: one whose first quote is refused leaves nothing behind.
            line.take(tick)
            if not self._let_in(line, tick.ts):
                return True
        if isinstance(line, OptionLine):
            listed = self.shares[line.underlying].listed[line.venue.name]
            listed.heard = max(listed.heard, tick.ts)
        return True

    def knows(self, name: str) -> bool:
        """Whether an instrument is a hedge by its name and venue."""
        symbol, venue = split_instrument(name)
        registry = self._registry
        if venue in registry.option_venues and (found := occ.LISTED.fullmatch(symbol)) is not None:
            return found[1] in self._roots
        if venue in registry.perp_venues and symbol in registry.underlyings:
            return not registry.venues[venue].reference
        if venue in registry.perpetual_venues and (found := occ.PERPETUAL.fullmatch(symbol)) is not None:
            return found[1] in registry.underlyings
        return False

    def kind_of(self, name: str) -> LineKind | None:
        """What a hedge is by its name and venue; ``None`` if it is none."""
        if not self.knows(name):
            return None
        _, venue = split_instrument(name)
        if venue in self._registry.option_venues:
            return "option"
        return "perp" if venue in self._registry.perp_venues else "perpetual"

    def distrust(self, name: str) -> None:
        """Its last quote was crossed: what was known before is no longer believed."""
        line = self.lines.get(name)
        if line is not None:
            line.crossed = True

    def quotes(self, underlying: str, ts: Ns, spot: float, multiplier: Multiplier,
               coins_usd: CoinsUsd = lambda _symbol: inf) -> HedgeQuotes | None:  # fmt: skip
        """What is on offer for a share now; ``None`` if nothing ever was."""
        share = self.shares.get(underlying)
        if share is None:
            return None
        aside: list[HedgeNotChosen] = []
        chain = self._chain(underlying, share, ts, spot, aside)
        perps = (
            _perp(line, ts, multiplier, aside)
            for line in share.perps.values()
            if self._may(line.venue.name, "perp", line.instrument, aside)
        )
        offers = (
            _offer(line, ts, coins_usd, aside)
            for line in share.perpetuals.values()
            if self._may(line.venue.name, "perpetual_option", line.instrument, aside)
        )
        return HedgeQuotes(
            chain,
            tuple(perp for perp in perps if perp is not None),
            tuple(offer for offer in offers if offer is not None),
            tuple(aside),
        )

    def snapshot(self) -> dict[str, Sequence[Any]]:
        """What every line said, as plain values."""
        return {name: line.snapshot() for name, line in self.lines.items()} | self.dividends.snapshot()

    def restore(self, saved: Mapping[str, Sequence[Any]]) -> None:
        """Go on from a :meth:`snapshot`; what the registry no longer knows is left out."""
        for name, values in saved.items():
            if self.dividends.restore(name, values):
                continue
            line = self.lines.get(name)
            if line is None and self.knows(name):
                line = self._make(name, 0)
                self._let_in(line, 0)
            if line is not None:
                line.restore(values)
                if isinstance(line, OptionLine):
                    listed = self.shares[line.underlying].listed[line.venue.name]
                    listed.heard = max(listed.heard, line.ts)

    def _chain(self, underlying: str, share: Share, ts: Ns, spot: float,
               aside: list[HedgeNotChosen]) -> Chain | None:  # fmt: skip
        """Of all venues where orders can be given; one that fell silent is told of, unless all have."""
        named: list[str] = []
        for venue, listed in share.listed.items():
            if not self._may(venue, "listed_option", f"options on {venue}", aside):
                continue
            if len(listed.lines) >= MOST_OPTIONS:
                why = f"hedge.full: of more than {MOST_OPTIONS:,} only those that expire first are kept"
                aside.append(aside_of("listed_option", f"options on {venue}", why))
            if not listed.tradable:
                why = "hedge.not_tradable: its quotes are looked at, not traded on"
                aside.append(aside_of("listed_option", f"options on {venue}", why))
            else:
                named.append(venue)
        if not named:
            return None
        latest = max(named, key=lambda venue: share.listed[venue].heard)
        for venue in [one for one in named if one != latest]:
            age = ts - share.listed[venue].heard
            if age > MAX_AGE_NS:
                named.remove(venue)
                why = f"hedge.stale: the last of its options was quoted {duration(age / NS)} ago"
                aside.append(aside_of("listed_option", f"options on {venue}", why))
        coming, venues = self.dividends.coming(underlying, ts, spot), self._registry.option_venues
        chains = [
            LiveChain(underlying, spot, ts, share.listed[venue], venues[venue], coming) for venue in named
        ]
        return chains[0] if len(chains) == 1 else Venues(chains)

    def _may(self, venue: str, kind: HedgeKind, what: str, aside: list[HedgeNotChosen]) -> bool:
        """Whether this desk may trade there; says so if it may not."""
        if venue not in self._ineligible:
            return True
        aside.append(aside_of(kind, what, f"hedge.desk_not_eligible: this desk may not trade on {venue}"))
        return False

    def _make(self, name: str, ts: Ns) -> Line:
        """A line that has said nothing yet. Raises :class:`DataError` if there can be no such thing."""
        symbol, venue = split_instrument(name)
        registry = self._registry
        if venue in registry.option_venues:
            contract = occ.parse(symbol)
            if contract is None:
                raise DataError("bad_instrument", f"{name}: no such day or strike")
            if ts and contract.expiry <= ts:
                raise DataError("expired", f"{name} expired {duration((ts - contract.expiry) / NS)} ago")
            contract = replace(contract, underlying=self._roots[contract.underlying])
            return OptionLine(name, contract, registry.option_venues[venue])
        if venue in registry.perp_venues:
            return PerpLine(name, symbol, registry.perp_venues[venue])
        terms = registry.perpetual_venues[venue]
        found = occ.parse_perpetual(symbol, terms.period_days)
        if found is None:
            raise DataError("bad_instrument", f"{name}: no such strike")
        return PerpetualLine(name, found[0], found[1], terms)

    def _let_in(self, line: Line, ts: Ns) -> bool:
        """Keep it, unless it expires too late or there is no room; without ``ts`` in any case."""
        name = line.instrument
        wanted = not ts or self._held(name)
        if isinstance(line, OptionLine):
            if not wanted and line.contract.expiry - ts > HORIZON_DAYS * DAY_SECONDS * NS:
                return False
            listed = self._share(line.underlying).listed.setdefault(
                line.venue.name, Listed(line.venue.tradable)
            )
            for gone in listed.drop_until(ts, self._held):
                del self.lines[gone]
            if ts and len(listed.lines) >= MOST_OPTIONS:
                driven_out = listed.drop_last(0 if wanted else line.contract.expiry, self._held)
                if driven_out is not None:
                    del self.lines[driven_out]
                if not wanted and driven_out is None:
                    self.refused += 1
                    return False
            listed.add(line)
        elif isinstance(line, PerpLine):
            self._share(line.underlying).perps[name] = line
        else:
            assert isinstance(line, PerpetualLine)
            offers = self._share(line.underlying).perpetuals
            if not wanted and len(offers) >= MOST_OTHERS:
                self.refused += 1
                return False
            offers[name] = line
        self.lines[name] = line
        return True

    def _held(self, name: str) -> bool:
        return self._desk_holds(name) or self.carried(name)

    def _share(self, underlying: str) -> Share:
        return self.shares.setdefault(underlying, Share())


def _perp(line: PerpLine, ts: Ns, multiplier: Multiplier, aside: list[HedgeNotChosen]) -> Perp | None:
    rule = _fault(line, ts)
    if not rule and (lack := line.lacks()):
        rule = f"hedge.one_sided: {lack}"
    if rule:
        aside.append(aside_of("perp", f"perp on {line.venue.title} ({line.instrument})", rule))
        return None
    return line.quote(multiplier(line.token) if line.token else 1.0)


def _offer(line: PerpetualLine, ts: Ns, coins_usd: CoinsUsd,
           aside: list[HedgeNotChosen]) -> PerpetualQuote | None:  # fmt: skip
    rule = "" if line.standing and not line.halted else _fault(line, ts)
    if rule:
        aside.append(aside_of("perpetual_option", line.instrument, rule))
        return None
    return PerpetualQuote(
        line.instrument, line.underlying, line.option, line.volatility, line.units,
        ts if line.standing else line.ts, line.markup, line.fee_ratio, line.coin,
        inf if line.coin == "USD" else coins_usd(line.coin),
    )  # fmt: skip


def _fault(line: Line, ts: Ns) -> str:
    if line.crossed:
        return "hedge.crossed: the bid above the ask"
    if line.halted:
        return f"hedge.halted: {line.halted}"
    if not line.ts:
        return "hedge.not_quoted: nothing but its state was told yet"
    if ts - line.ts > MAX_AGE_NS:
        return f"hedge.stale: quoted {duration((ts - line.ts) / NS)} ago"
    return ""
