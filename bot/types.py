"""The messages on the arrows.

All are immutable. Times are ``int`` nanoseconds since the Unix epoch, UTC. Prices are USD per
token (per share for references) unless the name says otherwise. A missing number is ``None``.
A *basis* is ``log(executable token price / fair value)``, a ratio without unit; a *premium* is
the same in percent, for people only.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

Ns = int
"""Nanoseconds since the Unix epoch, UTC."""

Side = Literal["buy", "sell"]
"""Of the token, seen from us."""

WALLET = "wallet"
"""Where tokens lie that no exchange keeps: one purse over all chains."""

TickKind = Literal["quote", "trade", "bar", "pool", "multiplier", "status"]
TICK_KINDS: tuple[TickKind, ...] = ("quote", "trade", "bar", "pool", "multiplier", "status")

Session = Literal["pre", "regular", "post", "overnight", "weekend", "holiday"]
"""State of the US equity market at a moment, in New York terms."""

Cause = Literal[
    "thin_liquidity",
    "stale_reference",
    "stale_venue",
    "closed_market_drift",
    "multiplier_mismatch",
    "corporate_action",
    "trading_halt",
    "stablecoin_depeg",
    "issuer_halt",
    "under_backed",
    "oracle_fault",
    "broad_premium",
    "feed_fault",
    "unknown",
]

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")

BasisState = Literal["ok", "pending", "incident", "stale", "unpriced", "halted", "closed"]
"""Of an instrument, as the detector sees it; ``halted``: not quotable now, and nothing is judged by it;
``closed``: out of its venue's hours, and silent since; ``stale``: silent although the venue has opened."""

IncidentKind = Literal["depeg", "feed_fault"]
IncidentPhase = Literal["open", "update", "escalate", "resolve"]

RouteKind = Literal["mint_and_sell", "buy_and_redeem", "cross_venue", "hedge_and_hold"]


class Tick(Struct, frozen=True, gc=False, omit_defaults=True):
    """One observation of one instrument, as on a tape.

    ``ts`` is when it was valid at its source (for a bar, its end); ``received`` when it was
    observed here, ``0`` meaning "as ``ts``". ``size`` is USD traded, or the USD liquidity of a
    pool. ``data`` is JSON: pool state for ``pool``, ``{"multiplier": 1.0}`` for ``multiplier``,
    ``{"state": "up" | "down" | "halted", "reason": "..."}`` for ``status``.
    """

    ts: Ns
    instrument: str
    kind: TickKind
    bid: float | None = None
    ask: float | None = None
    price: float | None = None
    high: float | None = None
    low: float | None = None
    size: float | None = None
    data: str | None = None
    received: Ns = 0


class Clock(Struct, frozen=True, gc=False):
    """Nothing happened until ``ts``: lets timers fire while the sources are quiet."""

    ts: Ns


class Command(Struct, frozen=True, gc=False):
    """What a person asks of the engine: ``acknowledge`` or ``mute`` an incident or instrument; ``kill`` makes
    no new plan from now on (``target``: why), until whoever asked (``by``) asks for ``release``."""

    ts: Ns
    verb: Literal["acknowledge", "mute", "unmute", "kill", "release"]
    target: str
    until: Ns | None = None
    by: str = ""


Event = Tick | Clock | Command


class Basis(Struct, frozen=True, gc=False):
    """Where one instrument stands against fair value; sampled, not one per tick.

    ``price`` is the price compared (mid, or last where there is no quote); ``bid`` and ``ask``
    are executable for the detector's primary size where depth is known. ``fair_value`` is USD
    per token, ``fair_value_sd`` its standard deviation in log terms (a ratio), as are
    ``basis``, ``band_low``, ``band_high``. ``age_seconds`` is the age of the reference behind
    the fair value, ``None`` if there has been none. ``multiplier`` is shares per token, in ``fair_value``
    already.
    """

    ts: Ns
    instrument: str
    underlying: str
    session: Session
    price: float | None
    bid: float | None
    ask: float | None
    fair_value: float | None
    fair_value_sd: float | None
    basis: float | None
    band_low: float | None
    band_high: float | None
    age_seconds: float | None = None
    liquidity_usd: float | None = None
    state: BasisState = "ok"
    multiplier: float = 1.0
    note: str = ""
    """Why it is not quotable, while ``halted``; when it opens, while ``closed``."""


class Incident(Struct, frozen=True):
    """One depeg or feed fault, as it stands at ``last_seen``; the same ``id`` all its life.

    ``basis`` is the worst seen; ``basis_low`` and ``basis_high`` the range of it seen while open.
    ``executable`` maps a size in USD (as text) to the average USD price per token for that size on
    the side an arbitrageur would take, ``None`` where the venue cannot fill it.
    ``evidence`` are short sentences; ``explanation`` is the one a person reads at night.
    ``money_at_stake_usd`` estimates what closing the gap on this venue would earn before costs. ``detected``
    is when it was first told: later than ``opened`` where only what came after showed what it had been.
    """

    id: str
    instrument: str
    underlying: str
    kind: IncidentKind
    cause: Cause
    severity: Severity
    opened: Ns
    last_seen: Ns
    resolved: Ns | None
    basis: float | None
    basis_low: float | None
    basis_high: float | None
    band_low: float | None
    band_high: float | None
    fair_value: float | None
    fair_value_sd: float | None
    executable: dict[str, float | None]
    evidence: list[str]
    explanation: str
    phase: IncidentPhase = "open"
    cause_probability: float | None = None
    price: float | None = None
    money_at_stake_usd: float | None = None
    venues: list[str] = []
    acknowledged_by: str | None = None
    muted_until: Ns | None = None
    detected: Ns | None = None


class Leg(Struct, frozen=True):
    """One step of a plan. ``price`` is the expected average in USD per token, fees and impact
    included; ``limit_price`` the worst acceptable (``None``: any); ``delay_seconds`` how long it takes.

    A ``hedge`` on an option or perp counts contracts, at USD a contract (an option's quote times its shares),
    and says its ``side``; where there is none, a hedge sells shares short and ``unhedge`` buys them back.
    ``margin_usd`` is what it locks beside what is paid. It is not sent before ``after_seconds`` have passed
    since the plan was made."""

    action: Literal["buy", "sell", "mint", "redeem", "transfer", "hedge", "unhedge"]
    instrument: str
    quantity_tokens: float
    notional_usd: float
    price: float
    limit_price: float | None
    fee_usd: float
    gas_usd: float
    delay_seconds: float
    side: Side | None = None
    margin_usd: float = 0.0
    after_seconds: float = 0.0


CONTRACT_SHARES = 100
"""Of a standard listed option."""

HedgeKind = Literal["none", "short_stock", "perp", "listed_option", "perpetual_option"]


class HedgeNotChosen(Struct, frozen=True):
    """A hedge that was looked at; ``reason`` starts with the name of the rule. ``cost_usd`` is what it was
    expected to cost, with financing, ``shortfall_usd`` what would be lost with it at 99 %; both ``None``
    where they could not be worked out."""

    kind: HedgeKind
    description: str
    cost_usd: float | None
    shortfall_usd: float | None
    reason: str


class Hedge(Struct, frozen=True, omit_defaults=True):
    """What carries the price risk of the settlement wait, and what it costs."""

    kind: HedgeKind
    description: str
    notional_usd: float
    cost_usd: float
    others: list[HedgeNotChosen] = []


class Outcome(Struct, frozen=True):
    """One way a plan may go once its first leg has filled; ``usd`` is the profit expected then."""

    name: str
    probability: float
    usd: float


class Plan(Struct, frozen=True):
    """A route with sizes, legs, hedge, costs, worst case and expiry, or ``no_trade`` and why.

    A plan to do nothing has ``decision == "no_trade"``, no legs and ``reasons`` that each start
    with the name of the rule. ``worst_case_usd`` is a loss as a negative number, at 99 %, over the
    settlement wait, with the failure that the route can suffer. ``capital_usd`` is locked for
    ``duration_seconds`` on average. ``outcomes`` are the ways it may go and make ``expected_profit_usd``
    together; the shortfalls over them are losses as positive numbers (negative: a gain even there), exceeded
    in 5 and in 1 of 100 cases. ``otherwise`` are the legs to go on with if a leg after a mint is refused.
    """

    id: str
    incident_id: str
    instrument: str
    underlying: str
    created: Ns
    expires: Ns
    decision: Literal["trade", "no_trade"]
    route: RouteKind | None
    size_usd: float
    quantity_tokens: float
    legs: list[Leg]
    hedge: Hedge | None
    expected_profit_usd: float
    costs_usd: dict[str, float]
    worst_case_usd: float
    break_even_price: float | None
    capital_usd: float
    duration_seconds: float
    annualised_return: float | None
    reasons: list[str]
    probability_of_loss: float | None = None
    shortfall_95_usd: float | None = None
    shortfall_99_usd: float | None = None
    outcomes: list[Outcome] = []
    otherwise: list[Leg] = []


BY_ITSELF = frozenset(
    {
        "margin_in", "margin_out", "funding_paid", "funding_received", "coin_sell", "coin_buy",
        "expire_long", "expire_short", "exercise", "assign", "liquidate_long", "liquidate_short", "lapse",
        "hedge_stays",
    }
)  # fmt: skip
"""Actions of fills that no leg of a plan asked for: what happens to a hedge while it is held, one that cannot
be closed and stays among it."""


class Order(Struct, frozen=True):
    """One leg handed to execution. ``id`` is derived from the plan: sending it twice is once."""

    id: str
    plan_id: str
    leg: int
    ts: Ns
    action: str
    instrument: str
    quantity_tokens: Decimal
    limit_price: Decimal | None
    expires: Ns


class Fill(Struct, frozen=True):
    """What happened to an order. ``price`` is the average in USD per token, fees excluded.

    A hedge that is bought is ``hedge_buy``, and sold again ``unhedge_sell``; what happens to one by itself
    (funding, margin, expiry, liquidation) is a fill, too: :data:`BY_ITSELF`."""

    id: str
    order_id: str
    plan_id: str
    ts: Ns
    action: str
    instrument: str
    underlying: str
    quantity_tokens: Decimal
    price: Decimal
    fee_usd: Decimal
    gas_usd: Decimal
    settles: Ns
    status: Literal["filled", "partial", "rejected", "pending", "settled"] = "filled"
    reason: str = ""


class FeedStatus(Struct, frozen=True):
    """Health of one source, as its supervisor sees it."""

    source: str
    state: Literal["starting", "up", "silent", "down", "stopped"]
    since: Ns
    lag_seconds: float | None
    ticks: int
    restarts: int
    detail: str = ""
    skew_seconds: float | None = None
    """How far the last stamp was ahead of the clock here: 0 where it was not, ``None`` before the first."""
    quality: float | None = None
    """Mean score of what it feeds (:class:`Quality`), 0 to 1; ``None`` while nothing is known."""


class Quality(Struct, frozen=True, gc=False):
    """How good one source of one price is as of ``ts``, from its own ticks and its peers (see
    :mod:`bot.valuation.quality`).

    ``score`` is 0 to 1; ``fault`` what costs most of it: ``missing``, ``frozen``, ``late``, ``ahead``,
    ``apart``, ``halted``, or nothing; ``closed`` out of its hours. ``weight_ratio`` is a reference's part in
    what all of the share say now. ``age_seconds`` is of its last price, ``every_seconds`` how often it
    usually speaks in this kind of session; ``missing_ratio`` and ``frozen_ratio`` are parts of late time;
    ``apart_ratio`` is its distance from its peers as a log. What is not known is ``None``.
    """

    ts: Ns
    instrument: str
    underlying: str
    score: float
    fault: str
    age_seconds: float
    every_seconds: float | None = None
    lag_seconds: float | None = None
    skew_seconds: float | None = None
    missing_ratio: float | None = None
    frozen_ratio: float | None = None
    apart_ratio: float | None = None
    weight_ratio: float | None = None


class Quarantined(Struct, frozen=True):
    """A datum set aside: why, and what it was; never silently dropped."""

    ts: Ns
    instrument: str
    reason: str
    detail: str


Message = Basis | Incident | Plan | Fill | FeedStatus | Quality | Quarantined
"""What leaves the engine and the daemon for metrics, alerts, web, MQTT and the recorder."""


def split_instrument(instrument: str) -> tuple[str, str]:
    """``"SPYx@orca:gef4pD5g"`` → ``("SPYx", "orca:gef4pD5g")``; no ``@`` gives an empty venue."""
    token, _, venue = instrument.partition("@")
    return token, venue


def to_builtins(message: Any) -> dict[str, Any]:
    """The message as JSON-ready data, times as ISO 8601 with nanoseconds and ``Z``."""
    from bot.timefmt import iso

    out: dict[str, Any] = {}
    for name in message.__struct_fields__:
        value = getattr(message, name)
        if name in TIME_FIELDS and value is not None:
            value = iso(value)
        elif isinstance(value, Decimal):
            value = str(value)
        elif isinstance(value, list):
            value = [to_builtins(v) if isinstance(v, Struct) else v for v in value]
        elif isinstance(value, Struct):
            value = to_builtins(value)
        out[name] = value
    return out


TIME_FIELDS = frozenset(
    {
        "ts",
        "received",
        "opened",
        "detected",
        "last_seen",
        "resolved",
        "created",
        "expires",
        "settles",
        "since",
        "until",
        "muted_until",
        "opens",
    }
)
"""Fields that hold :data:`Ns` and are written as ISO 8601 outside the program."""
