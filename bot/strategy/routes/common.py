"""What every route works with: the view of a moment, one venue of it, and a candidate for a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import exp, sqrt
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct

from bot.config import StrategySection
from bot.errors import PoolError
from bot.market import InstrumentState, Market
from bot.pools.taken import Spent, Taken, behind
from bot.registry.model import Registry
from bot.strategy.desk import Desk, Exposure, Room
from bot.strategy.forecast import Branch
from bot.strategy.hedge_choice import Hedger
from bot.strategy.hedge_quotes import HedgeQuotes
from bot.strategy.hedge_ways import Wait
from bot.strategy.hedges import ShortStock, short_stock
from bot.strategy.mechanisms import Access, Action, Delay, Moment, Odds, look, odds_of, years
from bot.strategy.mechanisms.way import Way, way_between
from bot.strategy.risk import LEG_FAILS, SIGMAS_99, STALE_FAILS, move_sd
from bot.strategy.sizing import Bound
from bot.timefmt import NS, parse
from bot.types import WALLET, Hedge, Incident, Leg, Ns, RouteKind, Session, Side
from bot.valuation.rates import gas_usd
from bot.valuation.sessions import SessionClock

if TYPE_CHECKING:
    from bot.pools import Curve, Executed
    from bot.strategy.routes.carry import Carrier
    from bot.strategy.routes.failing import Delayed
    from bot.strategy.routes.minting import Minting

IN_PRICES = frozenset({"venue_fee", "mint_fee", "redeem_fee", "spread"})
"""Costs that the legs' prices already hold: shown to people, never subtracted again."""
BOOK_MAX_AGE_NS = 300 * NS
"""A pool stays as it is until somebody trades; an order book this old is no order book."""
TINY = 1e-12
LEAST_ROOM_USD = 1.0
"""Less than so much left of a limit is nothing left of it."""
HEDGED_FROM_SECONDS = 3_600.0
"""A shorter wait is carried bare: a hedge's spread and commission are dearer than its risk. An assumption."""
NO_WAY_BACK = 0.02
"""What undoing a trade is taken to lose, as a ratio, where the venue does not say. An assumption."""
ROUNDING = 1e-7
"""A limit is kept to by so much, as a ratio: venues round to units of their tokens."""


class View:
    """One incident at one moment. ``refused`` collects every ``rule: detail``, each once."""

    def __init__(self, incident: Incident, market: Market, registry: Registry, config: StrategySection,
                 clock: SessionClock, desk: Desk, default_volatility: float, ts: Ns,
                 hedges: HedgeQuotes | None = None,
                 spent: Spent | None = None) -> None:  # fmt: skip
        self.incident = incident
        self.market = market
        self.registry = registry
        self.config = config
        self.clock = clock
        self.desk = desk
        self.ts = ts
        self.session: Session = clock.session(ts)
        share = registry.underlyings[incident.underlying]
        self.annual_variance = (share.annual_volatility or default_volatility) ** 2
        self._earnings = [parse(moment) for moment in share.earnings]
        self.spent = spent or Spent()
        """What plans have had of each instrument's depth."""
        self.halt = market.share_halted(incident.underlying)
        """That trading in the share is halted; ``None`` if nobody says so."""
        self.half_life: float | None = None
        """Of the basis, once asked for (:mod:`bot.strategy.routes.lasting`)."""
        self.refused: dict[str, None] = {}
        self._access: dict[tuple[str, str], list[Access]] = {}
        self._ways: dict[tuple[str, str, str], Way] = {}
        self._moves: dict[tuple[Ns, float], float] = {}
        self.delays: dict[tuple[Ns, tuple[tuple[float, float], ...]], Delayed] = {}
        """How late failures are that have been looked at."""
        self.mintings: dict[tuple[str, str, float, float, float], Minting] = {}
        """By channel, place, gas and fair value (:mod:`bot.strategy.routes.minting`)."""
        self._shorts: dict[float, ShortStock | str] = {}
        self._hedges = hedges
        self._held: float | None = None
        self._hedgers: dict[tuple[float, float, float], Hedger] = {}
        self.carriers: dict[Hedger, Carrier] = {}
        self.chosen_for: dict[Hedger, float] = {}
        """Tokens for which the carriers to size by were chosen."""

    def refuse(self, rule: str, detail: str) -> None:
        """Note why something cannot be done."""
        self.refused[f"{rule}: {detail}"] = None

    def channels(self, action: Action, symbol: str) -> list[Access]:
        """Every channel for a token: the issuer's own first, then exchanges that convert it."""
        key = (action, symbol)
        if key not in self._access:
            token = self.registry.tokens[symbol]
            issuer = self.registry.issuer_of(token)
            self._access[key] = [
                look(action, symbol, issuer, self.market, self.clock, self.ts, self.incident, self.config, at)
                for at in (None, *self.registry.conversions_of(token))
                if at is None or (at.mint if action == "mint" else at.redeem).available
            ]
        return self._access[key]

    def usable(self, action: Action, symbol: str) -> list[Access]:
        """Those that take an order now; why the others do not is noted."""
        found = self.channels(action, symbol)
        for access in found:
            if not access.usable:
                self.refuse(access.rule, access.detail)
        return [access for access in found if access.usable]

    def opposite(self, access: Access, action: Action, symbol: str) -> Access:
        """The other direction of a channel; the issuer's where an exchange has none."""
        both = self.channels(action, symbol)
        return next((each for each in both if each.conversion is access.conversion), both[0])

    def odds(self, access: Access, moves: bool) -> Odds:
        """How an order there may go wrong, its tokens moved for it or not."""
        return odds_of(access.failures, moves, LEG_FAILS["issuer"])

    def way(self, symbol: str, origin: str, to: str) -> Way:
        """How tokens come from one place to another."""
        key = (symbol, origin, to)
        if key not in self._ways:
            moment = Moment(self.clock, self.ts)
            self._ways[key] = way_between(self.registry, moment, symbol, origin, to, self.config.gas_usd)
        return self._ways[key]

    def short(self, multiplier: float) -> ShortStock | str:
        """Where the share can be sold short now, or why it cannot."""
        if multiplier not in self._shorts:
            self._shorts[multiplier] = short_stock(
                self.market, self.registry, self.config, self.incident.underlying,
                multiplier, self.session, self.ts,
            )  # fmt: skip
        return self._shorts[multiplier]

    def hedger(self, fair: float, multiplier: float, seconds: float, sd: float) -> Hedger | None:
        """What can carry a wait, the price moving by ``sd`` over it; ``None`` where nothing but a broker's
        quote is known, and then short stock is all there is."""
        if self._hedges is None or seconds <= 0:
            return None
        key = (multiplier, seconds, sd)
        if key not in self._hedgers:
            wait = Wait(
                self.incident.underlying, fair / multiplier, self.ts, seconds, sd,
                self.config.financing_rate, self.config.hedge_level, self.config.hedge_shortfall,
            )  # fmt: skip
            self._hedgers[key] = Hedger(wait, self._hedges, self.short(multiplier))
        return self._hedgers[key]

    def sd_until(self, end: Ns, fair_sd: float) -> float:
        """Standard deviation of the log price from now to ``end``: nights, weekends and earnings included."""
        key = (end, fair_sd)
        if key not in self._moves:
            self._moves[key] = move_sd(
                self.clock, self.annual_variance, self.ts, end, fair_sd, self._earnings
            )
        return self._moves[key]

    def sd_over(self, seconds: float, fair_sd: float) -> float:
        """The same from now over so long."""
        return self.sd_until(self.ts + round(seconds * NS), fair_sd)

    def sds_after(self, delay: Delay, fair_sd: float) -> list[tuple[float, float]]:
        """The same from now to the end of a delay, for each that it may be, its chance before it."""
        pairs = zip(delay.chances, delay.seconds, strict=True)
        return [(chance, self.sd_over(seconds, fair_sd)) for chance, seconds in pairs]

    def sd_after(self, delay: Delay, fair_sd: float) -> float:
        """The same in one figure, weighed over how long it may be."""
        return sqrt(sum(chance * sd**2 for chance, sd in self.sds_after(delay, fair_sd)))

    def holding_rooms(self, symbol: str) -> list[Room]:
        """What limits on issuer and concentration leave for tokens that are bought or minted."""
        issuer = self.registry.tokens[symbol].issuer
        room = self.desk.concentration_room(self.incident.underlying, self._held_usd())
        return [self.desk.issuer_room(issuer), room]

    def _held_usd(self) -> float:
        """What the tokens of this share in hand are worth, as far as anything says so."""
        if self._held is None:
            worth: dict[str, float] = {}
            for state in self.market.instruments_of(self.incident.underlying) if self.desk.tokens else ():
                tokens = self.desk.held(state.token.symbol)
                if tokens and state.token.symbol not in worth:
                    fair = self.market.fair(state.name, self.ts)
                    if fair is not None:
                        worth[state.token.symbol] = tokens * fair.value_usd
            self._held = sum(worth.values())
        return self._held

    def least(self, access: Access, fair: float, sd: float) -> float:
        """Fewest tokens of one order that is still large enough when the price has fallen (``sd`` of its log)
        until the issuer takes it."""
        return access.tokens_least(fair * exp(-SIGMAS_99 * sd))

    def fails(self, instrument: str) -> float:
        """Probability that a trade, or a broker's, is refused after the leg before it has filled."""
        if self.stands(instrument):
            return STALE_FAILS
        venue = self.registry.venues.get(venue_of(instrument))
        return LEG_FAILS[venue.kind if venue is not None else "pool"]

    def stands(self, instrument: str) -> bool:
        """Whether it is an order book that has not followed the share."""
        venue = self.registry.venues.get(venue_of(instrument))
        stale = self.incident.cause == "stale_venue" and instrument in self.incident.venues
        return stale and venue is not None and venue.kind == "exchange"

    def financing(self, usd: float, seconds: float) -> float:
        """What capital costs while it is locked."""
        return usd * self.config.financing_rate * years(seconds)

    def gas(self, instrument: str) -> float:
        """One transaction on the chain of an instrument; nothing at an exchange."""
        pool = self.registry.pools.get(instrument)
        if pool is not None:
            return gas_usd(self.market, self.registry.chains[pool.chain], self.ts)
        venue = self.registry.venues.get(venue_of(instrument))
        if venue is None or venue.kind == "pool":
            chain = self.registry.chains.get(venue.chain) if venue is not None else None
            return gas_usd(self.market, chain, self.ts) if chain is not None else self.config.gas_usd
        return 0.0

    def objective(self, expected: float, worst: float) -> float:
        """What sizing maximises: expected profit less the charge for the worst case."""
        return expected + self.config.risk_charge * min(0.0, worst)


class Case:
    """One venue whose depth is known; ``fair`` and ``fair_sd`` as everyone else sees it. ``curve`` is what is
    left of the depth for a trade on our ``side``, behind what we have ``taken``."""

    __slots__ = (
        "_top",
        "curve",
        "fair",
        "fair_sd",
        "fee_ratio",
        "gas_usd",
        "name",
        "place",
        "side",
        "spot",
        "state",
        "symbol",
        "taken",
    )

    def __init__(self, view: View, state: InstrumentState, side: Side, curve: Curve, taken: Taken | None,
                 fair: float, fair_sd: float) -> None:  # fmt: skip
        self.state = state
        self.side = side
        self.taken = taken
        self.name = state.name
        self.symbol = state.token.symbol
        self.curve = curve
        self.spot = curve.spot()
        self.fair = fair
        self.fair_sd = fair_sd
        self.gas_usd = view.gas(state.name)
        self.place = view.desk.place(state.name)
        self.fee_ratio = curve.fee_ratio(True)
        self._top: Executed | Literal[False] | None = False

    @property
    def top(self) -> Executed | None:
        """The trade on our side that brings the venue back to fair value; ``None`` if it is there, or beyond:
        what we have sold to it makes nothing cheap there for us."""
        if self._top is False:
            out = self.spot > self.fair if self.side == "sell" else self.spot < self.fair
            done = self.curve.to_price(self.fair) if out else None
            self._top = done if done is not None and done.tokens > 0 else None
        return self._top

    def promise(self, limit_usd: float) -> float:
        """At most this can be earned here by trading up to ``limit_usd``, before any cost but the venue's."""
        if self.top is None:
            return 0.0
        gap = 1 - self.fair / self.spot if self.spot > self.fair else self.fair / self.spot - 1
        return min(abs(self.top.usd - self.top.tokens * self.fair), limit_usd * gap)

    def fee_in(self, usd: float, selling: bool) -> float:
        """The venue's own fee inside ``usd``, for people: the curve has taken it already."""
        fee = self.fee_ratio
        if selling:
            return usd * fee / (1 - fee)
        return usd * fee if self.state.venue_kind == "pool" else usd * fee / (1 + fee)

    def round_trip(self, usd: float, tokens: float, selling: bool) -> float:
        """What undoing a trade just made would lose."""
        left = self.curve.after(tokens, selling)
        back = None
        if left is not None:
            back = left.buy_tokens(tokens) if selling else left.sell_tokens(tokens)
        if back is None:
            return NO_WAY_BACK * usd
        return max(0.0, back.usd - usd if selling else usd - back.usd)


def open_case(view: View, state: InstrumentState, side: Side | None = None) -> Case | None:
    """The venue if it can be traded on now; says why not otherwise. Its depth is what is left for a trade on
    that ``side``: that which brings it back to fair value if none is named."""
    if state.halted:
        view.refuse("venue.halted", f"{state.name}: {state.halted_reason or 'no reason given'}")
        return None
    if state.curve is None:
        view.refuse(
            "depth.unknown", f"{state.name} has a price, but how much can be traded at it is not known"
        )
        return None
    if state.venue_kind == "exchange" and view.ts - state.ts > BOOK_MAX_AGE_NS:
        age = (view.ts - state.ts) / NS
        view.refuse("venue.stale", f"the order book of {state.name} is {age:,.0f} s old")
        return None
    if view.stands(state.name) and not view.config.hit_stale_books:
        view.refuse(
            "venue.stands_still", f"the book of {state.name} has not followed the share: it may not be there"
        )
        return None
    fair = view.market.fair(state.name, view.ts)
    if fair is None or not fair.independent:
        view.refuse(
            "reference.missing", f"nothing but {state.name} itself says what {state.token.symbol} is worth"
        )
        return None
    try:
        if side is None:
            side = "sell" if state.curve.spot() > fair.value_usd else "buy"
        taken = view.spent.gone(state.name, view.incident.id, state.ts, side)
        curve = behind(state.curve, taken)
        if taken is not None:
            had = f"{taken.sold or taken.bought:,.6g} {state.token.symbol}"
            deal = "sold" if taken.sold else "bought"
            view.refuse("depth.taken", f"{had} were {deal} at {state.name} already: only what is left counts")
        return None if curve is None else Case(view, state, side, curve, taken, fair.value_usd, fair.sd)
    except PoolError as error:
        view.refuse("depth.unknown", f"{state.name}: {error}")
        return None


class Details(NamedTuple):
    """What a plan tells beside the figures that it is chosen by; ``branches`` are its outcomes, ``otherwise``
    what is done with the tokens if they cannot be sold for more."""

    legs: list[Leg]
    hedge: Hedge
    costs_usd: dict[str, float]
    notes: list[str]
    branches: list[Branch]
    exposure: Exposure
    otherwise: Sequence[Leg] = ()


class Candidate(Struct):
    """A route with its size and its arithmetic, before it becomes a plan: most never do, so what only a plan
    tells is worked out when it is asked for."""

    route: RouteKind
    instrument: str
    size_usd: float
    tokens: float
    expected_usd: float
    worst_usd: float
    break_even_price: float
    duration_seconds: float
    objective: float
    at: Callable[[float], tuple[float, Exposure]]
    """Objective and use of any other number of tokens, from ``least`` on."""
    told: Callable[[], Details]
    least: float = 0.0
    whole: Callable[[Candidate], Candidate | None] | None = None
    """The same with its hedge in whole contracts or in words, where that is left until it is the best."""
    notes: list[str] = []
    """What has come to it since."""

    @property
    def exposure(self) -> Exposure:
        """What it uses."""
        return self.told().exposure


LegAction = Literal["buy", "sell", "mint", "redeem", "transfer", "hedge", "unhedge"]


def leg(action: LegAction, instrument: str, tokens: float, usd: float, *, slack_usd: float = 0.0,
        sd: float = 0.0, fee_usd: float = 0.0, gas_usd: float = 0.0, delay_seconds: float = 0.0,
        any_price: bool = False) -> Leg:  # fmt: skip
    """A leg of ``usd`` in all for ``tokens``; its limit gives up at most ``slack_usd``, and what the share
    may move by until it is sent (``sd`` of its log). There is none where it is done at ``any_price``."""
    buying = action in ("buy", "mint", "unhedge")
    worst = (usd + slack_usd) * exp(SIGMAS_99 * sd) if buying else (usd - slack_usd) * exp(-SIGMAS_99 * sd)
    limit = None if any_price or action == "transfer" else max(TINY, worst / tokens)
    return Leg(
        action=action, instrument=instrument, quantity_tokens=tokens, notional_usd=usd,
        price=usd / tokens, limit_price=limit, fee_usd=fee_usd, gas_usd=gas_usd,
        delay_seconds=delay_seconds,
    )  # fmt: skip


def in_hand_at(place: str) -> str:
    """For people: ``"in the wallet"``, ``"on deposit with kraken"``."""
    return "in the wallet" if place == WALLET else f"on deposit with {place}"


def venue_of(instrument: str) -> str:
    """The venue's name in the registry: ``"AMZNx@orca:gef4"`` → ``"orca"``."""
    return instrument.partition("@")[2].partition(":")[0]


def short_bounds(view: View, short: ShortStock) -> list[Bound]:
    """What limits on plan, underlying and broker leave for the shares sold short."""
    rooms = view.desk.leg_rooms(view.incident.underlying, venue_of(short.instrument))
    return bounds_of(rooms, lambda usd: usd / short.notional_usd(1.0))


def by_venue(*uses: tuple[str, float]) -> dict[str, float]:
    """What legs use of venues: two on one are added up."""
    total: dict[str, float] = {}
    for venue, usd in uses:
        total[venue] = total.get(venue, 0.0) + usd
    return total


def named_at(symbol: str, access: Access) -> str:
    """Where tokens are sent that a channel takes: to the issuer, or on deposit."""
    return f"{symbol}@{access.venue}"


def bounds_of(rooms: Iterable[Room], tokens_for: Callable[[float], float | None]) -> list[Bound]:
    """The tightest of limits in USD, in tokens; ``tokens_for(usd)`` is how many so much money allows.

    ``[]`` where the venue cannot even take that much.
    """
    room = min(rooms, key=lambda each: each.usd)
    tokens = tokens_for(room.usd) if room.usd >= LEAST_ROOM_USD else 0.0
    if tokens is None:
        return []
    return [
        Bound(
            tokens * (1 - ROUNDING), room.rule, f"${max(0.0, room.usd):,.0f} left of ${room.limit_usd:,.0f}"
        )
    ]


def costs(**items: float) -> dict[str, float]:
    """Costs that are not nothing, by name."""
    return {name: usd for name, usd in items.items() if usd > 0}
