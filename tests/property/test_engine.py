"""Nothing that comes in as a tick stops the engine, and what it says can be written down and read again."""

from __future__ import annotations

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.timefmt import DAY_SECONDS, NS
from bot.types import TICK_KINDS, Tick, to_builtins
from tests.fixtures.engine import TUESDAY, engine

NAMES = (
    "TSLA@yahoo",
    "TSLA@alpaca",
    "TSLAx@kraken",
    "TSLAx@orca:9p7aTSLA",
    "TSLAx@raydium:8aDa",
    "GHOSTx@bar",
)
POOL = (
    '{{"amm":"constant_product","decimals":[8,6],"token_reserve":"{}","quote_reserve":"{}","fee_pips":2500}}'
)

near = st.floats(380.0, 420.0)
prices = st.none() | near | near | near | st.floats(allow_nan=True, allow_infinity=True)
amounts = st.sampled_from([0, 1, 10**10, 4 * 10**10, 10**80])
data = st.one_of(
    st.none(),
    st.builds(POOL.format, amounts, amounts),
    st.sampled_from(['{"state":"up"}', '{"state":"down"}', '{"state":"halted"}', "{", "[]", "{}"]),
    st.sampled_from(['{"multiplier":1.1}', '{"multiplier":1e-300}', '{"multiplier":1e300}']),
    st.sampled_from(['{"bids":[[400,9]],"asks":[[401,9]]}', '{"bids":[],"asks":[[1e-9,1e300]]}']),
)
times = st.one_of(
    st.integers(-DAY_SECONDS, DAY_SECONDS).map(lambda seconds: TUESDAY + seconds * NS),
    st.integers(-40 * DAY_SECONDS, 40 * DAY_SECONDS).map(lambda seconds: TUESDAY + seconds * NS),
    st.sampled_from([-1, 0, 1, 1_781_622_000, (1 << 63) - 1]),
)
ticks = st.builds(
    Tick, times, st.sampled_from(NAMES), st.sampled_from(TICK_KINDS),
    bid=prices, ask=prices, price=prices, high=prices, low=prices,
    size=st.none() | st.floats(0, 1e9) | st.floats(), data=data, received=st.just(0) | times,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(ticks, max_size=40))
def test_no_ticks_in_whatever_order_stop_it(given: list[Tick]) -> None:
    one = engine(strategy={"inventory_tokens": {"TSLAx": 10.0}})
    for tick in given:
        for message in one.step(tick):
            msgspec.json.encode(to_builtins(message))
    again = engine(strategy={"inventory_tokens": {"TSLAx": 10.0}})
    again.restore(one.snapshot())
    assert again.snapshot() == one.snapshot()
