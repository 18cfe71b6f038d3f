"""However plans are interleaved, nobody sells what another one owns."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.config import StrategySection
from bot.strategy.desk import Desk, Exposure
from bot.types import Fill
from tests.unit.execution.desk import BOOK, ISSUER, POOL, T, leg, plan, registry

PLACES = {"wallet": POOL, "kraken": BOOK}
step = st.tuples(
    st.sampled_from(["hold", "mint", "go on", "sell"]), st.sampled_from(list(PLACES)), st.integers(1, 40)
)


@given(held=st.integers(0, 50), steps=st.lists(step, max_size=30))
def test_no_interleaving_of_plans_sells_tokens_that_are_not_there(held, steps):
    desk = Desk(StrategySection(inventory_tokens={"AMZNx": float(held)}), registry())
    running: list[list[tuple[str, str, int, str]]] = []

    def begin(*fills: tuple[str, str, int, str], tokens: dict[str, float] | None = None) -> None:
        name = f"p{len(running)}"
        made = plan(*[leg("buy", POOL)] * sum(status != "settled" for *_, status in fills), id=name)
        desk.reserve(made, Exposure(0.0, 0.0, {}, 0.0, tokens or {}))
        running.append(list(fills))
        go_on(len(running) - 1)

    def go_on(number: int) -> None:
        action, instrument, tokens, status = running[number].pop(0)
        desk.on_fill(
            Fill(f"{number}", f"p{number}-{action}", f"p{number}", T, action, instrument, "AMZN",
                 Decimal(tokens), Decimal(220), Decimal(0), Decimal(0), T, status)
        )  # fmt: skip
        assert all(count >= 0 for count in desk.tokens.values())

    sold = 0
    for kind, place, tokens in steps:
        venue = PLACES[place]
        waiting = [number for number, fills in enumerate(running) if fills]
        if kind == "hold":
            begin(("buy", venue, tokens, "filled"), ("sell", venue, tokens, "filled"))
        elif kind == "mint":
            begin(("mint", ISSUER, tokens, "pending"), ("mint", ISSUER, tokens, "settled"),
                  ("transfer", ISSUER, tokens, "pending"), ("transfer", BOOK, tokens, "settled"),
                  ("sell", BOOK, tokens, "filled"))  # fmt: skip
        elif kind == "go on" and waiting:
            go_on(waiting[tokens % len(waiting)])
        elif free := min(tokens, int(desk.free_tokens("AMZNx", place))):
            begin(("sell", venue, free, "filled"), tokens={f"AMZNx@{place}": float(free)})
            sold += free
    for number, fills in enumerate(running):
        while fills:
            go_on(number)
    assert desk.reservations == {}
    assert sum(desk.tokens.values()) == held - sold
