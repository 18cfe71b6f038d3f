"""What a token can do beside waiting, side by side: what ``pegbot earn`` answers.

Everything it goes by is in the registry, with its source; moves, pools and waterfall are
:mod:`bot.strategy.carry`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from bot.config import Config
from bot.driver import Driver
from bot.errors import UsageError
from bot.registry import Registry, Token
from bot.registry.working import Coin, CoverVenue
from bot.strategy.carry.cover import PATHS, fair_markup
from bot.strategy.carry.model import Backing, Demand, Pair, Terms
from bot.strategy.carry.ways import MARGIN_LASTS, Case, Tell, Way, lasts_days, ways

SURE = 2.0
"""An expected gain below so many standard errors of the simulation is none."""


class Choice(Struct, frozen=True):
    """A coin that cover can be sold or bought on, and where."""

    coin: str
    venue: str
    annual_volatility: float
    correlation: float
    source: str


class Assumed(Struct, frozen=True):
    """What the answer goes by, and where it is from."""

    name: str
    value: str
    source: str


class Earning(Struct, frozen=True):
    """The ways side by side. ``price_usd`` is ``None`` where the daemon has not seen the token;
    ``markup_earns_from`` is the markup over the model's funding at which selling cover earns nothing."""

    token: str
    coin: str
    days: float
    tokens: float
    seed: int
    cases: int
    price_usd: float | None
    markup: float
    markup_earns_from: float
    ways: list[Way]
    advice: str
    notes: list[str]
    assumed: list[Assumed]


def choices(registry: Registry, token: str) -> list[Choice]:
    """What ``--with`` may be. Raises :class:`UsageError` for a token the registry does not know."""
    _token(registry, token)
    return [
        Choice(coin.name, venue.name, coin.annual_volatility, coin.correlation, coin.source)
        for venue in registry.cover_venues.values()
        for coin in (registry.coins[name] for name in venue.coins)
    ]


def price_of(config: Config, registry: Registry, saved: bytes | None, token: str) -> float | None:
    """Fair value of a token as the daemon saw it last; ``None`` where it did not."""
    if saved is None:
        return None
    driver = Driver(config, registry)
    driver.restore(saved)
    return driver.engine.market.token_usd(token, driver.now)


def earn(config: Config, registry: Registry, token: str, coin: str, *, days: float = 30.0,
         tokens: float = 100.0, seed: int = 1, stress: bool = False, price_usd: float | None = None,
         tell: Tell | None = None) -> Earning:  # fmt: skip
    """Every way over so many days, each simulated on the same moves, and what a careful holder would do."""
    of = _token(registry, token)
    venue = next((one for one in registry.cover_venues.values() if coin in one.coins), None)
    if venue is None:
        known = ", ".join(dict.fromkeys(one.coin for one in choices(registry, token)))
        raise UsageError(f"no venue sells options on {coin!r}; --with is one of: {known or 'none'}")
    case = case_of(config, registry, of, registry.coins[coin], venue)
    paying = [one for name, one in registry.incentives.items() if name.partition("@")[0] == token]
    found = ways(case, tokens, days, seed, stress=stress, incentives=paying, price_usd=price_usd, tell=tell)
    kept = 1 - case.terms.reserve_part - case.terms.protocol_part
    least = fair_markup(case.pair.coin_volatility, case.demand.hold_days, case.terms, kept)
    said = advice([way for way in found if not way.stressed], days, config.strategy.risk_charge)
    return Earning(
        token, coin, days, tokens, seed, PATHS, price_usd, case.terms.markup, least, found, said,
        _notes(case, token, tokens, days, least, len(paying)),
        _assumed(registry, of, registry.coins[coin], venue, case),
    )  # fmt: skip


def advice(found: Sequence[Way], days: float, charge: float) -> str:
    """One sentence on ways of which the first is to wait: the one that earns most after a charge for what it
    may lose, as plans are sized; to wait if none earns for sure."""

    def after(way: Way) -> float:
        return way.expected + charge * min(0.0, way.low_1)

    best = max(found[1:], key=after)
    earns, lost = f"{percent(best.expected)} over {days:g} days", percent(max(0.0, -best.low_1))
    part = f"{percent(charge, 0)} of the {lost} lost in one case of 100"
    if after(best) > SURE * best.error:
        return f"A careful holder would choose {best.name}: it should bring {earns}, more than {part}."
    others = f"A careful holder would wait: the best of the others, {best.name}, should bring {earns}"
    if best.expected <= SURE * best.error:
        return f"{others}, and may lose {lost} in one case of 100."
    return f"{others}, which is not surely more than {part}."


def percent(ratio: float, places: int = 1) -> str:
    """``"−1.5 %"``."""
    return f"{ratio * 100:.{places}f} %".replace("-", "−")


def _token(registry: Registry, symbol: str) -> Token:
    token = registry.tokens.get(symbol)
    if token is None:
        raise UsageError(f"no token {symbol!r} in the registry; a token is named as in TSLAx")
    return token


def case_of(config: Config, registry: Registry, token: Token, coin: Coin, venue: CoverVenue) -> Case:
    """What the ways go by: volatilities, the venue's terms, its buyers and its pools."""
    offer = registry.perpetual_venues[venue.name]
    volatility = registry.underlyings[token.underlying].annual_volatility
    pair = Pair(
        token.symbol, coin.name, 1.0, volatility or config.valuation.annual_volatility, 1.0,
        coin.annual_volatility, coin.correlation,
    )  # fmt: skip
    terms = Terms(
        offer.period_days, coin.annual_volatility * venue.volatility_ratio, offer.markup, offer.fee_ratio,
        venue.reserve_part, venue.protocol_part, venue.lock_ratio,
    )  # fmt: skip
    demand = Demand(venue.utilisation, venue.call_part, venue.hold_days)
    backing = Backing(venue.reserve_tokens, venue.public_tokens, venue.dealt_tokens, venue.private_tokens)
    return Case(pair, terms, demand, backing)


def _notes(case: Case, token: str, tokens: float, days: float, least: float, paying: int) -> list[str]:
    notes = [
        f"Selling cover earns nothing where the venue asks less than {least:.2f} times the model's funding; "
        f"{case.terms.markup:g} is assumed."
    ]
    if lasts_days(case, tokens) > MARGIN_LASTS * days:
        notes.append("The pool a buyer is dealt to has no room for all that this margin could fund.")
    if paying:
        notes.append("Liquidity needs as many dollars beside the tokens; its gain is against keeping both.")
    else:
        notes.append(f"The registry knows no pool that pays for liquidity in {token}.")
    return notes


def _assumed(registry: Registry, token: Token, coin: Coin, venue: CoverVenue, case: Case) -> list[Assumed]:
    share, offer = registry.underlyings[token.underlying], registry.perpetual_venues[venue.name]
    pair, terms, demand, backing = case
    said = "the registry" if share.annual_volatility is not None else "[valuation] annual_volatility"
    return [
        Assumed(f"{token.underlying}'s volatility", f"{percent(pair.token_volatility, 0)} a year", said),
        Assumed(
            f"{coin.name}'s volatility and correlation",
            f"{percent(coin.annual_volatility, 0)} a year, {coin.correlation:g}", coin.source,
        ),
        Assumed(
            "moves", "Student's t, four degrees of freedom, one scale for as long as an order is held",
            "as the worst case of every plan",
        ),
        Assumed(
            "funding", f"{terms.markup:g} times the model's at {percent(terms.quoted_volatility, 0)}, period "
            f"{terms.period_days:g} days, {percent(terms.opening_fee)} on opening", offer.source,
        ),
        Assumed(
            f"pools of {venue.name}",
            f"of funding {percent(terms.reserve_part, 0)} to the reserve and "
            f"{percent(terms.protocol_part, 0)} to the protocol; locked "
            f"{percent(terms.lock_ratio, 0)} of what is sold; tokens: "
            f"{backing.private:,g} in private pools beside yours, hit by the same moves, "
            f"{backing.counterparty:,g} in the one a buyer is dealt to, {backing.reserve:,g} in the reserve, "
            f"{backing.public:,g} in the public pool", venue.source,
        ),
        Assumed(
            "buyers", f"lock {percent(demand.utilisation, 0)} of a pool, of that "
            f"{percent(demand.call_part, 0)} for calls, at the money, for {demand.hold_days:g} days",
            "assumption",
        ),
        Assumed(
            "margin", f"calls or puts on as many coins as it can fund for {MARGIN_LASTS:g} times the wait",
            "assumption",
        ),
    ]  # fmt: skip
