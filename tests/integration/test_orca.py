"""Whirlpools beside Orca's own library: quotes, the state a swap leaves, and account bytes, to the last unit.

``@orca-so/whirlpools-core`` is their Rust compiled to WASM. It differs from the program on chain in three
ways that these tests leave out or say: it goes through as many tick arrays as it is given (they give it the
program's three), it fills a swap in part at the end of all prices (we quote nothing there; the program fills
exact in so and refuses exact out), and it does not look at ``trade_enable_timestamp``.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

pytest.importorskip("solders.pubkey")

from bot.pools import OrcaWhirlpool, OrcaWhirlpoolState, TaxedPool, TransferFee, decode_state, encode
from bot.pools.layouts import Account
from bot.pools.layouts.orca_whirlpool import PROGRAM, OrcaWhirlpoolLayout, array_address, oracle_address
from bot.pools.orca_math import (
    MAX_SQRT,
    MAX_TICK,
    MIN_SQRT,
    MIN_TICK,
    U64,
    amount_a,
    amount_b,
    sqrt_at_tick,
    tick_at_sqrt,
)
from bot.pools.orca_swap import OrcaSwap
from tests.fixtures.node import Ask, oracle
from tests.fixtures.orca_accounts import account, key, surroundings, values
from tests.fixtures.orca_pools import as_case, camel, random_state, telling_amounts

LAYOUT = OrcaWhirlpoolLayout()


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with oracle("solana", "orca.mjs") as found:
        yield found


def check_prices(ask: Ask, ticks: list[int]) -> None:
    prices = [int(price) for price in ask({"call": "prices", "ticks": ticks})]
    assert [sqrt_at_tick(tick) for tick in ticks] == prices
    beside = [price + by for price in prices for by in (-1, 0, 1) if MIN_SQRT <= price + by <= MAX_SQRT]
    theirs = ask({"call": "ticks", "prices": [str(price) for price in beside]})
    assert [tick_at_sqrt(price) for price in beside] == theirs


def test_ticks_and_prices(ask: Ask) -> None:
    rng = random.Random(1)
    check_prices(
        ask, [MIN_TICK, -1, 0, 1, MAX_TICK, *(rng.randint(MIN_TICK, MAX_TICK) for _ in range(2_000))]
    )


@pytest.mark.slow
def test_all_ticks_and_prices(ask: Ask) -> None:
    for first in range(MIN_TICK, MAX_TICK + 1, 10_000):
        check_prices(ask, list(range(first, min(first + 10_000, MAX_TICK + 1))))


def test_amounts_between_prices(ask: Ask) -> None:
    rng = random.Random(2)
    cases = []
    for _ in range(1_000):
        low, high = sorted(sqrt_at_tick(rng.randint(MIN_TICK, MAX_TICK)) for _ in range(2))
        liquidity = rng.randint(0, 1 << rng.randint(1, 90))
        cases.append(
            {
                "token": rng.choice("ab"),
                "low": str(low),
                "high": str(high),
                "liquidity": str(liquidity),
                "up": rng.random() < 0.5,
            }
        )
    for case, theirs in zip(cases, ask({"call": "amounts", "cases": cases}), strict=True):
        amount = amount_a if case["token"] == "a" else amount_b
        low, high, liquidity = (int(str(case[name])) for name in ("low", "high", "liquidity"))
        ours = amount(low, high, liquidity, bool(case["up"]))
        assert ours == int(theirs) if ours <= U64 else "error" in theirs


def swapped(pool: OrcaWhirlpool, amount: int, a_to_b: bool, exact_in: bool) -> OrcaSwap | None:
    return pool.swap_in(amount, a_to_b) if exact_in else pool.swap_out(amount, a_to_b)


def filled(answer: dict[str, Any], case: dict[str, Any]) -> tuple[int, int] | None:
    """Their amounts; nothing where they refuse or fill in part."""
    if "error" in answer or answer["in" if case["swap"]["exact_in"] else "out"] != case["swap"]["amount"]:
        return None
    return int(answer["in"]), int(answer["out"])


def variables(swap: OrcaSwap) -> dict[str, int] | None:
    if swap.adaptive_fee is None:
        return None
    left = swap.adaptive_fee.variables
    return {camel(name): getattr(left, name) for name in left.__struct_fields__}


def check_swaps(ask: Ask, rng: random.Random, pools: int, adaptive: bool) -> tuple[int, int]:
    """How many swaps were compared, and how many of them both filled."""
    compared = both = 0
    for _ in range(pools // 20):
        cases, ours = [], []
        for _ in range(20):
            state = random_state(rng, adaptive)
            pool = state.pool()
            a_to_b, exact_in = rng.random() < 0.5, rng.random() < 0.5
            for amount in telling_amounts(rng, pool, a_to_b, exact_in):
                case = as_case(state, amount, a_to_b, exact_in)
                if not case["arrays"]:
                    assert swapped(pool, amount, a_to_b, exact_in) is None
                    continue
                cases.append(case)
                ours.append(swapped(pool, amount, a_to_b, exact_in))
        quotes, loops = ask({"call": "quotes", "cases": cases}), ask({"call": "loops", "cases": cases})
        for case, swap, quote, loop in zip(cases, ours, quotes, loops, strict=True):
            compared += 1
            theirs = filled(quote, case)
            assert (None if swap is None else (swap.amount_in, swap.amount_out)) == theirs, case
            assert filled(loop, case) == theirs, case
            if swap is None:
                continue
            both += 1
            assert swap.sqrt_price == int(loop["sqrt_price"]), case
            assert (swap.tick, swap.liquidity) == (loop["tick"], int(loop["liquidity"])), case
            assert variables(swap) == loop["variables"], case
    return compared, both


@pytest.mark.parametrize("adaptive", [False, True])
def test_swaps_with_their_states_after(ask: Ask, adaptive: bool) -> None:
    compared, both = check_swaps(ask, random.Random(3), 80, adaptive)
    assert both > compared / 3 > 100


@pytest.mark.slow
@pytest.mark.parametrize("adaptive", [False, True])
def test_many_swaps_with_their_states_after(ask: Ask, adaptive: bool) -> None:
    compared, both = check_swaps(ask, random.Random(4), 3_000, adaptive)
    assert both > 5_000, (compared, both)


def check_second_swaps(ask: Ask, rng: random.Random, pools: int) -> tuple[int, int]:
    """A swap from the state another has left: how many were filled, and how many stopped at our knowledge."""
    cases, ours = [], []
    for _ in range(pools):
        state = random_state(rng)
        pool = state.pool()
        swap = pool.swap_in(int(2 ** (rng.random() * 64)), rng.random() < 0.5)
        if swap is None:
            continue
        left = replace(
            state,
            sqrt_price=str(swap.sqrt_price),
            tick_current_index=swap.tick,
            liquidity=str(swap.liquidity),
            adaptive_fee=swap.adaptive_fee,
        )
        a_to_b, exact_in = rng.random() < 0.5, rng.random() < 0.5
        for amount in telling_amounts(rng, pool.moved(swap), a_to_b, exact_in):
            case = as_case(left, amount, a_to_b, exact_in)
            if case["arrays"]:
                cases.append(case)
                known = all(state.known[0] <= one["start"] < state.known[1] for one in case["arrays"])
                ours.append((swapped(pool.moved(swap), amount, a_to_b, exact_in), known))
    filled_both = stopped = 0
    quotes, loops = ask({"call": "quotes", "cases": cases}), ask({"call": "loops", "cases": cases})
    for case, (swap, known), quote, loop in zip(cases, ours, quotes, loops, strict=True):
        if swap is None:
            stopped += not known
            assert not known or filled(quote, case) is None, case
        else:
            filled_both += 1
            assert filled(quote, case) == filled(loop, case) == (swap.amount_in, swap.amount_out), case
            assert (swap.sqrt_price, swap.tick) == (int(loop["sqrt_price"]), loop["tick"]), case
            assert variables(swap) == loop["variables"], case
    return filled_both, stopped


def test_swaps_to_a_price(ask: Ask) -> None:
    rng = random.Random(12)
    cases, ours = [], []
    for _ in range(400):
        state, a_to_b = random_state(rng), rng.random() < 0.5
        pool = state.pool()
        distance = 1 + 10 ** rng.uniform(-6, 0)
        target = int(pool.sqrt_price / distance if a_to_b else pool.sqrt_price * distance)
        if pool.ladder.ticks and rng.random() < 0.3:
            target = sqrt_at_tick(rng.choice(pool.ladder.ticks)[0])
        swap = pool.swap_to(target, a_to_b)
        if swap is not None and swap.sqrt_price == target:
            cases.append(as_case(state, U64, a_to_b, True, limit=str(target)))
            ours.append(swap)
    assert len(ours) > 100
    for case, swap, loop in zip(cases, ours, ask({"call": "loops", "cases": cases}), strict=True):
        assert (swap.amount_in, swap.amount_out) == (int(loop["in"]), int(loop["out"])), case
        assert (swap.sqrt_price, swap.tick) == (int(loop["sqrt_price"]), loop["tick"]), case
        assert variables(swap) == loop["variables"], case


def test_second_swaps(ask: Ask) -> None:
    both, _ = check_second_swaps(ask, random.Random(9), 150)
    assert both > 50


@pytest.mark.slow
def test_many_second_swaps(ask: Ask) -> None:
    rng = random.Random(10)
    assert sum(check_second_swaps(ask, rng, 200)[0] for _ in range(10)) > 1_000


def test_swaps_of_tokens_with_transfer_fees(ask: Ask) -> None:
    rng = random.Random(5)
    cases, ours = [], []
    for _ in range(500):
        state = random_state(rng)
        fees = [
            TransferFee(rng.choice((0, 1, 50, 999, 9_999, 10_000)), rng.getrandbits(40)) for _ in range(2)
        ]
        index = state.token_index
        pool = TaxedPool(state.pool(), fees[index], fees[1 - index])
        a_to_b, exact_in = rng.random() < 0.5, rng.random() < 0.5
        amount = int(2 ** (rng.random() * 64))
        pairs = {
            f"fee_{name}": [fee.basis_points, str(fee.maximum)] for name, fee in zip("ab", fees, strict=True)
        }
        case = as_case(state, amount, a_to_b, exact_in, **pairs)
        if case["arrays"]:
            sell = a_to_b == (index == 0)
            fee_in, fee_out = fees if a_to_b else fees[::-1]
            cases.append(case)
            ours.append(
                (amount, fee_in, fee_out, (pool.exact_in if exact_in else pool.exact_out)(amount, sell))
            )
    both = 0
    for case, (amount, fee_in, fee_out, swap), theirs in zip(
        cases, ours, ask({"call": "quotes", "cases": cases}), strict=True
    ):
        if case["swap"]["exact_in"]:
            # They say the least that leaves as much after the fee.
            used = fee_in.sent_for(amount - fee_in.of(amount))
            refused = "error" in theirs or int(theirs["in"]) != used
        else:
            given = fee_out.sent_for(amount)
            refused = "error" in theirs or given is None or int(theirs["out"]) != given - fee_out.of(given)
        if swap is None or swap.amount_in > U64:
            assert refused, case
            continue
        both += 1
        assert not refused, (case, theirs, swap)
        if case["swap"]["exact_in"]:
            assert swap.amount_out == int(theirs["out"])
        else:
            assert swap.amount_in == int(theirs["in"])
    assert both > 100


def check_accounts(ask: Ask, rng: random.Random, pools: int) -> int:
    """Encoded by their codec, decoded by ours into the state and by theirs into the same values."""
    count = 0
    for _ in range(pools // 10):
        asked: list[tuple[OrcaWhirlpoolState, str, tuple[str, str], list[str]]] = []
        told: list[dict[str, Any]] = []
        for _ in range(10):
            state, pool, mints = random_state(rng), key(rng), (key(rng), key(rng))
            found = values(rng, state, pool, mints)
            there = [address for address, one in found.items() if one is not None]
            told += [{"kind": one[0], "value": one[1]} for one in found.values() if one is not None]
            asked.append((state, pool, mints, there))
        theirs = ask({"call": "encode", "accounts": told})
        again = ask(
            {
                "call": "decode",
                "accounts": [
                    {"kind": one["kind"], "data": data} for one, data in zip(told, theirs, strict=True)
                ],
            }
        )
        for one, decoded, data in zip(told, again, theirs, strict=True):
            decoded.pop("discriminator")
            assert decoded == one["value"]
            assert account(one["kind"], one["value"]).data == base64.b64decode(data)
            count += 1
        encoded = iter(theirs)
        for state, pool, mints, there in asked:
            accounts: dict[str, Account | None] = {**surroundings(state, mints)}
            accounts |= {address: Account(PROGRAM, base64.b64decode(next(encoded))) for address in there}
            for address in LAYOUT.wanted(pool, accounts):
                accounts.setdefault(address, None)
            assert LAYOUT.wanted(pool, accounts) == accounts.keys()
            ours = LAYOUT.state(pool, accounts, token_mint=mints[state.token_index], quote_usd=1.0)
            assert as_known(ours) == as_known(state)
            assert decode_state(encode(ours)) == ours
    return count


def as_known(state: OrcaWhirlpoolState) -> dict[str, Any]:
    """All that the accounts say; ``known`` as far as there are prices."""
    said = {name: getattr(state, name) for name in state.__struct_fields__ if name != "block"}
    length = 88 * state.tick_spacing
    first, end = state.known
    starts = [at for at in range(first, end, length) if at <= MAX_TICK and at + length > MIN_TICK]
    return {**said, "known": (starts[0], starts[-1] + length)}


def test_account_bytes(ask: Ask) -> None:
    assert check_accounts(ask, random.Random(6), 40) > 100


@pytest.mark.slow
def test_many_account_bytes(ask: Ask) -> None:
    assert check_accounts(ask, random.Random(7), 2_000) > 5_000


def test_addresses(ask: Ask) -> None:
    rng = random.Random(8)
    for _ in range(20):
        pool, starts = key(rng), [rng.randint(-500, 500) * 88 for _ in range(5)]
        theirs = ask({"call": "addresses", "pool": pool, "starts": starts})
        assert theirs["program"] == PROGRAM
        assert theirs["oracle"] == oracle_address(pool)
        assert theirs["arrays"] == [array_address(pool, start) for start in starts]
