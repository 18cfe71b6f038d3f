"""Every fill becomes an entry that balances per commodity; the convention is the one accounts.py states."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from msgspec.structs import replace

from bot.errors import LedgerError
from bot.ledger.accounts import Entry, Posting, check, custody, entries_for, opening_entry
from bot.ledger.books import fold
from tests.unit.execution.desk import registry
from tests.unit.ledger.fills import POOL, D, T, fill, pair


def booked(*fills):
    return fold(entry for one in fills for entry in entries_for(one)).balances


def test_a_purchase_turns_cash_into_tokens_and_shows_what_it_cost():
    assert booked(fill()) == {
        "assets:tokens:AMZNx@wallet": {"AMZNx": 2},
        "income:trading:AMZNx": {"AMZNx": -2, "USD": 400},
        "expenses:fees:trading": {"USD": D("1.25")},
        "expenses:gas": {"USD": D("0.1")},
        "assets:cash:usd": {"USD": D("-401.35")},
    }


def test_a_sale_is_a_purchase_backwards():
    back = booked(fill(), fill(2, "sell"))
    assert back == {
        "expenses:fees:trading": {"USD": D("2.5")},
        "expenses:gas": {"USD": D("0.2")},
        "assets:cash:usd": {"USD": D("-2.7")},
    }


def test_a_mint_is_owed_until_it_settles():
    asked, settled = pair(1, "mint")
    waiting = booked(asked)
    assert waiting["assets:receivable:AMZNx@xstocks"] == {"AMZNx": 2}
    assert waiting["assets:cash:usd"] == {"USD": D("-401.35")}
    assert waiting["expenses:fees:mint"] == {"USD": D("1.25")}
    after = booked(asked, settled)
    assert "assets:receivable:AMZNx@xstocks" not in after
    assert after["assets:tokens:AMZNx@wallet"] == {"AMZNx": 2}
    assert after["assets:cash:usd"] == waiting["assets:cash:usd"]


def test_a_redemption_gives_tokens_now_and_cash_when_it_settles():
    asked, settled = pair(1, "redeem")
    waiting = booked(asked)
    assert waiting["assets:receivable:usd@xstocks"] == {"USD": 400}
    assert waiting["assets:tokens:AMZNx@wallet"] == {"AMZNx": -2}
    assert waiting["assets:cash:usd"] == {"USD": D("-1.35")}
    after = booked(asked, settled)
    assert "assets:receivable:usd@xstocks" not in after
    assert after["assets:cash:usd"] == {"USD": D("398.65")}


def test_a_transfer_is_nowhere_while_it_is_on_its_way():
    asked, settled = pair(1, "transfer", instrument=POOL, fee_usd=D(0))
    settled = replace(settled, instrument="AMZNx@kraken")
    (out,), (arrival,) = entries_for(asked), entries_for(settled, "kraken")
    assert fold([out]).balances["assets:receivable:AMZNx@transfer"] == {"AMZNx": 2}
    after = fold([out, arrival]).balances
    assert after["assets:tokens:AMZNx@wallet"] == {"AMZNx": -2}
    assert after["assets:tokens:AMZNx@kraken"] == {"AMZNx": 2}
    assert "assets:receivable:AMZNx@transfer" not in after


def test_a_short_hedge_owes_shares_and_covering_it_owes_none():
    hedge = fill(1, "hedge", instrument="AMZN@ibkr", gas_usd=D(0))
    assert booked(hedge)["liabilities:shares:AMZN"] == {"AMZN": -2}
    cover = fill(2, "unhedge", price="190", instrument="AMZN@ibkr", gas_usd=D(0))
    after = booked(hedge, cover)
    assert after["income:trading:AMZN"] == {"USD": -20}  # income: 20 earned
    assert "liabilities:shares:AMZN" not in after


def test_shares_are_not_tokens():
    assert booked(fill(instrument="AMZN@ibkr"))["assets:shares:AMZN"] == {"AMZN": 2}


def test_a_refused_order_books_nothing_but_what_it_cost():
    assert entries_for(fill(status="rejected", fee_usd=D(0), gas_usd=D(0))) == []
    assert booked(fill(status="rejected", fee_usd=D(0))) == {
        "expenses:gas": {"USD": D("0.1")},
        "assets:cash:usd": {"USD": D("-0.1")},
    }


def test_dollars_are_rounded_once_and_alike_on_both_sides():
    odd = fill(quantity="0.333333333", price="23781.2200000001", fee_usd=D(0), gas_usd=D(0))
    balances = booked(odd)
    assert balances["assets:cash:usd"]["USD"] == D("-7927.07332541")
    assert balances["income:trading:AMZNx"]["USD"] == D("7927.07332541")


def test_the_process_wide_decimal_context_changes_nothing():
    odd = fill(quantity="123456789.123456789", price="23781.2200000001")
    with localcontext(prec=5):
        (crippled,) = entries_for(odd)
        check(crippled)
        balances = fold([crippled]).balances
    (plain,) = entries_for(odd)
    assert (crippled.postings, balances) == (plain.postings, fold([plain]).balances)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"quantity_tokens": D("NaN")}, "quantity_tokens is not a finite Decimal"),
        ({"price": D("Infinity")}, "price is not a finite Decimal"),
        ({"fee_usd": 1.0}, "fee_usd is not a finite Decimal"),
        ({"quantity_tokens": D(-1)}, "cannot be negative"),
        ({"action": "gamble"}, "cannot book 'gamble' with status 'filled'"),
        ({"action": "transfer"}, "cannot book 'transfer' with status 'filled'"),
        ({"status": "pending"}, "cannot book 'buy' with status 'pending'"),
    ],
)
def test_nonsense_is_never_booked(changes, says):
    with pytest.raises(LedgerError, match=f"fill p1-L1-F: .*{says}"):
        entries_for(fill(**changes))


def test_an_entry_that_does_not_balance_is_named():
    def entry(*postings):
        return Entry("e7", T, "", "", "x", postings)

    good = [Posting("assets:cash:usd", "USD", D(5), D(5)), Posting("equity:opening", "USD", D(-5), D(-5))]
    assert check(entry(*good)).id == "e7"
    with pytest.raises(LedgerError, match="entry e7 does not balance: 5 USD over"):
        check(entry(good[0]))
    swapped = [replace(good[0], commodity="AMZNx"), good[1]]
    with pytest.raises(LedgerError, match="entry e7 does not balance: 5 AMZNx over"):
        check(entry(*swapped))
    with pytest.raises(LedgerError, match="entry e7 does not balance in value: 1 USD over"):
        check(entry(replace(good[0], usd=D(6)), good[1]))
    with pytest.raises(LedgerError, match="entry e7: no such account: pockets"):
        check(entry(replace(good[0], account="pockets"), good[1]))
    with pytest.raises(LedgerError, match="entry e7: assets:cash:usd has no finite amount"):
        check(entry(replace(good[0], amount=D("NaN")), good[1]))


def test_what_there_was_at_the_start_earns_nothing():
    opening = opening_entry(T, D(250_000), {"AMZNx": D(3), "TSLAx": D(1)}, prices={"AMZNx": D(220)})
    books = fold([opening])
    assert books.balances["assets:tokens:AMZNx@wallet"] == {"AMZNx": 3}
    assert books.balances["equity:opening"] == {"USD": -250_000, "AMZNx": -3, "TSLAx": -1}
    assert books.profit_and_loss().net_usd == 0


def test_tokens_lie_with_the_exchange_that_holds_them_and_else_in_the_wallet():
    place = custody(registry())
    assert place("AMZNx@kraken") == "kraken"
    assert {place(name) for name in (POOL, "AMZNx@uniswap", "AMZNx@xstocks", "WHAT@nowhere")} == {"wallet"}
    assert place("AMZN@ibkr") == "ibkr"


def test_amounts_keep_every_digit_of_an_eighteen_decimal_token():
    quantity = Decimal("12345678901.123456789012345678")
    (entry,) = entries_for(fill(quantity=str(quantity)))
    assert entry.postings[0].amount == quantity
    assert entry.postings[1].amount == quantity.copy_negate()
