"""What a token keeps back, beside the rule written out: every amount, both roundings."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import pytest

from bot.pools import ConstantProduct, TaxedPool, TransferFee

FEES = [
    TransferFee(basis_points, maximum, rounded_down)
    for basis_points in (0, 1, 37, 100, 2500, 9999, 10_000)
    for maximum in (None, 0, 1, 17)
    for rounded_down in (False, True)
]


@pytest.mark.parametrize("fee", FEES)
def test_a_part_of_each_transfer_is_kept_up_to_the_maximum(fee: TransferFee) -> None:
    rounded = floor if fee.rounded_down else ceil
    for amount in range(400):
        part = rounded(Fraction(amount * fee.basis_points, 10_000))
        assert fee.of(amount) == (part if fee.maximum is None else min(part, fee.maximum))


@pytest.mark.parametrize("fee", FEES)
def test_the_least_is_sent_that_brings_so_much(fee: TransferFee) -> None:
    arrives = [sent - fee.of(sent) for sent in range(4000)]
    for received in range(120):
        sent = fee.sent_for(received)
        least = next((number for number, got in enumerate(arrives) if got >= received), None)
        if least is None:
            assert sent is None or sent >= len(arrives)
        elif fee.basis_points == 10_000 and fee.maximum is not None:
            assert sent is not None
            assert sent - fee.of(sent) >= received, "the program sends the maximum on top, whatever is least"
        else:
            assert sent == least


def test_a_taxed_pool_counts_what_leaves_and_what_reaches_the_trader() -> None:
    pool, fee = ConstantProduct(10**12, 4 * 10**14, 3000), TransferFee(100, rounded_down=True)
    taxed = TaxedPool(pool, fee, TransferFee(0))
    sold = taxed.exact_in(10**9, sell=True)
    inside = pool.exact_in(10**9 - 10**7, sell=True)
    assert sold is not None
    assert inside is not None
    assert (sold.amount_in, sold.amount_out) == (10**9, inside.amount_out)
    bought = taxed.exact_out(10**9, sell=False)
    assert bought is not None
    assert taxed.exact_in(bought.amount_in, sell=False).amount_out >= 10**9
    after = taxed.after(10**9, sell=True)
    assert after is not None
    assert after.price() == pool.after(10**9 - 10**7, sell=True).price()
