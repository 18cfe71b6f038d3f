"""A market as wide as asked for: shares with a reference and four exchange pairs each, quotes only.

The shares are made up, since the registry has no 50,000 instruments. Each ticks once a second of event time
on average, however many there are, in the regular session; every 20,000 ticks one pair is out by 8 to
30 %, for 4,000. The same seed gives the same ticks.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count as numbers
from itertools import islice
from math import exp

from benchmarks.workload import START, config, shipped
from bot.engine import Engine
from bot.registry import Registry, Token, Underlying
from bot.timefmt import NS
from bot.types import Tick

PAIRS = ("kraken", "bybit", "gate", "bitget")
VENUES = len(PAIRS)
OUT_EVERY = 20_000
OUT_TICKS = 4_000


def registry(instruments: int) -> Registry:
    """The shipped venues and issuers with so many instruments' worth of shares."""
    base = shipped()
    issuer = base.issuers["xstocks"]
    shares = [f"S{number:05}" for number in range(-(-instruments // VENUES))]
    return Registry(
        chains=base.chains,
        issuers={issuer.name: issuer},
        underlyings={ticker: Underlying(ticker, annual_volatility=0.4) for ticker in shares},
        tokens={f"{ticker}x": Token(f"{ticker}x", ticker, issuer.name) for ticker in shares},
        venues=base.venues,
    )


def engine(instruments: int) -> Engine:
    """A fresh engine on :func:`registry`."""
    return Engine(config(), registry(instruments))


def opening(instruments: int) -> list[Tick]:
    """Every reference and pair once."""
    return [
        tick
        for share in range(-(-instruments // VENUES))
        for tick in (
            _quote(START, f"S{share:05}@pyth", _base(share)),
            *(_quote(START, f"S{share:05}x@{venue}", _base(share)) for venue in PAIRS),
        )
    ]


def ticks(instruments: int, count: int, seed: int = 7) -> list[Tick]:
    """The first so many of :func:`market`."""
    return list(islice(market(instruments, seed), count))


def market(instruments: int, seed: int = 7) -> Iterator[Tick]:
    """Ticks without end by time, after :func:`opening`; one in five is a reference."""
    rng = random.Random(seed)
    shares = -(-instruments // VENUES)
    prices = [_base(share) for share in range(shares)]
    names = [[f"S{share:05}@pyth", *(f"S{share:05}x@{venue}" for venue in PAIRS)] for share in range(shares)]
    spacing, ts = NS // (shares * (VENUES + 1)), START + NS
    out, factor, until = "", 1.0, 0
    for number in numbers():
        ts += spacing
        share = rng.randrange(shares)
        which = rng.randrange(VENUES + 1)
        name = names[share][which]
        if number % OUT_EVERY == OUT_EVERY // 2 and which:
            out, until = name, number + OUT_TICKS
            factor = exp(rng.choice((-1, 1)) * rng.uniform(0.08, 0.3))
        if which == 0:
            prices[share] *= 1 + 0.0002 * (rng.random() - 0.5)
        off = factor if name == out and number < until else 1.0
        yield _quote(ts, name, prices[share] * (1 + 0.0004 * (rng.random() - 0.5)) * off)


def _quote(ts: int, name: str, price: float) -> Tick:
    return Tick(ts, name, "quote", price * 0.9998, price * 1.0002)


def _base(share: int) -> float:
    return 20.0 + share * 37 % 580
