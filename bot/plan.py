"""What the strategy would do about an instrument's basis, incident or not: what ``pegbot plan`` answers.

Planned by the same :meth:`Strategy.plan`, on an engine restored from the daemon's last snapshot and thrown
away afterwards: nothing is sent, remembered or written.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, log

from msgspec import Struct
from msgspec.structs import replace

from bot.config import Config
from bot.detector.explain import premium, usd
from bot.detector.incidents import OpenIncident, severity
from bot.driver import Driver
from bot.engine import Engine
from bot.market import InstrumentState
from bot.quote import seen
from bot.registry import Registry
from bot.strategy.hedge_quotes import HedgeQuotes
from bot.types import WALLET, Incident, Ns, Plan


class Present(Struct, frozen=True):
    """The basis as of ``ts``, shaped as an incident, and the plans for it: those to trade, best first, or one
    not to. ``incident_id`` is the open incident it belongs to, ``None`` if there is none."""

    ts: Ns
    incident_id: str | None
    basis: Incident
    plans: list[Plan]


def plan(config: Config, registry: Registry, saved: bytes | None, instrument: str,
         size_usd: float | None = None) -> Present:  # fmt: skip
    """Plans of at most ``size_usd`` each; ``[strategy] max_plan_usd`` if that is ``None`` or less.

    Raises :class:`UsageError` if it is no token's, or the daemon has not seen it.
    """
    if size_usd is not None:
        most = min(size_usd, config.strategy.max_plan_usd)
        capped = config.strategy.model_copy(update={"max_plan_usd": most})
        config = config.model_copy(update={"strategy": capped})
    driver = Driver(config, registry)
    if saved is not None:
        driver.restore(saved)
    engine = driver.engine
    state = seen(engine, instrument, "plan")
    own: OpenIncident | None = state.alarm.incident if state.alarm is not None else None
    shaped = _shaped(engine, state, own)
    _forget(engine, shaped.id)
    plans = engine.strategy.plan(
        shaped, engine.market, engine.now, _hedges(engine, state), lambda: _others(engine, shaped.id)
    )
    return Present(engine.now, None if own is None else own.id, shaped, plans)


def _shaped(engine: Engine, state: InstrumentState, own: OpenIncident | None) -> Incident:
    """The basis there is now; cause and history are the open incident's, where it belongs to one."""
    ts, name = engine.now, state.name
    fair = engine.market.fair(name, ts)
    limits = engine.detector.band_of(state, ts)
    basis = None if fair is None or state.price is None else log(state.price / fair.value_usd)
    direction = 1 if basis is None or basis >= 0 else -1
    base = own or OpenIncident(name, state.underlying.info.ticker, "depeg", direction, ts)
    stake = None if fair is None else _stake(state, fair.value_usd, direction)
    found = replace(
        base.message("update"), instrument=name, last_seen=ts, venues=[name], basis=basis, basis_low=basis,
        basis_high=basis, band_low=limits.low, band_high=limits.high, price=state.price,
        fair_value=None if fair is None else fair.value_usd, fair_value_sd=None if fair is None else fair.sd,
        executable=_executable(state, engine.config.detector.sizes_usd, direction),
        money_at_stake_usd=stake,
    )  # fmt: skip
    if own is None and basis is not None and fair is not None:
        found = replace(found, severity=severity(basis, stake, fair.independent))
    return replace(found, explanation=_told(found, own))


def _told(found: Incident, own: OpenIncident | None) -> str:
    token, _, venue = found.instrument.partition("@")
    if found.basis is None or found.price is None or found.fair_value is None:
        return f"{token} on {venue}: nothing says what it is worth, so there is no basis."
    assert found.band_low is not None
    assert found.band_high is not None
    where = "inside" if found.band_low <= found.basis <= found.band_high else "outside"
    text = (
        f"{token} on {venue} at {usd(found.price)} is {premium(found.basis)} from fair value "
        f"{usd(found.fair_value)} (±{196 * (found.fair_value_sd or 0.0):.1f} %), {where} the band of "
        f"{100 * (exp(found.band_low) - 1):+.1f} % to {100 * (exp(found.band_high) - 1):+.1f} %."
    ).replace("-", "−")
    if own is None:
        return f"{text} No incident is open on it, so no cause is known."
    return f"{text} It belongs to incident {own.id}, cause {own.cause}."


def _executable(state: InstrumentState, sizes: tuple[float, ...] | list[float],
                direction: int) -> dict[str, float | None]:  # fmt: skip
    curve = state.curve
    if curve is None:
        return {}
    done = {size: curve.sell(size) if direction > 0 else curve.buy(size) for size in sizes}
    return {f"{size:g}": None if one is None else one.price for size, one in done.items()}


def _stake(state: InstrumentState, fair_usd: float, direction: int) -> float | None:
    """What closing the gap on this venue would earn before costs; ``None`` where its depth is not known."""
    if state.curve is None:
        return None
    done = state.curve.to_price(fair_usd)
    return 0.0 if done is None else max(0.0, (done.usd - done.tokens * fair_usd) * direction)


def _forget(engine: Engine, incident_id: str) -> None:
    """What was last said of the incident: a "no trade" that it has said before is said again."""
    remembered = engine.strategy.snapshot()
    if remembered["last"].pop(incident_id, None) is not None:
        engine.strategy.restore(remembered)


def _others(engine: Engine, incident_id: str) -> Iterator[tuple[Incident, HedgeQuotes | None]]:
    """The open incidents that wait for a plan beside this one, as the engine tells the strategy of them."""
    for one in engine.detector.open.values():
        state = engine.market.instruments.get(one.instrument)
        if one.id == incident_id or state is None or state.price is None:
            continue
        if engine.strategy.wants_plan(one, engine.now):
            yield one.message("update"), _hedges(engine, state)


def _hedges(engine: Engine, state: InstrumentState) -> HedgeQuotes | None:
    """What can carry a wait beside short stock; ``None`` if nothing was ever told of."""
    ts, market, desk = engine.now, engine.market, engine.strategy.desk
    estimate, underlying = engine.valuation.estimate(state, ts), state.underlying.info.ticker
    if estimate is None or underlying not in engine.hedges.shares:
        return None

    def coins_usd(symbol: str) -> float:
        return desk.free_tokens(symbol, WALLET) * (market.token_usd(symbol, ts) or 0.0)

    return engine.hedges.quotes(underlying, ts, exp(estimate.log_share), market.multiplier, coins_usd)
