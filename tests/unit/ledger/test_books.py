"""What entries add up to: positions, average cost, profit, and what is locked until it settles."""

from __future__ import annotations

from bot.ledger.accounts import entries_for, opening_entry
from bot.ledger.books import fold
from tests.unit.ledger.fills import D, T, fill, pair

FREE = {"fee_usd": D(0), "gas_usd": D(0)}


def books(*fills, opening=None):
    entries = [entry for one in fills for entry in entries_for(one)]
    return fold([opening, *entries] if opening else entries)


def test_selling_part_of_two_purchases_earns_against_their_average_cost():
    made = books(
        fill(1, "buy", "10", "100", **FREE),
        fill(2, "buy", "10", "110", **FREE),
        fill(3, "sell", "5", "120", **FREE),
    )
    (position,) = made.positions()
    assert (position.held, position.average_cost, position.cost_usd) == (15, 105, 1575)
    assert position.realised_usd == 75
    result = made.profit_and_loss({"AMZNx": D(100)})
    assert (result.realised_usd, result.unrealised_usd, result.net_usd) == (75, -75, 0)


def test_selling_inventory_and_minting_it_back_is_a_profit_without_a_price_for_the_inventory():
    opening = opening_entry(T, D(1000), {"AMZNx": D(10)})
    asked, settled = pair(2, "mint", "10", "100", **FREE)
    made = books(fill(1, "sell", "10", "110", **FREE), asked, opening=opening)
    (position,) = made.positions()
    assert (position.held, position.in_transit, position.traded) == (10, 10, 0)
    assert made.profit_and_loss().net_usd == 100
    assert made.cash_usd == 1100
    assert (
        books(fill(1, "sell", "10", "110", **FREE), asked, settled, opening=opening).profit_and_loss().net_usd
        == 100
    )


def test_what_was_redeemed_is_due_until_it_is_paid_out():
    asked, settled = pair(2, "redeem", "10", "110", **FREE)
    bought = fill(1, "buy", "10", "100", **FREE)
    venue = asked.instrument.partition("@")[2]
    assert books(bought).due_usd == {}
    assert books(bought, asked).due_usd == {venue: 1100}
    assert books(bought, asked, settled).due_usd == {}


def test_a_position_may_turn_from_long_to_short():
    made = books(fill(1, "buy", "2", "100", **FREE), fill(2, "sell", "5", "110", **FREE))
    (position,) = made.positions()
    assert (position.traded, position.average_cost, position.realised_usd) == (-3, 110, 20)
    assert made.profit_and_loss({"AMZNx": D(100)}).unrealised_usd == 30


def test_a_half_finished_trade_shows_its_loss_with_fees_and_gas():
    made = books(fill(1, "buy", "10", "100"), fill(2, "sell", "10", "99"))
    result = made.profit_and_loss()
    assert (result.realised_usd, result.fees_usd, result.gas_usd) == (-10, D("2.5"), D("0.2"))
    assert result.net_usd == D("-12.7")


def test_without_a_mark_the_profit_is_not_known_rather_than_guessed():
    result = books(fill()).profit_and_loss({"TSLAx": D(300)})
    assert (result.unrealised_usd, result.net_usd, result.unmarked) == (None, None, ["AMZNx"])


def test_capital_is_reserved_from_asking_to_settling():
    mint, minted = pair(1, "mint", "2", "200")
    redeem, redeemed = pair(2, "redeem", "1", "210", plan_id="p2")
    waiting = books(mint, redeem)
    assert waiting.reserved == {"p1": 400, "p2": 210}
    assert waiting.reserved_usd == 610
    assert books(mint, redeem, minted, redeemed).reserved == {}


def test_a_hedged_redemption_earns_the_discount_whatever_the_share_does():
    redeem, redeemed = pair(3, "redeem", "10", "100", **FREE)
    for cover in ("80", "130"):
        made = books(
            fill(1, "buy", "10", "95", **FREE),
            fill(2, "hedge", "10", "100", instrument="AMZN@ibkr", **FREE),
            redeem,
            redeemed,
            fill(4, "unhedge", "10", cover, instrument="AMZN@ibkr", **FREE),
        )
        hedge = (100 - D(cover)) * 10
        assert made.profit_and_loss().net_usd == 50 + hedge


def test_positions_say_where_the_tokens_are():
    (position,) = books(fill(1, "buy", "3"), *pair(2, "mint", "2")[:1]).positions()
    assert position.places == {"assets:tokens:AMZNx@wallet": 3, "assets:receivable:AMZNx@xstocks": 2}
