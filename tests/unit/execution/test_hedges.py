"""Options, perps and perpetual options on paper: each result worked out by hand, to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.strategy.options import perpetual
from bot.timefmt import NS
from bot.timefmt import parse as at
from tests.unit.execution.desk import ISSUER, T, plan
from tests.unit.execution.desk import leg as plain
from tests.unit.execution.hedged import CALL, FRIDAY, HOUR, OFFER, PERP, PUT, HedgedDesk, actions, leg

D = Decimal
MINT = plain("mint", ISSUER)
"""Something that settles a day later, so that the hedge has a wait to carry."""


def ends_flat(desk: HedgedDesk) -> Decimal:
    """Nothing is held any more and no margin is left; what cash came to."""
    books = desk.books()
    held = {name for name in books.balances if name.startswith(("assets:", "liabilities:"))}
    assert held <= {"assets:cash:usd", "assets:tokens:AMZNx@wallet"}
    return books.cash_usd


def test_a_perp_opened_and_closed_at_once_costs_its_spread_and_two_fees():
    desk = HedgedDesk()
    desk.perp(400.0, 400.5, index=400.0, rate=1e-4)
    opened = desk.execute(
        leg("hedge", PERP, "sell", 10, 400.0, margin=500.0), leg("unhedge", PERP, "buy", 10, 400.5)
    )
    assert actions(opened) == ["margin_in", "hedge", "unhedge", "margin_out"]
    assert ends_flat(desk) == D("-9.0025")  # 10 · 0.50 of spread; 2.00 and 2.0025 of fees


def test_funding_is_booked_by_the_hour_at_the_index_and_the_rest_on_closing():
    desk = HedgedDesk()
    desk.perp(400.0, 400.5, index=400.0, rate=1e-4)
    desk.execute(leg("hedge", PERP, "sell", 10, 400.0, margin=500.0), MINT,
                 leg("unhedge", PERP, "buy", 10, 400.5))  # fmt: skip
    (first,) = desk.wait(T + HOUR)
    assert (first.action, first.ts) == ("funding_received", T + HOUR)
    assert first.quantity_tokens == D("0.4")  # 10 · 400 · 1e-4
    desk.perp(390.0, 390.5, index=390.0, rate=-2e-4)
    (second,) = desk.wait(T + 2 * HOUR)
    assert (second.action, second.quantity_tokens) == ("funding_paid", D("0.78"))  # 10 · 390 · 2e-4
    assert desk.books().profit_and_loss().funding_usd == D("-0.38")


def test_a_whole_perp_hedge_by_hand():
    """Sold at 400.00, bought back at 390.50 a day later: 95.00, funding 0.40 an hour for 23 hours and 0.39
    for the last, fees 2.00 and 1.9525."""
    desk = HedgedDesk()
    desk.perp(400.0, 400.5, index=400.0, rate=1e-4)
    desk.execute(leg("hedge", PERP, "sell", 10, 400.0, margin=500.0), MINT,
                 leg("unhedge", PERP, "buy", 10, 400.5))  # fmt: skip
    assert desk.books().margin_usd == 4_500  # the margin, and what ten were sold for
    minted = desk.books().cash_usd - D("-502")  # the margin and the fee of 2.00 left, too
    desk.wait(T + 23 * HOUR)
    desk.now = T + 24 * HOUR - NS
    desk.perp(390.0, 390.5, index=390.0, rate=1e-4)
    desk.wait(T + 24 * HOUR)
    assert actions(desk.fills)[-4:] == ["mint", "funding_received", "unhedge", "margin_out"]
    earned = ends_flat(desk) - minted
    assert earned == D("95") + 23 * D("0.40") + D("0.39") - D("2") - D("1.9525")
    result = desk.books().profit_and_loss({"AMZNx": D(220)})
    assert result.funding_usd == D("9.59")
    assert desk.broker.state_of("p1") == "done"


def test_a_synthetic_short_by_hand():
    """Put 7.67 → 12.40, call sold 8.13 → 3.30, two contracts of a hundred: 946 + 966 less 8 · 0.65."""
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67)
    desk.option(CALL, 8.13, 8.23)
    desk.execute(
        leg("hedge", PUT, "buy", 2, 767.0), leg("hedge", CALL, "sell", 2, 813.0, margin=9_000.0), MINT,
        leg("unhedge", CALL, "buy", 2, 823.0), leg("unhedge", PUT, "sell", 2, 757.0),
    )  # fmt: skip
    assert actions(desk.fills) == ["hedge_buy", "margin_in", "hedge", "mint"]
    books = desk.books()
    assert books.balances["assets:options:AMZN250711P00220000@alpaca"] == {"AMZN250711P00220000": 2}
    assert books.balances["liabilities:options:AMZN250711C00220000@alpaca"] == {"AMZN250711C00220000": -2}
    assert books.margin_usd == 9_000
    before = books.cash_usd + 9_000 - 1_626 + 1_534 + D("2.60")
    desk.now = T + 24 * HOUR - NS
    desk.option(PUT, 12.40, 12.50)
    desk.option(CALL, 3.20, 3.30)
    desk.wait(T + 24 * HOUR)
    assert actions(desk.fills)[-4:] == ["mint", "unhedge", "margin_out", "unhedge_sell"]
    assert ends_flat(desk) - before == 946 + 966 - D("5.20")


def test_the_far_side_and_its_size_are_what_there_is_once():
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67, size=3)
    (bought,) = desk.execute(leg("hedge", PUT, "buy", 2, 767.0))
    assert (bought.price, bought.fee_usd, bought.quantity_tokens) == (D("767"), D("1.3"), 2)
    desk.broker._finished.clear()
    (none,) = desk.execute(leg("hedge", PUT, "buy", 2, 767.0))
    assert none.reason.startswith("depth.insufficient: AMZN250711P00220000@alpaca has 1 at 7.67, not 2")
    desk.now += NS
    desk.option(PUT, 7.57, 7.67, size=3)
    desk.broker._finished.clear()
    assert desk.execute(leg("hedge", PUT, "buy", 2, 767.0))[0].status == "filled"


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda desk: desk.hedges.distrust(PUT), "hedge.crossed"),
        (lambda desk: setattr(desk, "now", T + 301 * NS), "hedge.stale"),
        (lambda desk: desk.option(PUT, 7.57, None), "depth.unknown"),
        (lambda desk: setattr(desk.hedges.lines[PUT], "halted", "no quotes"), "venue.halted"),
        (lambda desk: desk.hedges.lines.clear(), "depth.unknown"),
    ],
)
def test_what_cannot_be_had_is_refused_by_its_rule(spoil, rule):
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67)
    spoil(desk)
    made = leg("hedge", PUT, "buy", 1, 767.0)
    (none,) = desk.broker.execute(_late(made), desk.market, desk.now)
    assert none.status == "rejected"
    assert none.reason.startswith(rule)


def _late(*legs):
    from tests.unit.execution.desk import plan

    return plan(*legs, expires=T + HOUR)


def test_a_price_beyond_the_limit_is_refused():
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.87)
    (none,) = desk.execute(leg("hedge", PUT, "buy", 1, 767.0, limit=767.0))
    assert none.reason.startswith("slippage: hedge at 787")
    assert desk.books().balances == {}


def test_a_refused_second_leg_undoes_the_first_and_takes_its_margin_out():
    desk = HedgedDesk()
    desk.perp(400.0, 400.5)
    fills = desk.execute(leg("hedge", PERP, "sell", 10, 400.0, margin=500.0),
                         leg("hedge", PUT, "buy", 1, 767.0))  # fmt: skip
    assert actions(fills) == ["margin_in", "hedge", "hedge_buy", "unhedge", "margin_out"]
    assert fills[2].status == "rejected"
    assert fills[3].reason == "unwind of p1-L0"
    assert desk.broker.state_of("p1") == "unwound"
    assert ends_flat(desk) == D("-9.0025")


def test_a_perp_is_liquidated_when_its_margin_is_down_to_what_is_asked():
    desk = HedgedDesk()
    desk.perp(400.0, 400.5)
    desk.execute(leg("hedge", PERP, "sell", 10, 400.0, margin=200.0), MINT,
                 leg("unhedge", PERP, "buy", 10, 400.5))  # fmt: skip
    minted = desk.books().cash_usd + D("202")
    desk.now += NS
    desk.perp(409.0, 409.5, mark=409.75)  # (400 + 20) / 1.025 = 409.756
    assert actions(desk.fills) == ["margin_in", "hedge", "mint"]
    desk.now += NS
    desk.perp(409.5, 410.0, mark=409.76)
    assert actions(desk.fills)[-1] == "liquidate_short"
    assert desk.fills[-1].price == D("420")
    desk.wait(T + 25 * HOUR)
    # The plan's last leg finds nothing to close, and says so.
    assert (desk.fills[-1].action, desk.fills[-1].quantity_tokens) == ("unhedge", 0)
    assert desk.fills[-1].reason == "it had ended by itself"
    assert ends_flat(desk) - minted == D("-202")  # the margin and the fee
    assert desk.broker.state_of("p1") == "done"


def test_a_long_perp_is_liquidated_on_the_way_down():
    desk = HedgedDesk()
    desk.perp(399.5, 400.0)
    desk.execute(leg("hedge", PERP, "buy", 10, 400.0, margin=200.0))
    desk.now += NS
    desk.perp(389.0, 389.5, mark=389.75)  # (400 − 20) / 0.975 = 389.744
    assert actions(desk.fills) == ["margin_in", "hedge_buy"]
    desk.now += NS
    desk.perp(389.0, 389.5, mark=389.74)
    assert desk.fills[-1].action == "liquidate_long"
    assert desk.fills[-1].price == D("380")
    assert ends_flat(desk) == D("-202")


def test_out_of_the_money_an_option_expires_for_nothing_and_margin_comes_home():
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67)
    desk.option(CALL, 8.13, 8.23)
    desk.stock(220.0)
    desk.execute(leg("hedge", PUT, "buy", 1, 767.0), leg("hedge", CALL, "sell", 1, 813.0, margin=4_000.0))
    desk.now = FRIDAY - NS
    desk.stock(220.0)
    done = desk.wait(FRIDAY + HOUR)
    assert sorted(actions(done)) == ["expire_long", "expire_short", "margin_out"]
    assert {fill.ts for fill in done} == {FRIDAY}
    assert ends_flat(desk) == 813 - 767 - D("1.30")


def test_in_the_money_shares_change_hands_at_the_strike_and_are_bought_back_as_the_hedge():
    """Put at 220 for 7.67, share at 200 at its expiry: sold at 220, bought back at 205.01 with $0.35."""
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67)
    desk.execute(leg("hedge", PUT, "buy", 1, 767.0))
    desk.now = FRIDAY - NS
    desk.stock(200.0)
    (done,) = desk.wait(FRIDAY)
    assert (done.action, done.price, done.reason) == ("exercise", D("22000"), "the share at $200.00")
    books = desk.books()
    assert books.balances["liabilities:shares:AMZN"] == {"AMZN": -100}
    assert books.cash_usd == 22_000 - 767 - D("0.65")
    assert books.profit_and_loss({"AMZN": D(200)}).net_usd == 2_000 - 767 - D("0.65")


def test_the_leg_that_closes_an_option_buys_back_the_shares_it_became():
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67)
    slow = plain("mint", ISSUER, delay_seconds=5 * 86_400.0)
    desk.execute(leg("hedge", PUT, "buy", 1, 767.0), slow, leg("unhedge", PUT, "sell", 1, 757.0))
    minted = desk.books().cash_usd + 767 + D("0.65")
    desk.now = FRIDAY - NS
    desk.stock(200.0)
    desk.wait(FRIDAY)
    desk.now = T + 5 * 24 * HOUR - NS
    desk.stock(205.0)
    desk.wait(T + 5 * 24 * HOUR)
    back = desk.fills[-1]
    assert (back.action, back.instrument, back.quantity_tokens, back.price) == (
        "unhedge", "AMZN@ibkr", 100, D("205.01"),
    )  # fmt: skip
    assert ends_flat(desk) - minted == (D("220") - D("205.01")) * 100 - 767 - D("0.65") - D("0.35")


@pytest.mark.parametrize(
    ("name", "side", "share", "action", "shares"),
    [
        (PUT, "buy", 200.0, "exercise", -100),
        (PUT, "sell", 200.0, "assign", 100),
        (CALL, "buy", 240.0, "exercise", 100),
        (CALL, "sell", 240.0, "assign", -100),
    ],
)
def test_who_delivers_what(name, side, share, action, shares):
    desk = HedgedDesk()
    desk.option(name, 7.57, 7.67)
    desk.execute(leg("hedge", name, side, 1, 767.0, margin=0.0 if side == "buy" else 3_000.0))
    desk.now = FRIDAY - NS
    desk.stock(share)
    assert actions(desk.wait(FRIDAY))[0] == action
    (position,) = [one for one in desk.books().positions() if one.commodity == "AMZN"]
    assert position.held == shares


def test_an_option_sold_is_assigned_at_a_close_once_nothing_but_exercise_is_left_in_it():
    """Call at 220 sold for 8.13; with the share at 260 it is offered at 40.05, then at 39.95."""
    desk = HedgedDesk()
    desk.option(CALL, 8.13, 8.23)
    desk.execute(leg("hedge", CALL, "sell", 1, 813.0, margin=4_000.0))
    tuesday = at("2025-07-08T20:00:00Z")
    desk.now = at("2025-07-07T20:00:00Z") - NS
    desk.stock(260.0)
    desk.option(CALL, 39.85, 40.05)
    assert desk.wait(desk.now + NS) == []
    desk.now = tuesday - NS
    desk.stock(260.0)
    desk.option(CALL, 39.75, 39.95)
    done = desk.wait(tuesday)
    assert actions(done) == ["assign", "margin_out"]
    books = desk.books()
    assert books.balances["liabilities:shares:AMZN"] == {"AMZN": -100}
    assert books.cash_usd == 813 - D("0.65") + 22_000


def test_an_option_sold_is_not_assigned_by_what_was_asked_an_hour_ago():
    desk = HedgedDesk()
    desk.option(CALL, 8.13, 8.23)
    desk.execute(leg("hedge", CALL, "sell", 1, 813.0, margin=4_000.0))
    desk.now = at("2025-07-07T19:00:00Z")
    desk.option(CALL, 39.75, 39.95)
    desk.stock(260.0)
    assert desk.wait(at("2025-07-07T20:00:00Z")) == []


def test_nothing_expires_by_a_share_price_from_before_a_long_weekend():
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67)
    desk.execute(leg("hedge", PUT, "buy", 1, 767.0))
    desk.stock(100.0)
    desk.fair = None
    assert desk.wait(FRIDAY) == []
    desk.now = FRIDAY + 30 * NS
    desk.stock(230.0)
    assert actions(desk.wait(FRIDAY + 61 * NS)) == ["expire_long"]


def test_one_that_was_bought_is_not_exercised_before_its_expiry():
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67)
    desk.execute(leg("hedge", PUT, "buy", 1, 767.0))
    desk.now = at("2025-07-08T20:00:00Z") - NS
    desk.stock(100.0)
    desk.option(PUT, 119.0, 119.5)
    assert desk.wait(desk.now + NS) == []


def test_while_nobody_says_what_the_share_is_worth_an_expired_option_waits():
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67)
    desk.execute(leg("hedge", PUT, "buy", 1, 767.0))
    desk.fair = None
    desk.share.price = None
    assert desk.wait(FRIDAY) == []
    desk.stock(230.0)
    assert actions(desk.wait(FRIDAY + 61 * NS)) == ["expire_long"]


def test_a_hedge_that_cannot_be_closed_now_stays_and_is_tried_again():
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67)
    desk.execute(leg("hedge", PUT, "buy", 1, 767.0), MINT, leg("unhedge", PUT, "sell", 1, 757.0))
    settled = desk.wait(T + 24 * HOUR)
    assert actions(settled) == ["mint"]  # its quote is a day old
    assert desk.broker.state_of("p1") == "waiting"
    desk.again()
    assert desk.wait(T + 25 * HOUR) == []
    desk.option(PUT, 9.0, 9.1)
    (closed,) = desk.wait(T + 25 * HOUR + 60 * NS)
    assert (closed.action, closed.price) == ("unhedge_sell", D("900"))
    assert desk.broker.state_of("p1") == "done"


def test_a_retry_that_comes_too_late_finds_nothing_to_do():
    """Something of the plan settles first, and with that all of it is done."""
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67)
    back = plain("redeem", ISSUER, delay_seconds=86_400.0 + 30.0)
    desk.execute(leg("hedge", PUT, "buy", 1, 767.0), MINT, back, leg("unhedge", PUT, "sell", 1, 757.0))
    desk.wait(T + 24 * HOUR)  # the redemption is asked for; the put's quote is old
    assert desk.broker.state_of("p1") == "waiting"
    desk.now = T + 48 * HOUR + 29 * NS
    desk.option(PUT, 9.0, 9.1)
    desk.wait(T + 48 * HOUR + 31 * NS)
    assert desk.broker.state_of("p1") == "done"
    desk.wait(T + 72 * HOUR)
    assert actions(desk.fills).count("unhedge_sell") == 1
    assert desk.broker.next_due is None


def test_a_perpetual_option_pays_funding_each_day_and_what_exercise_pays_at_the_end():
    desk = HedgedDesk()
    desk.offer()
    desk.stock(220.0)
    option = desk.hedges.lines[OFFER].option
    day = perpetual.funding_usd(option, 220.0, 0.5, 86_400.0)
    desk.execute(
        leg("hedge", OFFER, "buy", 10, 0.0, margin=200.0), MINT, leg("unhedge", OFFER, "sell", 10, 0.0)
    )
    before = desk.books().cash_usd + 200
    desk.now = T + 24 * HOUR - NS
    desk.offer()
    desk.stock(210.0)
    done = desk.wait(T + 24 * HOUR)
    assert actions(done) == ["mint", "funding_paid", "unhedge_sell", "margin_out"]
    paid = perpetual.funding_usd(option, 210.0, 0.5, 86_400.0) * 10
    assert float(done[1].quantity_tokens) == pytest.approx(paid, abs=1e-8)
    assert paid < day * 10  # away from the strike there is less time value
    assert done[2].price == 10  # 220 − 210
    assert float(ends_flat(desk) - before) == pytest.approx(100 - paid, abs=1e-7)


def test_margin_in_a_coin_pays_funding_and_takes_the_payoff_in_it():
    desk = HedgedDesk()
    desk.offer(coin="AMZNx")
    desk.stock(220.0)
    desk.execute(leg("hedge", OFFER, "buy", 10, 0.0, margin=220.0))
    books = desk.books()
    assert books.balances["assets:margin:AMZNx@fufuture"] == {"AMZNx": 1}  # a token is worth 220
    assert books.cash_usd == 0
    (sold, paid) = desk.wait(T + 24 * HOUR)
    assert (sold.action, paid.action) == ("coin_sell", "funding_paid")
    assert sold.quantity_tokens * 220 == pytest.approx(paid.quantity_tokens, abs=D("1e-6"))
    position = next(iter(desk.broker._hedges.carried.positions.values()))
    closing = leg("unhedge", OFFER, "sell", 10, 0.0)
    desk.now += NS
    desk.offer(coin="AMZNx")
    desk.stock(198.0)
    price = desk.broker._hedges.price(closing, _late(closing), desk.now)
    assert price.price == 22
    fills = desk.broker._hedges.carried.close(position, _fill_of(position, price, desk.now))
    desk.fills += fills
    assert actions(fills) == ["coin_sell", "funding_paid", "unhedge_sell", "coin_buy", "margin_out"]
    books = desk.books()
    assert not [name for name in books.balances if name.startswith("assets:margin")]
    # One token less what funding took, and 220 dollars' worth more: the payoff came in tokens.
    gained = books.balances["assets:tokens:AMZNx@wallet"]["AMZNx"]
    assert gained == pytest.approx(D(220) / D(198) - paid.quantity_tokens / 220, abs=D("0.001"))
    assert books.cash_usd == pytest.approx(0, abs=D("1e-6"))


def _fill_of(position, price, ts):
    from bot.types import Fill

    zero = D(0)
    return Fill("c-F", "c", "p1", ts, "unhedge_sell", position.instrument, "AMZN", position.quantity,
                price.price, zero, zero, ts)  # fmt: skip


def test_a_perpetual_option_lapses_when_its_margin_is_used_up():
    desk = HedgedDesk()
    desk.offer(volatility=0.9)
    desk.stock(220.0)
    desk.execute(leg("hedge", OFFER, "buy", 10, 0.0, margin=1.0))
    desk.now = T + 24 * HOUR - NS
    desk.stock(215.0)
    done = desk.wait(T + 24 * HOUR)
    assert actions(done) == ["funding_paid", "lapse", "margin_out"]
    assert done[0].quantity_tokens == 1  # no more than there was
    assert ends_flat(desk) == 10 * 5 - 1


def test_a_coin_that_nobody_prices_is_no_margin():
    desk = HedgedDesk()
    desk.offer(coin="GONEx")
    desk.stock(220.0)
    (none,) = desk.execute(leg("hedge", OFFER, "buy", 10, 0.0, margin=220.0))
    assert none.reason.startswith("margin.coin")


def test_without_hedges_attached_such_a_leg_is_refused():
    desk = HedgedDesk()
    desk.broker = desk.new_broker()
    (none,) = desk.execute(leg("hedge", PERP, "sell", 1, 400.0))
    assert none.reason.startswith("hedge.by_hand")


def test_a_restart_in_the_middle_is_none():
    def run(restarts: bool):
        desk = HedgedDesk()
        desk.perp(400.0, 400.5, rate=1e-4)
        desk.option(PUT, 7.57, 7.67)
        desk.execute(leg("hedge", PERP, "sell", 10, 400.0, margin=500.0), leg("hedge", PUT, "buy", 1, 767.0),
                     MINT, leg("unhedge", PUT, "sell", 1, 757.0),
                     leg("unhedge", PERP, "buy", 10, 400.5))  # fmt: skip
        for hour in range(1, 30):
            if restarts:
                desk.again()
            desk.now = T + hour * HOUR - NS
            desk.perp(400.0 - hour, 400.5 - hour, rate=1e-4)
            desk.option(PUT, 7.57 + hour / 10, 7.67 + hour / 10)
            desk.wait(T + hour * HOUR)
        return desk.fills

    fills = run(restarts=False)
    assert fills == run(restarts=True)
    assert "unhedge_sell" in actions(fills)


def remembered(desk: HedgedDesk) -> set[str]:
    """Of what it knows how much was taken."""
    return set(desk.broker.snapshot()["hedges"]["taken"])


def sold(desk: HedgedDesk, name: str, contracts: int) -> str:
    """A hedge by a plan of its own; why it was refused."""
    order = leg("hedge", name, "sell", contracts, 700.0)
    *_, last = desk.broker.execute(
        plan(order, id=f"{name}-{desk.now}", expires=desk.now), desk.market, desk.now
    )
    return last.reason


def test_what_was_taken_of_a_quote_is_remembered_while_that_quote_stands_and_no_longer():
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67)
    desk.option(CALL, 7.57, 7.67)
    assert (sold(desk, PUT, 6), sold(desk, CALL, 6)) == ("", "")
    desk.now += NS
    desk.option(PUT, 7.57, 7.67)
    desk.perp(219.9, 220.1)
    assert sold(desk, PERP, 6) == ""
    assert remembered(desk) == {CALL, PERP}
    assert sold(desk, CALL, 5).startswith("depth.insufficient")
    assert sold(desk, PUT, 10) == ""


def test_what_was_taken_of_contracts_that_the_book_has_forgotten_is_forgotten_too():
    desk = HedgedDesk()
    names = [f"AMZN250711P00{strike}000@alpaca" for strike in range(200, 220)]
    for name in names:
        desk.option(name, 7.57, 7.67)
        assert sold(desk, name, 1) == ""
    assert remembered(desk) == set(names)
    desk.stock(300.0)
    desk.wait(FRIDAY + HOUR)  # all of them expire worthless
    desk.option("AMZN250718P00220000@alpaca", 7.57, 7.67)
    assert sold(desk, "AMZN250718P00220000@alpaca", 1) == ""
    assert remembered(desk) == {"AMZN250718P00220000@alpaca"}
