"""Every Prometheus metric, in one file: first the table of them, then what fills it.

:class:`Metrics` keeps plain numbers that become text only in :meth:`Metrics.render`. So counting costs
a dictionary write in the hot loop, a value that is missing or too old is absent rather than a stale
gauge, and no label set outlives what it describes. Labels come from the registry, the configuration or
the literals of :mod:`bot.types`; words from elsewhere are bounded. docs/operations.md explains each.
"""

from __future__ import annotations

import asyncio
import platform
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, get_args

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from bot import __version__, types
from bot.exposition import CONTENT_TYPE as CONTENT_TYPE
from bot.exposition import Family, Store
from bot.strategy.options import Greeks
from bot.timefmt import NS
from bot.types import Basis, FeedStatus, Fill, Incident, Message, Ns, Plan, Quality, Quarantined

_G: Final = "gauge"
_C: Final = "counter"
_H: Final = "histogram"
_I: Final = ("instrument", "underlying")
_STEP = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2, 0.25, 1.0)
_WRITE = (1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_LASTED = (60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0, 259_200.0, 604_800.0)

FAMILIES: Final = (
    Family(_G, "pegbot_build_info", "1; the labels say what is running.", ("version", "python")),
    Family(_C, "pegbot_ticks_total", "Ticks taken from a source.", ("source", "kind")),
    Family(_C, "pegbot_quarantined_total", "Data set aside as unusable.", ("reason",)),
    Family(_C, "pegbot_hedges_refused_total", "Quotes of hedges that the book has no room for."),
    Family(_H, "pegbot_engine_step_seconds", "Time the engine took for one event.", (), _STEP),
    Family(_G, "pegbot_engine_lag_seconds", "How long the engine's last event had waited."),
    Family(_G, "pegbot_event_timestamp_seconds", "Event time the engine has reached, Unix time."),
    Family(_G, "pegbot_kill_switch", "1 while the kill switch is thrown, and no plan is made."),
    Family(_G, "pegbot_loop_delay_seconds", "How late the event loop ran its last timer."),
    Family(_G, "pegbot_queue_depth", "Items waiting in a bounded queue.", ("queue",)),
    Family(_G, "pegbot_queue_capacity", "Items a bounded queue may hold.", ("queue",)),
    Family(_C, "pegbot_queue_dropped_total", "Items a full queue let go.", ("queue",)),
    Family(_G, "pegbot_feed_state", "1 for the state a source is in, else 0.", ("source", "state")),
    Family(_G, "pegbot_feed_lag_seconds", "Last tick: from valid there to seen here.", ("source",)),
    Family(_G, "pegbot_feed_skew_seconds", "Its last stamp, ahead of the clock here.", ("source",)),
    Family(_G, "pegbot_feed_quality_ratio", "Mean score of what it feeds, 0 to 1.", ("source",)),
    Family(_C, "pegbot_feed_restarts_total", "Times a source was started again.", ("source",)),
    Family(_G, "pegbot_source_quality_ratio", "How good a price's source is, 0 to 1.", _I),
    Family(_G, "pegbot_source_weight_ratio", "A reference's part in what all say.", _I),
    Family(_G, "pegbot_source_age_seconds", "Event time since it last told a price.", _I),
    Family(_G, "pegbot_source_lag_seconds", "How late its ticks are here, on average.", _I),
    Family(_G, "pegbot_source_skew_seconds", "Stamps ahead of the clock here, on average.", _I),
    Family(_G, "pegbot_source_missing_ratio", "Part of late time that it missed.", _I),
    Family(_G, "pegbot_source_frozen_ratio", "Part of late time that its price stood.", _I),
    Family(_G, "pegbot_source_apart_ratio", "Distance from its peers, a log.", _I),
    Family(_G, "pegbot_session", "1 for the session it is, else 0.", ("underlying", "session")),
    Family(_G, "pegbot_instruments", "Instruments, as the detector sees them.", ("underlying", "state")),
    Family(_G, "pegbot_basis_age_seconds", "Event time since it was last valued.", _I),
    Family(_G, "pegbot_basis_ratio", "log(token price / fair value).", _I),
    Family(_G, "pegbot_band_low_ratio", "Lower edge of the arbitrage band, a basis.", _I),
    Family(_G, "pegbot_band_high_ratio", "Upper edge of the arbitrage band, a basis.", _I),
    Family(_G, "pegbot_price_usd", "Price compared: mid, or last where nothing is quoted.", _I),
    Family(_G, "pegbot_executable_price_usd", "Average at the primary size, our side.", (*_I, "side")),
    Family(_G, "pegbot_fair_value_usd", "Share price x multiplier, per token.", _I),
    Family(_G, "pegbot_fair_value_sd_ratio", "Standard deviation of log fair value.", _I),
    Family(_G, "pegbot_reference_age_seconds", "Age of the reference behind fair value.", _I),
    Family(_G, "pegbot_liquidity_usd", "Last known liquidity.", _I),
    Family(_G, "pegbot_incident_open", "Open incidents; absent when resolved.", (*_I, "cause", "severity")),
    Family(_G, "pegbot_incident_basis_ratio", "Worst basis of an open incident.", _I),
    Family(_G, "pegbot_incident_stake_usd", "Closing the gap would earn this before costs.", _I),
    Family(_G, "pegbot_incident_price_usd", "Average price for a size, incident open.", (*_I, "size_usd")),
    Family(_C, "pegbot_incidents_total", "Incidents opened.", ("cause", "severity")),
    Family(_H, "pegbot_incident_duration_seconds", "Event time, open to resolve.", (), _LASTED),
    Family(_C, "pegbot_plans_total", "Plans made; route none: nothing pays.", ("decision", "route")),
    Family(_C, "pegbot_plan_refusals_total", "Rules that made a plan no trade.", ("rule",)),
    Family(_G, "pegbot_plan_expected_profit_usd", "Of an open incident's last plan.", _I),
    Family(_G, "pegbot_plan_size_usd", "Of an open incident's last plan.", _I),
    Family(_G, "pegbot_plan_worst_case_usd", "Of that plan, at 99 %; a loss is negative.", _I),
    Family(_C, "pegbot_fills_total", "Fills.", ("action", "status")),
    Family(_C, "pegbot_traded_usd_total", "Notional of fills that executed.", ("action",)),
    Family(_C, "pegbot_trading_costs_usd_total", "Fees and gas paid.", ("cost",)),
    Family(_G, "pegbot_ledger_usd", "What the books say.", ("item",)),
    Family(_G, "pegbot_book_value_usd", "All that is held on a share, at fair value.", ("underlying",)),
    Family(_G, "pegbot_book_delta_shares", "What the book gains a dollar of the share.", ("underlying",)),
    Family(_G, "pegbot_book_gamma_shares", "Change of delta a dollar of the share.", ("underlying",)),
    Family(_G, "pegbot_book_vega_usd", "What it gains per 1.00 of volatility.", ("underlying",)),
    Family(_G, "pegbot_book_theta_usd", "What it gains by a calendar day passing.", ("underlying",)),
    Family(_G, "pegbot_book_rho_usd", "What it gains per 1.00 of the rate.", ("underlying",)),
    Family(_H, "pegbot_ledger_write_seconds", "One committed write to the database.", (), _WRITE),
    Family(_C, "pegbot_ledger_write_failures_total", "Writes to the database that failed."),
    Family(_G, "pegbot_outbox_pending", "Messages the channel has not accepted yet.", ("channel",)),
    Family(_G, "pegbot_outbox_oldest_seconds", "Age of the oldest of them.", ("channel",)),
    Family(_C, "pegbot_outbox_sent_total", "Messages a channel accepted.", ("channel",)),
    Family(_C, "pegbot_outbox_failed_total", "Attempts a channel refused.", ("channel",)),
    Family(_G, "pegbot_mqtt_connected", "1 while connected to the broker; absent if off."),
    Family(_C, "pegbot_mqtt_published_total", "Messages the broker accepted."),
    Family(_C, "pegbot_mqtt_dropped_total", "Messages a full buffer let go."),
)
_MADE_ANEW = {f.name for f in FAMILIES if f.labels[:2] == _I} | {"pegbot_session", "pegbot_instruments"}
_SHOWN: Final = (
    ("pegbot_basis_ratio", "basis", ()),
    ("pegbot_band_low_ratio", "band_low", ()),
    ("pegbot_band_high_ratio", "band_high", ()),
    ("pegbot_price_usd", "price", ()),
    ("pegbot_executable_price_usd", "bid", ("sell",)),
    ("pegbot_executable_price_usd", "ask", ("buy",)),
    ("pegbot_fair_value_usd", "fair_value", ()),
    ("pegbot_fair_value_sd_ratio", "fair_value_sd", ()),
    ("pegbot_reference_age_seconds", "age_seconds", ()),
    ("pegbot_liquidity_usd", "liquidity_usd", ()),
)
_QUALITY: Final = (
    ("pegbot_source_quality_ratio", "score"),
    ("pegbot_source_weight_ratio", "weight_ratio"),
    ("pegbot_source_age_seconds", "age_seconds"),
    ("pegbot_source_lag_seconds", "lag_seconds"),
    ("pegbot_source_skew_seconds", "skew_seconds"),
    ("pegbot_source_missing_ratio", "missing_ratio"),
    ("pegbot_source_frozen_ratio", "frozen_ratio"),
    ("pegbot_source_apart_ratio", "apart_ratio"),
)


_GREEKS: Final = (
    ("pegbot_book_value_usd", "value"),
    ("pegbot_book_delta_shares", "delta"),
    ("pegbot_book_gamma_shares", "gamma"),
    ("pegbot_book_vega_usd", "vega"),
    ("pegbot_book_theta_usd", "theta_day"),
    ("pegbot_book_rho_usd", "rho"),
)


class Metrics(Store):
    """All figures of one daemon, on a registry of its own. Fill and render it from one thread.

    ``max_age_seconds``: event time after which an instrument's last valuation is shown no more.
    """

    def __init__(self, *, version: str = __version__, max_age_seconds: float = 3600.0) -> None:
        super().__init__(FAMILIES)
        self.registry = CollectorRegistry()
        self.max_age_seconds = max_age_seconds
        self._basis: dict[str, Basis] = {}
        self._incidents: dict[str, Incident] = {}
        self._plans: dict[str, Plan] = {}
        self._qualities: dict[str, Quality] = {}
        self._now: Ns = 0
        self._before_render: list[Callable[[], None]] = []
        self.set("pegbot_build_info", 1, version, platform.python_version())
        self.set("pegbot_ledger_write_failures_total", 0)
        for cause in get_args(types.Cause):  # a counter born as 1 hides its first increase from rate()
            for severity in types.SEVERITIES:
                self.set("pegbot_incidents_total", 0, cause, severity)
        ProcessCollector(registry=self.registry)

    def tick(self, source: str, kind: str, n: int = 1) -> None:
        """``n`` ticks of ``kind`` were taken from ``source``."""
        self.add("pegbot_ticks_total", n, source, kind)

    def engine(self, now: Ns, lag_seconds: float, step_seconds: float, steps: int = 1) -> None:
        """The engine reached event time ``now`` in ``steps`` that took ``step_seconds`` in all; the last
        event had waited ``lag_seconds`` since it was received. Once a batch is often enough."""
        self._now = max(self._now, now)
        self.set("pegbot_event_timestamp_seconds", now / NS)
        self.set("pegbot_engine_lag_seconds", lag_seconds)
        self.time("pegbot_engine_step_seconds", step_seconds, steps)

    def part(self, part: str, *labels: str, **figures: float) -> None:
        """Figures a part keeps itself, totals included: ``part("queue", "engine", depth=3, capacity=9,
        dropped_total=0)``, likewise ``"outbox", channel`` and ``"mqtt"``. KeyError for unknown ones."""
        for name, value in figures.items():
            self.set(f"pegbot_{part}_{name}", value, *labels)

    def book(self, greeks: Mapping[str, Greeks]) -> None:
        """The greeks of all that is held, by underlying; one that is held no more is shown no more."""
        for name, _ in _GREEKS:
            self.clear(name)
        for underlying, each in greeks.items():
            for name, field in _GREEKS:
                self.set(name, getattr(each, field), underlying)

    def restore(self, incidents: Iterable[Incident]) -> None:
        """Incidents open before a restart: shown as open, not counted as opened again."""
        self._incidents.update({i.id: i for i in incidents if i.resolved is None})

    def before_render(self, read: Callable[[], None]) -> None:
        """Call ``read`` at each scrape, to take figures from parts that keep plain counters."""
        self._before_render.append(read)

    def render(self) -> bytes:
        """The exposition text, to be served as :data:`CONTENT_TYPE`."""
        for read in self._before_render:
            read()
        self._show()
        return self.text().encode() + generate_latest(self.registry)

    async def run(self) -> None:
        """A sink's loop: there is nothing to deliver, it only waits to be cancelled."""
        await asyncio.Event().wait()

    def offer(self, message: Message) -> None:
        """Count one message of the engine or the daemon; never raises, never waits."""
        match message:
            case Basis():
                self._basis[message.instrument] = message
                self._now = max(self._now, message.ts)
            case Incident():
                self._on_incident(message)
            case Plan():
                self._on_plan(message)
            case Fill():
                self._on_fill(message)
            case FeedStatus():
                self._on_feed(message)
            case Quality():
                self._qualities[message.instrument] = message
            case Quarantined():
                self.add("pegbot_quarantined_total", 1, _word(message.reason))

    observe = offer

    def _on_incident(self, incident: Incident) -> None:
        if incident.phase == "open":
            self.add("pegbot_incidents_total", 1, incident.cause, incident.severity)
        if incident.resolved is None:
            self._incidents[incident.id] = incident
        elif self._incidents.pop(incident.id, None) is not None:
            self._plans.pop(incident.id, None)
            self.time("pegbot_incident_duration_seconds", (incident.resolved - incident.opened) / NS)

    def _on_plan(self, plan: Plan) -> None:
        self.add("pegbot_plans_total", 1, plan.decision, plan.route or "none")
        if plan.decision == "no_trade":
            for rule in {_word(reason) for reason in plan.reasons}:
                self.add("pegbot_plan_refusals_total", 1, rule)
        if plan.incident_id in self._incidents:
            self._plans[plan.incident_id] = plan

    def _on_fill(self, fill: Fill) -> None:
        self.add("pegbot_fills_total", 1, fill.action, fill.status)
        if fill.status in ("filled", "partial"):
            self.add("pegbot_traded_usd_total", float(fill.quantity_tokens * fill.price), fill.action)
            self.add("pegbot_trading_costs_usd_total", float(fill.fee_usd), "fee")
            self.add("pegbot_trading_costs_usd_total", float(fill.gas_usd), "gas")

    def _on_feed(self, feed: FeedStatus) -> None:
        for state in ("starting", "up", "silent", "down", "stopped"):
            self.set("pegbot_feed_state", state == feed.state, feed.source, state)
        self.set("pegbot_feed_restarts_total", feed.restarts, feed.source)
        self.set("pegbot_feed_lag_seconds", feed.lag_seconds, feed.source)
        self.set("pegbot_feed_skew_seconds", feed.skew_seconds, feed.source)
        self.set("pegbot_feed_quality_ratio", feed.quality, feed.source)

    def _show(self) -> None:
        for name in _MADE_ANEW:
            self.clear(name)
        latest: dict[str, Basis] = {}
        for basis in self._basis.values():
            self._show_basis(basis)
            if basis.underlying not in latest or latest[basis.underlying].ts < basis.ts:
                latest[basis.underlying] = basis
        for underlying, basis in latest.items():
            for session in get_args(types.Session):
                self.set("pegbot_session", session == basis.session, underlying, session)
        for one in self._qualities.values():
            for name, field in _QUALITY:
                self.set(name, getattr(one, field), one.instrument, one.underlying)
        for incident in self._incidents.values():
            self._show_incident(incident)
        for plan in self._plans.values():
            for name in ("expected_profit_usd", "size_usd", "worst_case_usd"):
                self.set(f"pegbot_plan_{name}", getattr(plan, name), plan.instrument, plan.underlying)

    def _show_basis(self, basis: Basis) -> None:
        key = (basis.instrument, basis.underlying)
        age = (self._now - basis.ts) / NS
        fresh = age <= self.max_age_seconds
        self.set("pegbot_basis_age_seconds", age, *key)
        state = basis.state if fresh or basis.state == "closed" else "stale"
        self.add("pegbot_instruments", 1, basis.underlying, state)
        for name, field, side in _SHOWN if fresh else ():
            self.set(name, getattr(basis, field), *key, *side)

    def _show_incident(self, incident: Incident) -> None:
        key = (incident.instrument, incident.underlying)
        self.add("pegbot_incident_open", 1, *key, incident.cause, incident.severity)
        self.set("pegbot_incident_basis_ratio", incident.basis, *key)
        self.set("pegbot_incident_stake_usd", incident.money_at_stake_usd, *key)
        for size, price in incident.executable.items():
            self.set("pegbot_incident_price_usd", price, *key, size)


def _word(text: str) -> str:
    """The rule or reason a sentence starts with, if it is a name; else ``other``."""
    match = re.match(r"[a-z][a-z0-9_.]{0,63}(?=$|[:\s])", text)
    return match[0] if match else "other"
