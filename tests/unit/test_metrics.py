"""Metrics: what each message counts, what is absent, what ends, and that promtool is silent."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import CONTENT_TYPE, FAMILIES, Metrics
from bot.strategy.options import Greeks
from bot.timefmt import NS
from bot.types import Cause, FeedStatus, Message, Quality, Quarantined, Session
from tests.fixtures.messages import T, basis, everything, fill, incident, observed, plan


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = metrics.render().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples(metrics).get((name, frozenset(labels.items())))


def by_label(metrics: Metrics, name: str, label: str) -> dict[str, float]:
    return {dict(labels)[label]: v for (given, labels), v in samples(metrics).items() if given == name}


AMZNX = {"instrument": "AMZNx@raydium", "underlying": "AMZN"}


def test_every_type_of_message_is_counted() -> None:
    before = samples(Metrics())
    messages: list[Message] = [
        basis(), incident(), plan(), fill(), FeedStatus("tape", "up", T, None, 0, 0),
        Quarantined(T, "x", "crossed", ""), Quality(T, "AMZN@yahoo", "AMZN", 1.0, "", 1.0),
    ]  # fmt: skip
    assert {type(message) for message in messages} == set(get_args(Message))
    for message in messages:
        after = samples(observed(message))
        assert {k for k in after.keys() | before.keys() if not k[0].startswith("process_")
                and after.get(k) != before.get(k)}, f"{type(message).__name__} changes nothing"  # fmt: skip


def test_a_basis_shows_as_gauges_of_its_instrument() -> None:
    metrics = observed(basis())
    assert value(metrics, "pegbot_basis_ratio", **AMZNX) == 0.0022
    assert value(metrics, "pegbot_price_usd", **AMZNX) == 224.0
    assert value(metrics, "pegbot_executable_price_usd", **AMZNX, side="sell") == 223.0
    assert value(metrics, "pegbot_executable_price_usd", **AMZNX, side="buy") == 225.0
    assert value(metrics, "pegbot_fair_value_usd", **AMZNX) == 223.5
    assert value(metrics, "pegbot_reference_age_seconds", **AMZNX) == 90.0
    assert value(metrics, "pegbot_band_high_ratio", **AMZNX) == 0.02
    assert value(metrics, "pegbot_instruments", underlying="AMZN", state="ok") == 1


def test_a_missing_number_is_absent_and_not_the_last_one() -> None:
    metrics = observed(basis())
    assert value(metrics, "pegbot_basis_ratio", **AMZNX) is not None
    metrics.observe(basis(ts=T + NS, price=None, basis=None, bid=None))
    assert value(metrics, "pegbot_basis_ratio", **AMZNX) is None
    assert value(metrics, "pegbot_executable_price_usd", **AMZNX, side="sell") is None
    assert value(metrics, "pegbot_executable_price_usd", **AMZNX, side="buy") == 225.0


def test_a_silent_instrument_keeps_its_age_and_loses_its_price() -> None:
    metrics = Metrics(max_age_seconds=60)
    metrics.observe(basis())
    metrics.observe(basis("AMZNx@kraken", ts=T + 61 * NS))
    assert value(metrics, "pegbot_price_usd", **AMZNX) is None
    assert value(metrics, "pegbot_basis_age_seconds", **AMZNX) == 61
    assert value(metrics, "pegbot_instruments", underlying="AMZN", state="stale") == 1
    assert value(metrics, "pegbot_instruments", underlying="AMZN", state="ok") == 1


def test_event_time_ages_valuations_while_no_basis_comes() -> None:
    metrics = observed(basis())
    metrics.engine(T + 10 * NS, 0.0, 1e-5)
    assert value(metrics, "pegbot_basis_age_seconds", **AMZNX) == 10
    assert value(metrics, "pegbot_event_timestamp_seconds") == (T + 10 * NS) / NS


def test_the_session_of_an_underlying_is_that_of_its_newest_basis() -> None:
    metrics = observed(basis(), basis("AMZNx@kraken", ts=T + NS, session="regular"))
    shown = {s: value(metrics, "pegbot_session", underlying="AMZN", session=s) for s in get_args(Session)}
    assert shown == {s: float(s == "regular") for s in get_args(Session)}


def test_an_incident_is_open_until_resolved_and_then_gone() -> None:
    metrics = observed(incident())
    labels = {**AMZNX, "cause": "thin_liquidity", "severity": "critical"}
    assert value(metrics, "pegbot_incident_open", **labels) == 1
    assert value(metrics, "pegbot_incident_basis_ratio", **AMZNX) == 4.66
    assert value(metrics, "pegbot_incident_price_usd", **AMZNX, size_usd="50") == 224.0
    assert value(metrics, "pegbot_incident_price_usd", **AMZNX, size_usd="500") is None
    metrics.observe(plan())
    assert value(metrics, "pegbot_plan_expected_profit_usd", **AMZNX) == 31.5
    metrics.observe(incident(phase="resolve", resolved=T + 1200 * NS))
    gone = [name for name, _ in samples(metrics) if name.startswith(("pegbot_incident_", "pegbot_plan_"))]
    assert not {name for name in gone if "duration" not in name}
    assert value(metrics, "pegbot_incident_duration_seconds_count") == 1
    assert value(metrics, "pegbot_incident_duration_seconds_sum") == 1200
    assert value(metrics, "pegbot_incidents_total", cause="thin_liquidity", severity="critical") == 1


def test_an_escalation_moves_the_severity_and_is_not_a_second_incident() -> None:
    metrics = observed(incident(severity="warning"), incident(phase="escalate"))
    assert value(metrics, "pegbot_incident_open", **AMZNX, cause="thin_liquidity", severity="warning") is None
    assert value(metrics, "pegbot_incident_open", **AMZNX, cause="thin_liquidity", severity="critical") == 1
    assert value(metrics, "pegbot_incidents_total", cause="thin_liquidity", severity="warning") == 1
    assert value(metrics, "pegbot_incidents_total", cause="thin_liquidity", severity="critical") == 0


def test_incidents_open_before_a_restart_show_and_are_not_counted_again() -> None:
    metrics = Metrics()
    metrics.restore([incident(), incident(id="old", resolved=T)])
    assert value(metrics, "pegbot_incident_open", **AMZNX, cause="thin_liquidity", severity="critical") == 1
    assert value(metrics, "pegbot_incidents_total", cause="thin_liquidity", severity="critical") == 0


def test_two_incidents_alike_are_counted_and_not_shown_twice() -> None:
    metrics = observed(incident(), incident(id="i2"))
    assert value(metrics, "pegbot_incident_open", **AMZNX, cause="thin_liquidity", severity="critical") == 2


def test_plans_count_by_decision_and_the_rules_that_refused_them() -> None:
    no = plan(decision="no_trade", route=None, reasons=["costs: 3 USD", "costs: gas", "Too late to tell"])
    metrics = observed(plan(), no)
    assert value(metrics, "pegbot_plans_total", decision="trade", route="mint_and_sell") == 1
    assert value(metrics, "pegbot_plans_total", decision="no_trade", route="none") == 1
    assert value(metrics, "pegbot_plan_refusals_total", rule="costs") == 1
    assert value(metrics, "pegbot_plan_refusals_total", rule="other") == 1


def test_a_plan_of_no_open_incident_leaves_no_gauge_behind() -> None:
    assert value(observed(plan()), "pegbot_plan_size_usd", **AMZNX) is None


def test_only_fills_that_executed_add_to_turnover_and_costs() -> None:
    metrics = observed(fill(), fill(id="f2", status="rejected"), fill(id="f3", status="settled"))
    assert value(metrics, "pegbot_traded_usd_total", action="sell") == 481.0
    assert value(metrics, "pegbot_trading_costs_usd_total", cost="fee") == 1.25
    assert value(metrics, "pegbot_fills_total", action="sell", status="rejected") == 1


def test_a_feed_is_in_one_state_and_its_lag_may_be_unknown() -> None:
    metrics = observed(FeedStatus("evm", "up", T, 1.5, 10, 0), FeedStatus("evm", "silent", T, None, 10, 3))
    states = {
        dict(labels)["state"]: v
        for (name, labels), v in samples(metrics).items()
        if name == "pegbot_feed_state"
    }
    assert states == {"starting": 0, "up": 0, "silent": 1, "down": 0, "stopped": 0}
    assert value(metrics, "pegbot_feed_lag_seconds", source="evm") is None
    assert value(metrics, "pegbot_feed_restarts_total", source="evm") == 3


def test_ticks_and_steps_can_be_counted_in_batches() -> None:
    metrics = Metrics()
    metrics.tick("tape", "quote")
    metrics.tick("tape", "quote", 999)
    metrics.engine(T, 0.0, 0.015, 1000)
    assert value(metrics, "pegbot_ticks_total", source="tape", kind="quote") == 1000
    assert value(metrics, "pegbot_engine_step_seconds_count") == 1000
    assert value(metrics, "pegbot_engine_step_seconds_sum") == 0.015
    assert value(metrics, "pegbot_engine_step_seconds_bucket", le="1e-05") == 0
    assert value(metrics, "pegbot_engine_step_seconds_bucket", le="2e-05") == 1000


def test_figures_of_parts_are_read_at_each_render() -> None:
    metrics, dropped = Metrics(), [0]
    metrics.before_render(lambda: metrics.part("queue", "mqtt", depth=1, dropped_total=dropped[0]))
    dropped[0] = 4
    assert value(metrics, "pegbot_queue_dropped_total", queue="mqtt") == 4


def test_an_unknown_figure_is_a_mistake_in_the_program() -> None:
    with pytest.raises(KeyError):
        Metrics().part("queue", "engine", depht=1)


def test_a_flood_of_strange_reasons_stays_bounded() -> None:
    metrics = Metrics()
    for n in range(12_000):
        metrics.observe(Quarantined(T, "x", f"reason_{n}", ""))
        metrics.observe(Quarantined(T, "x", f'Evil "text" {n}', ""))
    reasons = {
        dict(labels)["reason"]: v for (name, labels), v in samples(metrics).items() if "quarantined" in name
    }
    assert len(reasons) <= 10_001
    assert sum(reasons.values()) == 24_000


def test_how_good_a_source_is_shows_and_what_is_not_known_of_it_is_absent() -> None:
    metrics = observed(Quality(T, "AMZN@yahoo", "AMZN", 0.25, "late", 3.0, lag_seconds=52.0))
    labels = {"instrument": "AMZN@yahoo", "underlying": "AMZN"}
    assert value(metrics, "pegbot_source_quality_ratio", **labels) == 0.25
    assert value(metrics, "pegbot_source_lag_seconds", **labels) == 52.0
    assert value(metrics, "pegbot_source_weight_ratio", **labels) is None


def test_hostile_label_values_come_back_as_they_were() -> None:
    name = 'A"B\\C\nD@ü'
    assert value(observed(basis(name)), "pegbot_price_usd", instrument=name, underlying="AMZN") == 224.0


def test_every_family_is_exposed_with_help_and_type_once() -> None:
    text = everything().render().decode()
    for family in FAMILIES:
        assert text.count(f"# TYPE {family.name} {family.kind}\n") == 1
        assert text.count(f"# HELP {family.name} ") == 1
    sampled = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    missing = {f.name for f in FAMILIES if not {f.name, f.name + "_count"} & sampled}
    assert not missing, "everything() must fill every family"


def test_names_follow_the_contract() -> None:
    for family in FAMILIES:
        assert family.name.startswith("pegbot_")
        assert family.name.endswith("_total") == (family.kind == "counter"), family.name
        assert bool(family.buckets) == (family.kind == "histogram"), family.name
        assert family.help.endswith("."), family.name


def test_counters_of_incidents_start_at_zero_so_that_the_first_is_an_increase() -> None:
    zero = {tuple(dict(labels).values()) for (name, labels), v in samples(Metrics()).items()
            if name == "pegbot_incidents_total" and v == 0}  # fmt: skip
    assert len(zero) == 3 * len(get_args(Cause))


def test_two_daemons_in_one_process_do_not_share_figures() -> None:
    one, two = Metrics(), Metrics()
    one.tick("tape", "quote")
    assert value(two, "pegbot_ticks_total", source="tape", kind="quote") is None


async def test_as_a_sink_it_runs_until_cancelled() -> None:
    task = asyncio.create_task(Metrics().run())
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool: apt-get install prometheus")
@pytest.mark.parametrize("metrics", [Metrics(), everything()], ids=["at start", "all in use"])
def test_promtool_finds_nothing_to_say(metrics: Metrics) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=metrics.render(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_it_is_served_as_the_text_format_it_writes() -> None:
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")


def test_a_scrape_of_500_instruments_stays_small() -> None:
    metrics = observed(*(basis(f"T{n}@v", underlying=f"U{n % 60}") for n in range(500)))
    assert len(metrics.render().splitlines()) < 8000


def test_the_books_greeks_end_with_what_was_held() -> None:
    metrics = Metrics()
    metrics.book({"AMZN": Greeks(1_000.0, 4.5, 0.1, 12.0, -0.5, 3.0), "TSLA": Greeks(1.0, 1.0)})
    assert value(metrics, "pegbot_book_delta_shares", underlying="AMZN") == 4.5
    assert value(metrics, "pegbot_book_theta_usd", underlying="AMZN") == -0.5
    metrics.book({"AMZN": Greeks()})
    assert value(metrics, "pegbot_book_delta_shares", underlying="AMZN") == 0
    assert value(metrics, "pegbot_book_delta_shares", underlying="TSLA") is None
