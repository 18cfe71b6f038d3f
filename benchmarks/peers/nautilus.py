"""Run by ``benchmarks/nautilus_peer.py`` in the peers' environment: quotes through nautilus_trader's
BacktestEngine to a handler in Python that only counts. Reads a question from stdin, one line of JSON each;
answers with seconds of wall and of processor time for ``run()`` alone."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

LOT = Quantity.from_int(100)


class Empty(Strategy):
    """Counts quotes."""

    count = 0

    def on_start(self) -> None:
        for instrument in self.cache.instruments():
            self.subscribe_quote_ticks(instrument.id)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        self.count += 1


def run(names: list[str], rows: list[tuple[int, int, float, float]]) -> dict[str, float]:
    """Every venue of the names is a venue there, with its own instruments."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    ids = []
    for venue in sorted({name.partition("@")[2] for name in names}):
        engine.add_venue(
            Venue(venue.upper()), OmsType.NETTING, AccountType.CASH, [Money(1_000_000, USD)], USD
        )
    for name in names:
        symbol, _, venue = name.partition("@")
        ids.append(InstrumentId(Symbol(symbol), Venue(venue.upper())))
        engine.add_instrument(
            Equity(
                instrument_id=ids[-1], raw_symbol=Symbol(symbol), currency=USD, price_precision=4,
                price_increment=Price.from_str("0.0001"), lot_size=Quantity.from_int(1),
                ts_event=0, ts_init=0,
            )
        )  # fmt: skip
    engine.add_data(
        [QuoteTick(ids[at], Price(bid, 4), Price(ask, 4), LOT, LOT, ts, ts) for ts, at, bid, ask in rows]
    )
    handler = Empty(StrategyConfig())
    engine.add_strategy(handler)
    wall, cpu = time.perf_counter(), time.process_time()
    engine.run()
    answer = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "count": handler.count}
    engine.dispose()
    return answer


def main() -> None:
    """One answer per question, so that the asker can take turns."""
    for line in sys.stdin:
        question = json.loads(Path(line.strip()).read_text())
        print(json.dumps(run(question["names"], question["rows"])), flush=True)


if __name__ == "__main__":
    main()
