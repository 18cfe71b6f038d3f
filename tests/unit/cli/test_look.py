"""Commands that look into the ledger: incidents, plans, and what a size would get."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from bot.timefmt import NS
from tests.fixtures.engine import TUESDAY
from tests.fixtures.messages import incident, plan
from tests.unit.cli.shell import KRAKEN, Answer, Pegbot, remember, seen
from tests.unit.ledger.fills import fill


def test_an_empty_ledger_has_no_incidents_and_no_plans(pegbot: Pegbot, config: Path) -> None:
    remember(config)
    assert pegbot("incidents", "-c", config) == Answer(0, "No incidents.\n", "")
    assert pegbot("incidents", "-c", config, "--json") == Answer(0, "", "")
    assert pegbot("plans", "-c", config).out.startswith("No plans")
    assert pegbot("plans", "-c", config, "--json") == Answer(0, "", "")


@pytest.mark.parametrize(
    "command",
    [["incidents"], ["plans"], ["plans", "--explain", "p1"], ["positions"], ["quote", KRAKEN, "--size", "5"]],
)
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_where_nothing_has_run_that_is_told_and_nothing_is_made(
    pegbot: Pegbot, tmp_path: Path, command: list[str], more: list[str]
) -> None:
    answer = pegbot(*command, *more)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("pegbot: no ledger at var/demo.db: run `pegbot run` first")
    assert list(tmp_path.iterdir()) == []


def test_mechanisms_need_no_ledger_and_make_none(pegbot: Pegbot, tmp_path: Path) -> None:
    answer = pegbot("mechanisms")
    assert (answer.code, answer.err) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_a_reason_that_names_a_table_of_the_configuration_keeps_its_name(pegbot: Pegbot) -> None:
    answer = pegbot("mechanisms", "mirror", "--at", "2021-06-05T15:00Z")
    assert "[strategy]" in answer.out


def test_incidents_are_listed_newest_first(pegbot: Pegbot, config: Path) -> None:
    old = incident(id="old", opened=TUESDAY, last_seen=TUESDAY, resolved=TUESDAY, phase="resolve")
    new = incident(id="new", opened=TUESDAY + NS, last_seen=TUESDAY + NS)
    remember(config, old, new)
    lines = pegbot("incidents", "-c", config, "--json").out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["new", "old"]
    (line,) = pegbot("incidents", "-c", config, "--json", "--open").out.splitlines()
    assert json.loads(line)["id"] == "new"
    (line,) = pegbot("incidents", "-c", config, "--json", "--limit", 1).out.splitlines()
    assert json.loads(line)["id"] == "new"
    shown = pegbot("incidents", "-c", config).out
    assert "AMZNx@raydium" in shown
    assert "(open)" in shown


@pytest.mark.parametrize("command", ["incidents", "plans"])
@pytest.mark.parametrize("limit", [0, -1, 1_000_001, 10**20])
def test_a_limit_that_no_database_takes_is_refused(
    pegbot: Pegbot, config: Path, command: str, limit: int
) -> None:
    remember(config)
    answer = pegbot(command, "-c", config, "--limit", limit)
    assert (answer.code, answer.out) == (2, "")
    assert "Invalid value for '--limit'" in answer.err
    assert pegbot(command, "-c", config, "--limit", 1_000_000).code == 0


def test_plans_are_listed_and_one_is_explained(pegbot: Pegbot, config: Path) -> None:
    remember(
        config, plan(id="p1"), plan(id="p2", decision="no_trade", route=None, reasons=["limits.venue: no"])
    )
    lines = [json.loads(line) for line in pegbot("plans", "-c", config, "--json").out.splitlines()]
    assert {line["id"] for line in lines} == {"p1", "p2"}
    shown = pegbot("plans", "-c", config).out
    assert "mint_and_sell" in shown
    assert "limits.venue: no" in shown
    explained = pegbot("plans", "-c", config, "--explain", "p2")
    assert explained.code == 0
    assert "limits.venue" in explained.out
    assert pegbot("plans", "-c", config, "--explain", "p1", "--json").json["id"] == "p1"


def test_a_plan_that_is_not_there_is_a_no(pegbot: Pegbot, config: Path) -> None:
    remember(config)
    answer = pegbot("plans", "-c", config, "--explain", "p9")
    assert answer == Answer(1, "", "pegbot: no plan p9; `pegbot plans` lists them\n")


def test_a_ledger_that_is_away_exits_3(pegbot: Pegbot, config: Path) -> None:
    text = config.read_text().partition("[ledger]")[0]
    config.write_text(f'{text}[ledger]\nurl = "postgresql+asyncpg://me:hunter2@127.0.0.1:1/pegbot"\n')
    answer = pegbot("incidents", "-c", config)
    assert (answer.code, answer.out) == (3, "")
    assert "127.0.0.1" in answer.err
    assert "hunter2" not in answer.err


def test_a_ledger_that_is_none_exits_2(pegbot: Pegbot, config: Path) -> None:
    text = config.read_text().partition("[ledger]")[0]
    config.write_text(f'{text}[ledger]\nurl = "notebook"\n')
    answer = pegbot("incidents", "-c", config)
    assert answer.code == 2
    assert answer.err.startswith("pegbot: ledger.url: not a database URL")


def test_quote_says_what_a_size_would_really_get(pegbot: Pegbot, config: Path) -> None:
    remember(config, snapshot=seen(config))
    answer = pegbot("quote", KRAKEN, "--size", 100, "-c", config, "--json")
    assert answer.code == 0
    assert (answer.json["instrument"], answer.json["size_usd"]) == (KRAKEN, 100.0)
    buy, sell = answer.json["quotes"]
    assert (buy["side"], sell["side"]) == ("buy", "sell")
    assert buy["price"] > 400.5 > 399.5 > sell["price"], "the fee is included"
    assert buy["tokens"] * buy["price"] == pytest.approx(100)
    shown = pegbot("quote", KRAKEN, "--size", 100, "--side", "buy", "-c", config)
    assert "buy" in shown.out
    assert "sell" not in shown.out


def test_a_size_the_venue_does_not_hold_is_a_no(pegbot: Pegbot, config: Path) -> None:
    remember(config, snapshot=seen(config))
    answer = pegbot("quote", KRAKEN, "--size", 1e6, "-c", config, "--json")
    assert answer.code == 1
    assert {one["why"] for one in answer.json["quotes"]} == {"the venue does not hold enough"}
    assert (
        "not possible: the venue does not hold enough"
        in pegbot("quote", KRAKEN, "--size", 1e6, "-c", config).out
    )


def test_a_last_price_is_not_depth(pegbot: Pegbot, config: Path) -> None:
    remember(config, snapshot=seen(config))
    answer = pegbot("quote", "TSLAx@bybit", "--size", 5, "-c", config)
    assert answer.code == 1
    assert "the depth of this venue is not known, only its last price" in answer.out


def test_an_instrument_nobody_has_seen_is_told_with_those_that_were(pegbot: Pegbot, config: Path) -> None:
    remember(config, snapshot=seen(config))
    answer = pegbot("quote", "GHOSTx@kraken", "--size", 5, "-c", config)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "pegbot: no prices of 'GHOSTx@kraken' in the last snapshot; there is: TSLAx@bybit, TSLAx@kraken\n"
    )


@pytest.mark.parametrize("name", ["TSLA260619P00395000@alpaca", "TSLA@krakenfutures", "TSLA@yahoo", "TSLA"])
def test_hedges_and_shares_are_not_for_quote(pegbot: Pegbot, config: Path, name: str) -> None:
    remember(config, snapshot=seen(config))
    answer = pegbot("quote", name, "--size", 5, "-c", config)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        f"pegbot: {name} is no token: quote is for tokens; `pegbot positions` shows hedges\n"
    )


def test_without_data_quote_says_what_to_do_first(pegbot: Pegbot, config: Path) -> None:
    remember(config)
    answer = pegbot("quote", KRAKEN, "--size", 5, "-c", config)
    assert (answer.code, answer.out) == (2, "")
    assert "run `pegbot run` first" in answer.err


def test_a_snapshot_that_is_not_one_is_told(pegbot: Pegbot, config: Path) -> None:
    remember(config, snapshot=msgspec.json.encode({"engine": {"version": 0}}))
    answer = pegbot("quote", KRAKEN, "--size", 5, "-c", config)
    assert answer.code == 2
    assert "run `pegbot run` first" in answer.err


def damage(config: Path, statement: str) -> None:
    with closing(sqlite3.connect(config.parent / "ledger.db")) as database:
        database.execute(statement)
        database.commit()


SNAPSHOT = [["positions"], ["quote", KRAKEN, "--size", "5"], ["plan", KRAKEN], ["mechanisms"]]


@pytest.mark.parametrize("command", SNAPSHOT)
@pytest.mark.parametrize("body", ["'text'", "1.5", "x'ff00'", "x'7b7d'", "x''"])
def test_a_snapshot_that_cannot_be_read_is_told_and_is_not_nothing(
    pegbot: Pegbot, config: Path, command: list[str], body: str
) -> None:
    remember(config, snapshot=seen(config))
    damage(config, f"UPDATE snapshots SET body = {body}")
    answer = pegbot(*command, "-c", config)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("pegbot: ledger: table snapshots, row 1: body ")
    assert ("run `pegbot run` first" if body.startswith("x") else "delete the row") in answer.err


@pytest.mark.parametrize("column", ["amount", "usd"])
@pytest.mark.parametrize("value", ["x", "NaN", "Infinity", ""])
def test_a_posting_that_is_no_number_is_named(pegbot: Pegbot, config: Path, column: str, value: str) -> None:
    remember(config, fill(), snapshot=seen(config))
    damage(config, f"UPDATE postings SET {column} = '{value}' WHERE line = 1")
    answer = pegbot("positions", "-c", config)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        f"pegbot: ledger: table postings, row 1.1: {column} is not a number; "
        "stop, and restore the database from a copy\n"
    )


@pytest.mark.parametrize("body", ["'rubbish'", "'{}'", "7", "x'ff'", "''"])
@pytest.mark.parametrize("command", [["plans"], ["plans", "--explain", "p1"], ["incidents"]])
def test_rows_that_cannot_be_read_are_not_none(
    pegbot: Pegbot, config: Path, command: list[str], body: str
) -> None:
    remember(config, plan(id="p1"), incident(id="p1"))
    damage(config, f"UPDATE {command[0]} SET body = {body}")
    answer = pegbot(*command, "-c", config)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"pegbot: ledger: table {command[0]}, row p1: body cannot be read: ")


def test_rows_that_cannot_be_read_are_told_beside_those_that_can(pegbot: Pegbot, config: Path) -> None:
    remember(config, plan(id="p1"), plan(id="p2"))
    damage(config, "UPDATE plans SET body = '{}' WHERE id = 'p1'")
    answer = pegbot("plans", "-c", config, "--json")
    assert (answer.code, json.loads(answer.out)["id"]) == (0, "p2")
    assert answer.err.startswith("pegbot: 1 rows left out, first: ledger: table plans, row p1: ")


@pytest.mark.parametrize("table", ["snapshots", "postings", "plans"])
def test_a_table_that_is_gone_is_told_and_not_made_anew(pegbot: Pegbot, config: Path, table: str) -> None:
    remember(config, snapshot=seen(config))
    damage(config, f"DROP TABLE {table}")
    for _ in range(2):
        answer = pegbot("quote", KRAKEN, "--size", 5, "-c", config)
        assert (answer.code, answer.out) == (2, "")
        assert f"the database has no table {table}, and is damaged; restore it" in answer.err
