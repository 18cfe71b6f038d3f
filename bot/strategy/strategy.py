"""From an incident to plans: every route on every venue that is out, sized on the depth there really is.

Pure and synchronous: time is an argument, and the same incidents, markets and fills give the same
plans. A plan says what to do or, with ``decision == "no_trade"``, every rule that stood against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain, combinations, product
from math import inf
from typing import Any

import msgspec
from msgspec import Struct

from bot.config import StrategySection, ValuationSection
from bot.detector.explain import cents
from bot.detector.incidents import OpenIncident
from bot.market import Market
from bot.pools.taken import Spent
from bot.registry.model import Registry
from bot.strategy.desk import Desk
from bot.strategy.forecast import forecast
from bot.strategy.hedge_quotes import HedgeQuotes
from bot.strategy.mechanisms import years
from bot.strategy.rivals import RIVALS, Others, Rival, may_bind, ration
from bot.strategy.routes import (
    Candidate,
    Case,
    Details,
    Pair,
    View,
    buy_and_redeem,
    cross_venue,
    gap,
    hedge_and_hold,
    mint_and_sell,
    open_case,
)
from bot.strategy.routes.common import venue_of
from bot.timefmt import NS, duration
from bot.types import Command, Fill, Incident, Ns, Plan, RouteKind, Side
from bot.valuation.sessions import SessionClock

WORSE = 1.25
"""A basis worse by this factor than when it was planned for is planned for again."""
REFERENCE_MAX_AGE_SECONDS = 900.0
RETURN_FROM_SECONDS = 3_600.0
"""Capital locked for less has no annual return worth the name."""
KILL_SWITCH = "risk.kill_switch"
NEVER: Ns = 2**63 - 1
PAUSE_MAX_SECONDS = 3_600.0
WIDEST_PAIRS = 8
"""Venue against venue looks closer at so many of the widest gaps."""
ENOUGH = 3
"""So many profitable sizings of one route, the most promising first, and the rest is not looked at."""
REMEMBERED = 4_096
"""Incidents remembered at most; the longest untouched is forgotten first."""
NO_PRICE_CAUSES = {
    "multiplier_mismatch": "shares per token are in doubt, so the basis may not be there",
    "corporate_action": "shares per token are changing, so the basis may not be there",
    "oracle_fault": "the price compared with is wrong",
    "feed_fault": "a source of prices has failed",
}


Route = Callable[[View, Case], list[Candidate]]


SIDES: dict[str, Side] = {"buy": "buy", "sell": "sell"}
"""Which side of a market a fill took from."""


class Last(Struct):
    """What was last planned for an incident. Not before ``until`` again, unless it gets worse."""

    until: Ns
    severity: str
    worse_than: float
    plan_id: str
    count: int
    rules: list[str]
    pause_seconds: float


class Strategy:
    """Plans for incidents; remembers inventory, reservations and what it has already said.

    ``clock`` may be shared with valuation (its calendar is costly to build); ``default_volatility``
    is that of an underlying the registry says nothing of.
    """

    def __init__(self, config: StrategySection, registry: Registry, clock: SessionClock | None = None,
                 default_volatility: float | None = None) -> None:  # fmt: skip
        valuation = ValuationSection()
        self._config = config
        self._registry = registry
        self._clock = clock or SessionClock(valuation)
        self._volatility = default_volatility or valuation.annual_volatility
        self._expiry = int(config.expiry_seconds * NS)
        self._last: dict[str, Last] = {}
        self.desk = Desk(config, registry)
        self.spent = Spent()
        self.killed: dict[str, str] = {}
        """Why no new plan is made, by who threw the switch; empty: plans are made."""

    def wants_plan(self, incident: Incident | OpenIncident, ts: Ns) -> bool:
        """Whether there may be something new to say: new, escalated, much worse, or expired unfilled."""
        last = self._last.get(incident.id)
        if last is None:
            return incident.resolved is None and incident.kind == "depeg"
        if incident.resolved is not None:
            return False
        if ts > last.until or incident.severity != last.severity:
            return True
        basis = incident.basis
        return basis is not None and not -last.worse_than < basis < last.worse_than

    def plan(self, incident: Incident, market: Market, ts: Ns, hedges: HedgeQuotes | None = None,
             others: Others = tuple) -> list[Plan]:  # fmt: skip
        """Plans to trade, best first, one a route; or one plan not to, with every reason.

        ``[]`` if the answer would be the same "no trade" as the last one. The best plan's capital and
        tokens count as reserved until it expires or is carried out. ``hedges`` is what can carry a wait
        beside short stock: the cheapest that keeps ``hedge_shortfall`` is taken. ``others`` are incidents
        that wait for a plan, too: where a limit does not do for all, each gets what makes most together.
        """
        if incident.kind != "depeg" or incident.resolved is not None:
            return []
        self.desk.expire(ts)
        view = self._view(incident, market, ts, hedges)
        chosen = self._choose(view)
        if chosen:
            chosen = self._shared(view, chosen, others)
        last = self._last.get(incident.id)
        count = last.count if last is not None else 0
        if not chosen:
            return self._decline(view, last, count)
        told = [candidate.told() for candidate in chosen]
        plans = [
            self._plan(view, candidate, details, count + n)
            for n, (candidate, details) in enumerate(zip(chosen, told, strict=True), 1)
        ]
        self.desk.reserve(plans[0], told[0].exposure)
        self._remember(incident, plans[0], count + len(plans), [], ts + self._expiry, 0.0)
        return plans

    def on_fill(self, fill: Fill) -> None:
        """Take note of what happened to a plan: inventory, reserved capital, open settlement."""
        reservation = self.desk.reservations.get(fill.plan_id)
        if reservation is not None and fill.status != "rejected":
            last = self._last.get(reservation.incident_id)
            if last is not None and last.plan_id == fill.plan_id:
                # It is being carried out: only a worse incident is planned for again.
                last.until = NEVER
        side = SIDES.get(fill.action)
        if side is not None and fill.status in ("filled", "partial"):
            tokens, pool = float(fill.quantity_tokens), self._is_pool(fill.instrument)
            self.spent.take(fill.instrument, incident_of(fill.plan_id), fill.ts, side, tokens, pool)
        self.desk.on_fill(fill)

    def _is_pool(self, instrument: str) -> bool:
        venue = self._registry.venues.get(venue_of(instrument))
        return venue is None or venue.kind == "pool"

    def switch(self, command: Command) -> None:
        """Throw the kill switch, or put it back: what is under way is finished, nothing new is begun."""
        if command.verb == "kill":
            self.killed[command.by] = command.target or "no reason given"
            return
        self.killed.pop(command.by, None)
        for last in self._last.values():
            if KILL_SWITCH in last.rules:
                last.until = 0

    def snapshot(self) -> dict[str, Any]:
        """Everything remembered, as plain data."""
        return {
            "killed": dict(self.killed),
            "desk": self.desk.snapshot(),
            "spent": self.spent.snapshot(),
            "last": {key: msgspec.to_builtins(value) for key, value in self._last.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a :meth:`snapshot`."""
        if not state:
            return
        self.desk.restore(state["desk"])
        self.spent.restore(state.get("spent", {}))
        self.killed = dict(state.get("killed", {}))
        self._last = msgspec.convert(state["last"], dict[str, Last])

    def _choose(self, view: View) -> list[Candidate]:
        incident = view.incident
        if self.killed:
            for by, why in self.killed.items():
                view.refuse("risk.kill_switch", f"thrown by {by or 'somebody'}: {why}")
            return []
        doubt = NO_PRICE_CAUSES.get(incident.cause)
        if doubt is not None:
            view.refuse(f"cause.{incident.cause}", doubt)
            return []
        names = dict.fromkeys([incident.instrument, *incident.venues])
        cases = [case for name in names if (case := self._case(view, name)) is not None]
        best: dict[RouteKind, Candidate] = {}
        if cases and self._reference_ok(view):
            limit = self._config.max_plan_usd
            cases.sort(key=lambda case: -case.promise(limit))
            self._each(view, cases, mint_and_sell, best)
            self._each(view, cases, buy_and_redeem, best)
            if "buy_and_redeem" not in best or best["buy_and_redeem"].objective <= 0:
                self._each(view, cases, hedge_and_hold, best)
        self._across(view, cases, names, best)
        for route, candidate in list(best.items()):
            if candidate.whole is not None:
                del best[route]
                _keep(best, [found for found in [candidate.whole(candidate)] if found is not None])
        known = {case.name: case for case in cases}
        worth = [c for c in best.values() if self._worth(view, c, known.get(c.instrument))]
        if not worth and not view.refused:
            view.refuse("profit.none", "at the prices that can be had now nothing is left to earn")
        return sorted(worth, key=lambda candidate: -candidate.objective)

    def _shared(self, view: View, chosen: list[Candidate], others: Others) -> list[Candidate]:
        """``chosen``, or what is left of it where other incidents make more of what limits allow."""
        incident, market, ts = view.incident, view.market, view.ts
        own = Rival(incident, chosen[0])
        waiting = [(one, quotes) for one, quotes in others() if one.id != incident.id]
        if not waiting or not may_bind(
            own, [one for one, _ in waiting], self.desk, self._config.max_plan_usd
        ):
            return chosen
        waiting.sort(key=lambda pair: -(pair[0].money_at_stake_usd or 0.0))
        rivals = []
        for one, quotes in waiting[:RIVALS]:
            best = self._choose(self._view(one, market, ts, quotes))
            if best:
                rivals.append(Rival(one, best[0]))
        shares = ration(own, rivals, self.desk)
        if not shares:
            return chosen
        self.desk.ration = shares
        try:
            found = self._choose(view)
        finally:
            self.desk.ration = {}
        names = ", ".join(rival.incident.id for rival in rivals)
        if not found:
            view.refuse("limits.shared", f"{names} earns more with what is left of the limits")
        for candidate in found:
            candidate.notes.append(
                f"limits.shared: sized together with {names}, as what is left does not do for all"
            )
        return found

    def _view(self, incident: Incident, market: Market, ts: Ns, hedges: HedgeQuotes | None) -> View:
        return View(incident, market, self._registry, self._config, self._clock, self.desk,
                    self._volatility, ts, hedges, self.spent)  # fmt: skip

    def _case(self, view: View, name: str) -> Case | None:
        state = view.market.instrument(name)
        if state is None:
            view.refuse("depth.unknown", f"{name} has not been seen")
            return None
        return open_case(view, state)

    def _reference_ok(self, view: View) -> bool:
        if view.incident.cause == "stale_reference":
            view.refuse("reference.stale", "the share's price has stopped moving, so fair value is in doubt")
            return False
        if view.halt is not None:
            view.refuse("reference.halted", f"{view.halt}; nobody knows at what price it goes on")
            return False
        fair = view.market.fair(view.incident.instrument, view.ts)
        age = fair.age_seconds if fair is not None else None
        if view.session == "regular" and age is not None and age > REFERENCE_MAX_AGE_SECONDS:
            view.refuse(
                "reference.stale", f"the share's price is {duration(age)} old while its market is open"
            )
            return False
        return True

    def _across(self, view: View, cases: list[Case], names: Iterable[str],
                best: dict[RouteKind, Candidate]) -> None:  # fmt: skip
        """Venue against venue: each that is out against every other of the same token."""
        known = {case.name: case for case in cases}
        symbols = {case.symbol for case in cases}
        unknown = [
            state
            for state in view.market.instruments_of(view.incident.underlying)
            if state.token.symbol in symbols and state.name not in known and state.name not in names
        ]
        # What is wrong with a venue that is not out is nobody's business.
        aside = self._view(view.incident, view.market, view.ts, None) if unknown else view
        others = [case for state in unknown if (case := open_case(aside, state)) is not None]
        known |= {case.name: case for case in others}
        gaps: list[tuple[float, str, str]] = []
        for one, other in chain(combinations(cases, 2), product(cases, others)):
            cheap, dear = (one, other) if one.spot < other.spot else (other, one)
            if (left := gap(cheap, dear)) > 0:
                gaps.append((left, cheap.name, dear.name))
        gaps.sort(reverse=True)
        pairs = [
            Pair(bought, sold)
            for _, low, high in gaps[:WIDEST_PAIRS]
            if (bought := _for(view, known[low], "buy")) is not None
            and (sold := _for(view, known[high], "sell")) is not None
            and bought.spot < sold.spot
        ]
        pairs.sort(key=lambda pair: -pair.promise)
        good = 0
        for pair in pairs:
            if "cross_venue" in best and (good >= ENOUGH or pair.promise <= best["cross_venue"].objective):
                break
            found = cross_venue(view, pair)
            good += any(candidate.objective > 0 for candidate in found)
            _keep(best, found)

    def _each(self, view: View, cases: list[Case], route: Route, best: dict[RouteKind, Candidate]) -> None:
        """One route on each venue, the most promising first, until none can be better than the best."""
        good, top = 0, 0.0
        for case in cases:
            if good >= ENOUGH or (good and case.promise(self._config.max_plan_usd) <= top):
                break
            for candidate in route(view, case):
                _keep(best, [candidate])
                if candidate.objective > 0:
                    good, top = good + 1, max(top, candidate.objective)

    def _worth(self, view: View, candidate: Candidate, case: Case | None) -> bool:
        """Whether it pays; ``case`` is its venue."""
        least = self._config.min_profit_usd
        if candidate.expected_usd >= least and candidate.objective > 0:
            return True
        # All that closing the gap there could earn.
        there_usd = inf if case is None else case.promise(inf)
        where = f"{candidate.route} on {candidate.instrument}"
        if candidate.expected_usd <= 0 or candidate.expected_usd >= least:
            view.refuse(
                "profit.below_risk",
                f"{where} expects {cents(candidate.expected_usd)} against a worst case of "
                f"{cents(candidate.worst_usd)}",
            )
        elif there_usd < least:
            view.refuse(
                "depth.too_thin",
                f"bringing {candidate.instrument} all the way back to fair value would earn at most "
                f"${there_usd:,.2f}, and {where} ${candidate.expected_usd:,.2f}; "
                f"at least ${least:,.2f} is asked",
            )
        else:
            view.refuse(
                "profit.below_minimum",
                f"{where} would earn ${candidate.expected_usd:,.2f}; at least ${least:,.2f} is asked",
            )
        return False

    def _plan(self, view: View, candidate: Candidate, told: Details, number: int) -> Plan:
        seconds, capital = candidate.duration_seconds, told.exposure.capital_usd
        law = forecast(told.branches)
        annual = None
        if seconds >= RETURN_FROM_SECONDS and capital > 0:
            annual = candidate.expected_usd / capital / years(seconds)
        return Plan(
            id=f"{view.incident.id}-P{number}", incident_id=view.incident.id,
            instrument=candidate.instrument, underlying=view.incident.underlying, created=view.ts,
            expires=view.ts + self._expiry, decision="trade", route=candidate.route,
            size_usd=candidate.size_usd, quantity_tokens=candidate.tokens, legs=told.legs,
            hedge=told.hedge, expected_profit_usd=candidate.expected_usd,
            costs_usd=told.costs_usd, worst_case_usd=min(candidate.worst_usd, -law.shortfall_99_usd),
            break_even_price=candidate.break_even_price, capital_usd=capital,
            duration_seconds=seconds, annualised_return=annual, reasons=[*told.notes, *candidate.notes],
            probability_of_loss=law.probability_of_loss, shortfall_95_usd=law.shortfall_95_usd,
            shortfall_99_usd=law.shortfall_99_usd, outcomes=law.outcomes, otherwise=list(told.otherwise),
        )  # fmt: skip

    def _decline(self, view: View, last: Last | None, count: int) -> list[Plan]:
        incident = view.incident
        reasons = list(view.refused)
        rules = sorted({reason.partition(":")[0] for reason in reasons})
        pause = self._config.expiry_seconds
        if last is not None and last.rules == rules:
            pause = min(2 * last.pause_seconds, max(PAUSE_MAX_SECONDS, pause))
            plan_id = last.plan_id
        else:
            count += 1
            plan_id = f"{incident.id}-P{count}"
        plan = Plan(
            id=plan_id, incident_id=incident.id, instrument=incident.instrument,
            underlying=incident.underlying, created=view.ts, expires=view.ts + self._expiry,
            decision="no_trade", route=None, size_usd=0.0, quantity_tokens=0.0, legs=[], hedge=None,
            expected_profit_usd=0.0, costs_usd={}, worst_case_usd=0.0, break_even_price=None,
            capital_usd=0.0, duration_seconds=0.0, annualised_return=None, reasons=reasons,
        )  # fmt: skip
        again = last is not None and last.plan_id == plan_id
        self._remember(incident, plan, count, rules, view.ts + int(pause * NS), pause)
        return [] if again else [plan]

    def _remember(self, incident: Incident, plan: Plan, count: int, rules: list[str], until: Ns,
                  pause: float) -> None:  # fmt: skip
        self._last.pop(incident.id, None)
        worse = WORSE * abs(incident.basis) if incident.basis else float("1e18")
        self._last[incident.id] = Last(until, incident.severity, worse, plan.id, count, rules, pause)
        while len(self._last) > REMEMBERED:
            del self._last[next(iter(self._last))]


def incident_of(plan_id: str) -> str:
    """The incident that a plan is for, by the plan's id."""
    return plan_id.rpartition("-P")[0]


def _for(view: View, case: Case, side: Side) -> Case | None:
    """The venue as a trade on that side finds it: what was taken of the one side is there on the other."""
    if view.spent.gone(case.name, view.incident.id, case.state.ts, side) == case.taken:
        return case
    return open_case(view, case.state, side)


def _keep(best: dict[RouteKind, Candidate], found: Iterable[Candidate]) -> None:
    for candidate in found:
        known = best.get(candidate.route)
        if known is None or candidate.objective > known.objective:
            best[candidate.route] = candidate
