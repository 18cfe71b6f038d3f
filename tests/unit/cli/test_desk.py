"""Commands a desk asks before it acts: ``plan``."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bot.config import load
from bot.driver import Driver
from tests.fixtures.engine import CONFIG, TUESDAY, reference, shipped_registry
from tests.unit.cli.shell import KRAKEN, Pegbot, remember, seen


def stands_above(config: Path) -> None:
    """The daemon saw TSLAx one per cent above the share, and some of it lies on Kraken."""
    config.write_text(config.read_text() + '[strategy.inventory_tokens]\n"TSLAx@kraken" = 100\n')
    driver = Driver(load(config), shipped_registry())
    driver.restore(seen(config))
    driver.feed(reference(TUESDAY, "TSLA@yahoo", 396))
    remember(config, snapshot=driver.snapshot())


def files(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file with its time and what is in it."""
    return {
        str(path): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_plan_says_what_would_be_done_without_an_incident(pegbot: Pegbot, config: Path) -> None:
    stands_above(config)
    answer = pegbot("plan", KRAKEN, "-c", config)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("As of 2026-06-16 15:00:00 UTC")
    assert "TSLAx on kraken at $400.00 is +1.0 % from fair value $396.00" in answer.out
    assert "No incident is open on it, so no cause is known." in answer.out
    assert "(mint and sell)" in answer.out
    assert "Void after" in answer.out
    told = pegbot("plan", KRAKEN, "-c", config, "--json")
    assert (told.code, told.json["incident_id"], told.json["ts"]) == (
        0,
        None,
        "2026-06-16T15:00:00.000000000Z",
    )
    assert told.json["plans"][0]["decision"] == "trade"
    assert told.json["basis"]["cause"] == "unknown"
    small = pegbot("plan", KRAKEN, "-c", config, "--size", 800, "--json").json["plans"][0]
    assert small["size_usd"] < 810 < told.json["plans"][0]["size_usd"]


def test_plan_is_a_no_where_no_trade_is_worth_it_and_names_each_rule(pegbot: Pegbot, config: Path) -> None:
    remember(config, snapshot=seen(config))
    answer = pegbot("plan", KRAKEN, "-c", config)
    assert answer.code == 1
    assert "No trade in TSLAx on kraken." in answer.out
    assert "(profit.none)" in answer.out


def test_plan_writes_nothing(pegbot: Pegbot, config: Path, tmp_path: Path) -> None:
    stands_above(config)
    before = files(tmp_path)
    assert len(before) >= 2
    for _ in range(2):
        assert pegbot("plan", KRAKEN, "-c", config).code == 0
        assert files(tmp_path) == before
    assert pegbot("plans", "-c", config).out == "No plans.\n"


def test_without_a_ledger_plan_says_what_to_do_first_and_makes_none(
    pegbot: Pegbot, config: Path, tmp_path: Path
) -> None:
    answer = pegbot("plan", KRAKEN, "-c", config)
    assert (answer.code, answer.out) == (2, "")
    assert "run `pegbot run` first" in answer.err
    assert list(files(tmp_path)) == [str(config)]


def test_earn_names_its_choices_and_then_shows_the_ways(pegbot: Pegbot, config: Path, tmp_path: Path) -> None:
    before = files(tmp_path)
    shown = pegbot("earn", "TSLAx", "-c", config)
    assert shown.code == 0
    assert "BTC" in shown.out
    assert [one["coin"] for one in pegbot("earn", "TSLAx", "-c", config, "--json").json] == ["BTC", "ETH"]
    answer = pegbot("earn", "TSLAx", "--with", "BTC", "--days", 7, "--seed", 5, "-c", config)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("100 TSLAx, beside BTC, for 7 days: 4,000 cases, seed 5.\n")
    for word in ("wait", "sell cover", "margin for calls", "margin for puts", "half and half", "reserve pays",
                 "public pool pays", "somebody unpaid", "A careful holder would"):  # fmt: skip
        assert word in answer.out
    assert "stressed" not in answer.out
    again = pegbot("earn", "TSLAx", "--with", "BTC", "--days", 7, "--seed", 5, "-c", config)
    assert again == answer
    assert files(tmp_path) == before


def test_earn_for_machines_tells_dollars_where_the_daemon_has_seen_the_token(
    pegbot: Pegbot, config: Path
) -> None:
    stands_above(config)
    told = pegbot("earn", "TSLAx", "--with", "ETH", "--days", 7, "--tokens", 10, "-c", config, "--json").json
    assert told["price_usd"] == 396.0
    by_name = {way["name"]: way for way in told["ways"]}
    assert by_name["sell cover"]["expected_usd"] == by_name["sell cover"]["expected"] * 10 * 396.0
    assert (told["seed"], told["tokens"]) == (1, 10.0)
    assert "expected, USD" in pegbot("earn", "TSLAx", "--with", "ETH", "--days", 7, "-c", config).out


@pytest.mark.parametrize("bound", ["volatility_ratio = 0.01", "volatility_ratio = 10", "hold_days = 0.01"])
def test_what_check_lets_pass_can_be_simulated(pegbot: Pegbot, tmp_path: Path, bound: str) -> None:
    for file in (CONFIG / "registry").glob("*.toml"):
        text = file.read_text(encoding="utf-8")
        head, found, rest = text.partition("[[cover_venues]]\n")
        name = bound.partition(" ")[0]
        kept = [line for line in rest.splitlines() if not line.startswith(f"{name} ")]
        changed = head + found + (f"{bound}\n" if found else "") + "\n".join(kept)
        (tmp_path / file.name).write_text(changed + "\n", encoding="utf-8")
    config = tmp_path / "bound.cfg"
    config.write_text(f'registry = ["{tmp_path}/*.toml"]\n', encoding="utf-8")
    assert pegbot("check", config).code == 0
    answer = pegbot("earn", "TSLAx", "--with", "BTC", "--days", 7, "--stress", "-c", config)
    assert (answer.code, "expected" in answer.out) == (0, True), answer.err


def test_earn_refuses_what_it_does_not_know(pegbot: Pegbot, config: Path) -> None:
    answer = pegbot("earn", "TSLAx", "--with", "DOGE", "-c", config)
    assert answer == (2, "", "pegbot: no venue sells options on 'DOGE'; --with is one of: BTC, ETH\n")
    answer = pegbot("earn", "GHOSTx", "--with", "BTC", "-c", config)
    assert (answer.code, answer.out) == (2, "")
    assert "no token 'GHOSTx' in the registry" in answer.err
