"""What a valuation costs the metrics, and what a scrape costs, beside plain prometheus_client gauges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from benchmarks import workload
from benchmarks.figure import Figure, best_seconds
from bot.metrics import Metrics
from bot.timefmt import NS
from bot.types import Basis, Session

COUNT = workload.INSTRUMENTS
RENDER_BUDGET_MS = 50.0
FIELDS = ("price", "bid", "ask", "fair_value", "fair_value_sd", "basis", "band_low", "band_high",
          "age_seconds", "liquidity_usd")  # fmt: skip
PEER = "prometheus_client gauges"


class _Gauges:
    """The same figures of each instrument, and the same session of each share, as the library's gauges."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("instrument", "underlying")
        self.gauges = {
            name: Gauge(f"peer_{name}", "The same.", labels, registry=self.registry) for name in FIELDS
        }
        self.session = Gauge("peer_session", "The same.", ("underlying", "session"), registry=self.registry)

    def offer(self, basis: Basis) -> None:
        for name, gauge in self.gauges.items():
            gauge.labels(basis.instrument, basis.underlying).set(getattr(basis, name))
        for session in get_args(Session):
            self.session.labels(basis.underlying, session).set(session == basis.session)

    def render(self) -> bytes:
        return generate_latest(self.registry)


def run() -> Iterator[Figure]:
    """One valuation of each of 500 instruments, then a scrape."""
    bases = [_basis(number) for number in range(COUNT)]
    ours, theirs = Metrics(), _Gauges()

    def offering(target: Metrics | _Gauges) -> float:
        return best_seconds(lambda: [target.offer(basis) for basis in bases]) / COUNT * 1e6

    yield Figure("Metrics.offer, one valuation", offering(ours), "µs", PEER, offering(theirs))
    yield Figure(
        f"Metrics.render, {COUNT} instruments", best_seconds(ours.render) * 1e3, "ms", PEER,
        best_seconds(theirs.render) * 1e3, RENDER_BUDGET_MS,
    )  # fmt: skip


def _basis(number: int) -> Basis:
    share = f"S{number // 5}"
    price = 100.0 + number / 7
    return Basis(
        NS, f"{share}x@v{number % 5}", share, "regular", price, price * 0.999, price * 1.001, price * 1.002,
        0.001, -0.002, -0.01, 0.01, 3.5, 250_000.0,
    )  # fmt: skip
