"""Properties of hedges on paper, whatever the market does: the books balance, and margin comes home."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.ledger.accounts import check, custody, entries_for
from bot.timefmt import NS
from tests.unit.execution.desk import ISSUER, T
from tests.unit.execution.desk import leg as plain
from tests.unit.execution.hedged import CALL, HOUR, OFFER, PERP, PUT, HedgedDesk, leg

KINDS = {"perp": PERP, "put": PUT, "call": CALL, "offer": OFFER}
hedges = st.lists(
    st.tuples(st.sampled_from(sorted(KINDS)), st.sampled_from(["buy", "sell"]), st.integers(1, 9),
              st.floats(0.05, 1.0)),
    min_size=1, max_size=4, unique_by=lambda one: one[0],
)  # fmt: skip
moves = st.lists(st.floats(-0.06, 0.06), min_size=4, max_size=12)
rates = st.floats(-0.01, 0.01)
coins = st.sampled_from(["USD", "AMZNx"])


def quote(desk: HedgedDesk, share: float, rate: float, coin: str) -> None:
    """Everything at a share's price."""
    desk.stock(share)
    desk.fair = type(desk.fair)(share, 0.001, 1.0, "regular", True)
    desk.perp(share * 0.999, share * 1.001, index=share, rate=rate)
    for name, outside in ((PUT, 220.0 - share), (CALL, share - 220.0)):
        worth = max(outside, 0.0) + 2.0
        desk.option(name, worth - 0.05, worth + 0.05)
    desk.offer(coin=coin, fee_ratio=0.001)


def run(chosen, path, rate, coin, restarts: bool) -> HedgedDesk:
    desk = HedgedDesk()
    share = 220.0
    quote(desk, share, rate, coin)
    opening, closing = [], []
    for kind, asked, number, margin in chosen:
        name = KINDS[kind]
        side = "buy" if kind == "offer" else asked
        opening.append(leg("hedge", name, side, number, 100.0, margin=number * share * margin))
        closing.append(leg("unhedge", name, "sell" if side == "buy" else "buy", number, 100.0))
    desk.execute(*opening, plain("mint", ISSUER), *closing)
    step = 30 * HOUR // len(path)
    for n, move in enumerate(path, 1):
        if restarts:
            desk.again()
        share *= 1 + move
        desk.now = T + n * step - NS
        quote(desk, share, rate, coin)
        desk.wait(T + n * step)
    quote(desk, share, rate, coin)
    desk.wait(desk.now + 120 * NS)
    return desk


def holds(chosen, path, rate, coin) -> None:
    desk = run(chosen, path, rate, coin, restarts=False)
    place = custody(desk.registry)
    for fill in desk.fills:
        for entry in entries_for(fill, place(fill.instrument)):
            check(entry)
    assert desk.broker.state_of("p1") in ("done", "unwound")
    books = desk.books()
    left = [name for name in books.balances if name.startswith(("assets:", "liabilities:"))]
    assert set(left) <= {"assets:cash:usd", "assets:tokens:AMZNx@wallet", "assets:receivable:AMZNx@xstocks"}
    # What cash came to is what trading, funding and costs say, but for the tokens, whose marks are not asked.
    result = books.profit_and_loss({"AMZNx": Decimal(0)})
    tokens = books.balances.get("assets:tokens:AMZNx@wallet", {}).get("AMZNx", Decimal(0))
    assert result.net_usd is not None
    assert abs(books.cash_usd - result.net_usd) < Decimal("1e-6")
    assert tokens is not None
    assert desk.fills == run(chosen, path, rate, coin, restarts=True).fills


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chosen=hedges, path=moves, rate=rates, coin=coins)
def test_margin_comes_home_and_every_entry_balances(chosen, path, rate, coin):
    holds(chosen, path, rate, coin)


@pytest.mark.slow
@settings(max_examples=1_500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chosen=hedges, path=moves, rate=rates, coin=coins)
def test_the_same_many_times(chosen, path, rate, coin):
    holds(chosen, path, rate, coin)
