"""What can be seen around a price that is out: facts by name, and the sentence that says each to people."""

from __future__ import annotations

from math import exp, log
from typing import NamedTuple

from bot.detector.alarm import Alarm, Sighting
from bot.detector.splits import is_split
from bot.market import COVERED, FRESH_NS, InstrumentState, Market
from bot.timefmt import NS, duration, short
from bot.types import Ns

UNMOVED_NS = 45 * 60 * NS
DEAD_NS = 24 * 3600 * NS
PEER_NS = 3 * 3600 * NS
ACTION_NS = 5 * 24 * 3600 * NS
THIN_DEPTH_USD = 5_000.0
SMALL_TRADE_USD = 50_000.0
COLLAPSED = 0.3
"""Depth below this part of the usual one is a collapse."""
ORACLE_OFF = 0.01
TELLING = 0.03
"""A basis equal to a smaller step of the multiplier may be so by chance."""
CERTAIN, LATELY_NS = 0.15, 6 * 3600 * NS
"""Equal to a larger one, or to one that has just been taken, it is not."""
SPLITS = tuple(sorted({log(a / b) for a in (1, 2, 3, 5, 10) for b in (1, 2, 3, 5, 10) if a != b}))


class Facts(NamedTuple):
    """Names of what was found (see :mod:`bot.detector.causes`), and the sentences."""

    names: frozenset[str]
    sentences: list[str]


class Peers(NamedTuple):
    """How the other fresh venues of the underlying stand."""

    along: list[InstrumentState]
    inside: list[InstrumentState]


def peers(instrument: InstrumentState, log_share: float, basis: float, ts: Ns) -> Peers:
    """Which other venues are out with this one (more than half as far), and which stand at fair value."""
    along: list[InstrumentState] = []
    inside: list[InstrumentState] = []
    for other in instrument.underlying.instruments:
        if other is instrument or other.consensus_log is None or ts - other.ts > PEER_NS or other.halted:
            continue
        theirs = other.consensus_log - log_share
        (along if theirs * basis > 0 and abs(theirs) > abs(basis) / 2 else inside).append(other)
    return Peers(along, inside)


class Gathering:
    """Collects facts and sentences for one sighting."""

    def __init__(self, market: Market, seen: Sighting, coin: str = "") -> None:
        self.market = market
        self.coin = coin
        self.seen = seen
        self.instrument = seen.instrument
        self.alarm: Alarm = seen.instrument.alarm
        self.names: set[str] = set()
        self.sentences: list[str] = []
        self.others = peers(seen.instrument, seen.estimate.log_share, seen.basis, seen.ts)

    def gather(self) -> Facts:
        """Everything that speaks for one cause or another."""
        self._venues()
        self._move()
        self._depth()
        self._standstill()
        self._references()
        self._issuer()
        self._currency()
        self._units()
        if self.seen.session in ("weekend", "holiday", "overnight"):
            self.names.add("closed")
        return Facts(frozenset(self.names), self.sentences)

    def say(self, name: str, sentence: str) -> None:
        """A fact, and how a person is told it."""
        self.names.add(name)
        self.sentences.append(sentence)

    def _venues(self) -> None:
        along, inside = self.others
        if inside and not along:
            self.say("others_inside", f"{_names(inside)} stood at fair value")
        elif along:
            self.say(
                "all_along" if len(along) >= len(inside) else "some_along",
                f"{_names(along)} moved the same way",
            )
            if inside:
                self.sentences.append(f"{_names(inside)} stood at fair value")
            token, coin = self.instrument.token, self.instrument.quote_symbol
            if all(one.token.issuer == token.issuer for one in along) and any(
                one.token.issuer != token.issuer for one in inside
            ):
                self.say("one_issuer", "only tokens of this issuer are out")
            if (
                coin != "USD"
                and all(one.quote_symbol == coin for one in along)
                and inside
                and all(one.quote_symbol != coin for one in inside)
            ):
                self.say("one_coin", f"only venues that quote in {coin} are out")
        else:
            self.names.add("no_others")

    def _move(self) -> None:
        move = self.seen.move
        if abs(move) > abs(self.seen.basis) / 2 and move * self.seen.direction > 0:
            self.names.add("sudden")
        if self.seen.fair_moved:
            self.say("fair_moved", "fair value moved away, this venue did not")

    def _depth(self) -> None:
        instrument, alarm = self.instrument, self.alarm
        if instrument.curve is not None:
            down, up = instrument.curve.depth(0.02)
            depth = min(down, up)
            thin = depth < THIN_DEPTH_USD
            self.say("thin" if thin else "deep", f"${depth:,.0f} moves the price by 2 %")
            usual = alarm.usual_depth
            if usual and depth < COLLAPSED * usual:
                self.say("collapsed", f"usually it takes ${usual:,.0f}: liquidity has left")
        elif self.seen.usd is not None:
            where = "in all of its bar" if instrument.is_bar else "at that price"
            small = self.seen.usd < SMALL_TRADE_USD
            self.say("thin" if small else "deep", f"${self.seen.usd:,.2f} traded {where}")
        elif instrument.liquidity_usd is not None and instrument.liquidity_usd < 10 * THIN_DEPTH_USD:
            self.say("thin", f"${instrument.liquidity_usd:,.0f} of liquidity")

    def _standstill(self) -> None:
        instrument, ts = self.instrument, self.seen.ts
        still = ts - instrument.changed
        silent = instrument.ts - instrument.previous_ts if instrument.previous_ts else 0
        if still > UNMOVED_NS:
            self.say("unmoved", f"the venue's price had not moved for {duration(still / NS)}")
            if self.alarm.left:
                self.names.add("left_behind")
        elif silent > DEAD_NS:
            self.say("woke", f"the venue's price had not moved for {duration(silent / NS)}")
        if instrument.halted:
            self.say("halted", f"the venue is halted: {instrument.halted_reason or 'no reason given'}")

    def _references(self) -> None:
        ts, references = self.seen.ts, self.instrument.underlying.references.values()
        halt = self.instrument.underlying.halt
        if halt is not None:
            self.say("share_halted", halt)
        told = [one for one in references if one.price is not None and not one.halted]
        if self.seen.session == "regular" and told:
            if all(ts - one.changed > FRESH_NS for one in told):
                still = duration(min(ts - one.changed for one in told) / NS)
                self.say("frozen", f"the reference has not changed for {still} in session")
            elif any(ts - one.changed > FRESH_NS for one in told):
                self.names.add("one_frozen")
        fresh = sorted((one.log_price, one.name, one.oracle) for one in told if ts - one.ts <= 2 * FRESH_NS)
        if len(fresh) >= 2 and fresh[-1][0] - fresh[0][0] > ORACLE_OFF:
            spread = fresh[-1][0] - fresh[0][0]
            self.say("references_differ", f"references differ by {spread * 100:.1f} %")

    def _issuer(self) -> None:
        token = self.instrument.token_state
        issuer = self.market.issuer_of(self.instrument)
        if token.channel_halted:
            why = f": {token.channel_reason}" if token.channel_reason else ""
            self.say("issuer_halted", f"{issuer.title} has halted mint and redeem{why}")
        if token.coverage is not None and token.coverage < COVERED and self.seen.direction < 0:
            self.say("short_backed", f"custody holds {token.coverage * 100:.1f} % of the shares owed")

    def _currency(self) -> None:
        coin = self.instrument.quote_symbol
        off = self.market.coins.get(coin)
        if off is not None:
            explains = self.coin == coin or abs(self.seen.basis + off) < 0.5 * abs(self.seen.basis)
            self.say("coin_off" if explains else "coin_astray", f"{coin} is at ${exp(off):.4f}")
            if self.coin == coin:
                self.names.add("coin_group")

    def _units(self) -> None:
        """A basis that is just a multiplier, an old one, or a split ratio speaks for a unit mix-up."""
        state, basis = self.instrument.token_state, self.seen.basis
        if self.seen.old_units:
            self.say(
                "surely_multiplier", f"the multiplier stepped at {short(state.told)} UTC; this venue did not"
            )
            return
        candidates = {"the multiplier itself": -state.log_multiplier}
        if state.previous is not None:
            before = log(state.previous) - state.log_multiplier
            candidates["the multiplier before its last change"] = before
            if self.seen.ts - state.changed < ACTION_NS:
                self.names.add("units_changed")
                if is_split(before) and abs(abs(basis) - abs(before)) < 0.05:
                    self.say("split_step", f"the basis equals the split of {short(state.changed)} UTC")
                    return
        for what, expected in candidates.items():
            size = abs(expected)
            if size > 0.002 and abs(basis - expected) < min(max(0.0015, 0.1 * size), 0.03):
                sure = size > CERTAIN or self.seen.ts - state.told < LATELY_NS
                name = (
                    "near_multiplier" if size <= TELLING else "surely_multiplier" if sure else "is_multiplier"
                )
                self.say(name, f"the basis equals {what} ({exp(expected):.4f})")
                break
        for split in SPLITS:
            if abs(split) > 0.3 and abs(basis - split) < 0.01:
                self.say("is_split", f"the basis equals a split ratio of {exp(split):.3g}")
                break


def _names(instruments: list[InstrumentState]) -> str:
    names = sorted(one.name for one in instruments)
    shown, more = ", ".join(names[:3]), len(names) - 3
    return f"{shown} and {more} more" if more > 0 else shown
