"""Each cause shows on the tape inside its label at the size that was asked for, and nowhere else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from math import log
from pathlib import Path

import msgspec
import pytest

from bot.engine import Engine
from bot.pools import decode
from bot.score import Label
from bot.simulate import load, simulate
from bot.simulate.world import World
from bot.timefmt import NS
from bot.timefmt import parse as at
from bot.types import Quarantined, Tick
from tests.fixtures.engine import CONFIG, config, shipped_registry

START = at("2026-06-01T00:00:00Z")
"""A Monday; New York opens at hour 13.5 and closes at hour 20."""

QUIET = """
title = "A share, two tokens, four venues"
start = "2026-06-01T00:00:00Z"
days = 2
premium_sd = 0.0005
fat_tails = 0.01
coins = ["USDC", "USDT"]
issuer_hours = 6
label_ratio = 0.02

shares = [
  { ticker = "TSLA", price = 405, annual_volatility = 0.3, oracles = ["pyth", "chainlink"] },
  { ticker = "PFE", price = 25, annual_volatility = 0.2, multiplier = 1.25 },
]

[[places]]
instrument = "TSLAx@raydium:deep"
underlying = "TSLA"
kind = "concentrated"
depth_usd = 80_000
fee_pips = 500
quote = "USDC"
prints = true
repeat_seconds = 3600

[[places]]
instrument = "TSLAx@kraken"
underlying = "TSLA"
kind = "book"
depth_usd = 90_000
prints = true

[[places]]
instrument = "TSLAx@orca:thin"
underlying = "TSLA"
kind = "pool"
depth_usd = 2_000
quote = "USDC"
trade_usd = 5
prints = true

[[places]]
instrument = "TSLAon@uniswap:u"
underlying = "TSLA"
kind = "pool"
depth_usd = 400_000
quote = "USDT"

[[places]]
instrument = "PFEx@kraken"
underlying = "PFE"
kind = "book"
depth_usd = 50_000
"""
TSLA = ["TSLAon@uniswap:u", "TSLAx@kraken", "TSLAx@orca:thin", "TSLAx@raydium:deep"]


def hours(n: float) -> int:
    """The scenario's time so many hours after its start."""
    return START + int(n * 3600 * NS)


class Told:
    """A tape with one thing injected: its ticks, its labels, and how far off each venue truly was."""

    def __init__(self, folder: Path, *happenings: str, seed: int = 3) -> None:
        """Each of ``happenings`` is its lines of TOML, with ``; `` for the end of a line."""
        happenings = tuple(one.replace("; ", "\n") for one in happenings)
        path = folder / "one.toml"
        path.write_text(QUIET + "".join(f"\n[[happenings]]\n{one}\n" for one in happenings), encoding="utf-8")
        world = World(load(path), seed)
        venues = {venue.place.instrument: venue for venue in world.venues}
        self.ticks: list[Tick] = []
        self.off: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for tick in world.run():
            self.ticks.append(tick)
            if tick.instrument == "PFEx@kraken" and tick.kind == "quote":  # told at each step
                for name, venue in venues.items():
                    self.off[name].append((tick.ts, venue.depth.log_price - world.honest(venue)))
        self.labels: list[Label] = world.labels

    def of(self, instrument: str, kind: str | None = None) -> list[Tick]:
        """Its ticks."""
        return [t for t in self.ticks if t.instrument == instrument and kind in (None, t.kind)]

    def labelled(self) -> list[str]:
        """Instruments with a label."""
        return sorted({label.instrument for label in self.labels})

    def size(self, label: Label) -> float:
        """The most that a venue was off in the label."""
        inside = [off for ts, off in self.off[label.instrument] if label.start <= ts <= label.end]
        return max(inside, key=abs)


Make = Callable[..., Told]


@pytest.fixture
def told(tmp_path: Path) -> Make:
    """Simulate one happening."""
    return lambda *happenings: Told(tmp_path, *happenings)


def mids(ticks: Sequence[Tick]) -> list[tuple[int, float]]:
    """Times and middle prices of quotes."""
    return [(t.ts, (t.bid + t.ask) / 2) for t in ticks if t.bid is not None and t.ask is not None]


CASES = [
    ('cause = "thin_liquidity"; instrument = "TSLAx@orca:thin"; at_hours = 15; hours = 2; ratio = 3.0',
     ["TSLAx@orca:thin"], 3.0),
    ('cause = "thin_liquidity"; instrument = "TSLAx@orca:thin"; at_hours = 15; hours = 2; order_usd = -900',
     ["TSLAx@orca:thin"], -0.7),
    ('cause = "thin_liquidity"; instrument = "TSLAx@raydium:deep"; at_hours = 15; hours = 1; ratio = 0.4; '
     'mode = "lps_leave"', ["TSLAx@raydium:deep"], 0.4),
    ('cause = "broad_premium"; underlying = "TSLA"; at_hours = 15; hours = 3; ratio = 0.12', TSLA, 0.12),
    ('cause = "multiplier_mismatch"; mode = "raw"; instrument = "PFEx@kraken"; at_hours = 15; hours = 3',
     ["PFEx@kraken"], -0.2),
    ('cause = "multiplier_mismatch"; instrument = "TSLAx@kraken"; at_hours = 24; hours = 6; ratio = 0.1',
     ["TSLAx@kraken"], -0.0909),
    ('cause = "corporate_action"; underlying = "TSLA"; at_hours = 24; hours = 6; ratio = 2.0; '
     'instrument = "TSLAx@kraken"', ["TSLAx@kraken"], -0.6667),
    ('cause = "stablecoin_depeg"; coin = "USDC"; at_hours = 15; hours = 5; ratio = -0.08',
     ["TSLAx@orca:thin", "TSLAx@raydium:deep"], 0.087),
    ('cause = "issuer_halt"; token = "TSLAx"; at_hours = 15; hours = 8; ratio = 0.07; ramp_hours = 1',
     ["TSLAx@kraken", "TSLAx@orca:thin", "TSLAx@raydium:deep"], 0.07),
    ('cause = "under_backed"; token = "TSLAon"; at_hours = 15; hours = 8; ratio = -0.15; ramp_hours = 1',
     ["TSLAon@uniswap:u"], -0.15),
]  # fmt: skip


@pytest.mark.parametrize(("happening", "instruments", "ratio"), CASES)
def test_a_cause_takes_prices_off_by_what_was_asked_within_its_label_and_nowhere_else(
    told: Make, happening: str, instruments: list[str], ratio: float
) -> None:
    tape = told(happening)
    assert tape.labelled() == instruments
    for label in tape.labels:
        assert tape.size(label) == pytest.approx(log(1 + ratio), abs=0.02)
    for name, seen in tape.off.items():
        spans = [(label.start, label.end) for label in tape.labels if label.instrument == name]
        for ts, off in seen:
            if not any(start <= ts <= end for start, end in spans):
                assert abs(off) < 0.02, f"{name} is {off:.3f} off outside of its labels"


@pytest.mark.parametrize(("happening", "instruments", "ratio"), CASES)
def test_a_label_begins_when_the_price_has_left_and_ends_when_it_is_back(
    told: Make, happening: str, instruments: list[str], ratio: float
) -> None:
    tape = told(happening)
    for label in tape.labels:
        by_ts = dict(tape.off[label.instrument])
        before = [off for ts, off in by_ts.items() if label.start - 3600 * NS < ts < label.start]
        after = [off for ts, off in by_ts.items() if label.end <= ts < label.end + 3600 * NS]
        assert abs(by_ts[label.start]) >= 0.02 > max(map(abs, before))
        assert max(map(abs, after)) < 0.02


def test_nothing_injected_nothing_labelled_and_nothing_off(tmp_path: Path) -> None:
    tape = Told(tmp_path, 'cause = "earnings"; underlying = "PFE"; at_hours = 1; hours = 1; ratio = 0.001')
    assert tape.labels == []
    assert max(abs(off) for seen in tape.off.values() for _, off in seen) < 0.02


def test_a_stale_venue_stands_while_the_share_goes_on_and_may_wake_with_one_trade(told: Make) -> None:
    drift = 'cause = "earnings"; underlying = "TSLA"; at_hours = 16; hours = 1; ratio = 0.06'
    tape = told(
        'cause = "stale_venue"; mode = "wakes"; instrument = "TSLAx@orca:thin"; at_hours = 15; hours = 5',
        drift,
    )
    prices = {t.price for t in tape.of("TSLAx@orca:thin", "pool") if hours(15) <= t.ts < hours(20)}
    assert len(prices) == 1
    assert tape.labelled() == ["TSLAx@orca:thin"]
    (label,) = tape.labels
    assert hours(16) < label.start < hours(16.5)
    assert hours(20) <= label.end < hours(20.5)
    assert next(t.kind for t in tape.of("TSLAx@orca:thin") if t.ts == hours(20)) == "trade"


def test_a_stale_reference_says_the_same_with_time_stamps_that_move(told: Make) -> None:
    tape = told('cause = "stale_reference"; underlying = "TSLA"; at_hours = 15; hours = 3; ratio = 0.06')
    for source in ("yahoo", "pyth", "chainlink"):
        inside = [mid for ts, mid in mids(tape.of(f"TSLA@{source}")) if hours(15) <= ts < hours(18)]
        assert len(inside) == 180
        assert len(set(inside)) == 1
    assert tape.labelled() == TSLA, "the price that they are compared with is wrong"
    assert all(hours(15) < label.start < label.end <= hours(18.1) for label in tape.labels)


@pytest.mark.parametrize("mode", ["", "freeze"])
def test_one_oracle_that_is_wrong_is_labelled_itself_and_the_tokens_are_not(told: Make, mode: str) -> None:
    tape = told(
        'cause = "oracle_fault"; source = "pyth"; underlying = "TSLA"; at_hours = 15; hours = 2; '
        f'ratio = 0.3; mode = "{mode}"'
    )
    assert tape.labelled() == ["TSLA@pyth"]
    (label,) = tape.labels
    assert hours(15) <= label.start < hours(15.2)
    assert hours(17) <= label.end < hours(17.1)
    other = dict(mids(tape.of("TSLA@yahoo")))
    off = [log(mid / other[ts]) for ts, mid in mids(tape.of("TSLA@pyth")) if hours(16) < ts < hours(16.9)]
    assert max(map(abs, off)) == pytest.approx(log(1.3), abs=0.03)


def test_one_of_several_references_that_freezes_is_labelled_itself(told: Make) -> None:
    tape = told(
        'cause = "stale_reference"; underlying = "TSLA"; at_hours = 15; hours = 2; ratio = 0.05; '
        'source = "yahoo"'
    )
    assert tape.labelled() == ["TSLA@yahoo"]


def test_a_halted_share_is_said_to_be_and_its_tokens_go_where_the_news_takes_them(told: Make) -> None:
    tape = told('cause = "trading_halt"; underlying = "TSLA"; at_hours = 15; hours = 1; ratio = -0.15')
    states = [(t.ts, msgspec.json.decode(t.data or "{}")["state"]) for t in tape.of("TSLA@yahoo", "status")]
    assert states == [(hours(15), "halted"), (hours(16), "open")]
    quotes = mids(tape.of("TSLA@yahoo"))
    assert not [ts for ts, _ in quotes if hours(15) <= ts < hours(16)]
    before, after = (
        [m for ts, m in quotes if ts < hours(15)][-1],
        next(m for ts, m in quotes if ts >= hours(16)),
    )
    assert after / before == pytest.approx(0.85, abs=0.02)
    assert tape.labelled() == TSLA
    assert all(hours(15) <= label.start < label.end <= hours(16.1) for label in tape.labels)


@pytest.mark.parametrize(("mode", "words"), [("", ["down", "up"]), ("silence", [])])
def test_a_feed_that_fails_says_so_or_says_nothing(told: Make, mode: str, words: list[str]) -> None:
    tape = told(
        f'cause = "feed_fault"; mode = "{mode}"; instrument = "TSLAx@kraken"; at_hours = 15; hours = 2'
    )
    seen = tape.of("TSLAx@kraken")
    assert [msgspec.json.decode(t.data or "{}")["state"] for t in seen if t.kind == "status"] == words
    assert not [t for t in seen if hours(15) < t.ts < hours(17)]
    assert [(x.instrument, x.start, x.end) for x in tape.labels] == [("TSLAx@kraken", hours(15), hours(17))]


HONEST = [
    'cause = "maintenance"; instrument = "TSLAx@kraken"; at_hours = 15; hours = 2',
    'cause = "earnings"; underlying = "TSLA"; at_hours = 20.2; hours = 1; ratio = 0.14; ramp_hours = 0.5',
    'cause = "corporate_action"; underlying = "TSLA"; at_hours = 24; hours = 10; ratio = 4.0',
    'cause = "closed_market_drift"; at_hours = 20; hours = 5; ratio = 0.04',
]


@pytest.mark.parametrize("happening", HONEST)
def test_what_is_honest_is_not_labelled(told: Make, happening: str) -> None:
    assert told(happening).labels == []


def test_a_split_moves_the_multiplier_at_midnight_and_the_share_at_the_next_open(told: Make) -> None:
    tape = told('cause = "corporate_action"; underlying = "TSLA"; at_hours = 24; hours = 10; ratio = 4.0')
    said = [(t.ts, msgspec.json.decode(t.data or "{}")) for t in tape.of("TSLAx@issuer", "multiplier")]
    assert said == [
        (hours(16), {"multiplier": 1.0, "new_multiplier": 5.0, "effective_ns": hours(24)}),
        (hours(24), {"multiplier": 5.0}),
    ]
    share = dict(mids(tape.of("TSLA@chainlink")))
    assert share[hours(23.75)] / share[hours(24.25)] == pytest.approx(1, abs=0.02), "not yet"
    assert share[hours(31.75)] / share[hours(32.25)] == pytest.approx(5, rel=0.02), "04:00 in New York"
    token = dict(mids(tape.of("TSLAx@kraken")))
    assert max(token.values()) / min(token.values()) < 1.15


def test_coins_and_custody_are_told(told: Make) -> None:
    tape = told('cause = "stablecoin_depeg"; coin = "USDC"; at_hours = 15; hours = 5; ratio = -0.08')
    coin = [mid for ts, mid in mids(tape.of("USDC@kraken")) if hours(16) < ts < hours(19)]
    assert coin
    assert all(mid == pytest.approx(0.92, abs=0.001) for mid in coin)
    assert all(mid == pytest.approx(1.0, abs=0.001) for _, mid in mids(tape.of("USDT@kraken")))
    tape = told('cause = "under_backed"; token = "TSLAx"; at_hours = 15; hours = 8; ratio = -0.1')
    held = [(t.ts, msgspec.json.decode(t.data or "{}")) for t in tape.of("TSLAx@issuer", "status")]
    short = [ts for ts, said in held if said["shares_held"] < 0.99 * said["circulating_supply"]]
    assert short[0] == hours(15)
    assert max(short) < hours(23)


def test_every_cause_of_a_shipped_scenario_makes_ticks_the_engine_takes() -> None:
    scenario = load(CONFIG / "scenarios" / "small.toml")
    engine = Engine(config(), shipped_registry())
    before = 0
    for tick in simulate(msgspec.structs.replace(scenario, days=1.5), 11)[0]:
        assert tick.ts >= before
        before = tick.ts
        if tick.kind == "status":
            continue
        refused = [message for message in engine.step(tick) if isinstance(message, Quarantined)]
        assert refused == [], refused
        if tick.kind == "pool" and tick.data is not None and tick.ts % (3600 * NS) == 0:
            assert decode(tick.data).spot() == pytest.approx(tick.price)


def test_nothing_a_seed_draws_goes_unlabelled_and_honest_prices_stay_near() -> None:
    world = World(load(CONFIG / "scenarios" / "small.toml"), 2)
    venues = {venue.place.instrument: venue for venue in world.venues}
    off: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for tick in world.run():
        venue = venues.get(tick.instrument)
        if venue is not None and tick.kind in ("pool", "quote"):
            off[tick.instrument].append((tick.ts, abs(venue.depth.log_price - world.honest(venue))))
    assert len({label.cause for label in world.labels}) >= 5
    for name, seen in off.items():
        spans = [(label.start, label.end) for label in world.labels if label.instrument == name]
        outside = [far for ts, far in seen if not any(start <= ts <= end for start, end in spans)]
        assert max(outside) < 0.025, name
