"""Run in vollib's environment: options as JSON in; prices, volatilities, deltas, processor time out."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from vollib.black_scholes import black_scholes
from vollib.black_scholes.greeks.analytical import delta
from vollib.black_scholes.implied_volatility import implied_volatility

REPEAT = 30


def main() -> None:
    asked = [(kind[0], *rest) for kind, *rest in json.load(sys.stdin)]
    prices = [black_scholes(*option) for option in asked]
    paid = list(zip(prices, asked, strict=True))
    json.dump(
        {
            "prices": prices,
            "deltas": [delta(*option) for option in asked],
            "volatilities": [back(price, option) for price, option in paid],
            "price_micros": micros(lambda: [black_scholes(*option) for option in asked], len(asked)),
            "volatility_micros": micros(lambda: [back(price, option) for price, option in paid], len(asked)),
        },
        sys.stdout,
    )


def back(price: float, option: Any) -> float:
    flag, spot, strike, years, rate, _ = option
    return implied_volatility(price, spot, strike, years, rate, flag)


def micros(work: Callable[[], object], number: int) -> float:
    best = float("inf")
    for _ in range(REPEAT):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best / number * 1e6


main()
