"""Dashboards, alert rules and routing: sound files that speak of metrics which exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import FAMILIES
from bot.types import SEVERITIES, Cause
from tests.fixtures.messages import everything
from tests.fixtures.prometheus import ALERTMANAGER_CONFIG, CONFIG, DASHBOARDS, ROOT, RULES, needs

BOARDS = sorted((DASHBOARDS / "grafana" / "dashboards").glob("*.json"))
OPERATIONS = ROOT / "docs" / "operations.md"
NAMED_BY_PROMETHEUS = {"up", "ALERTS"}


def panels(board: Path) -> Iterator[dict[str, Any]]:
    yield from (p for p in json.loads(board.read_text())["panels"] if p["type"] != "row")


def expressions(board: Path) -> Iterator[str]:
    for panel in panels(board):
        yield from (target["expr"] for target in panel["targets"])
    yield from (a["expr"] for a in json.loads(board.read_text())["annotations"]["list"])


def rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load(file.read_text()) for file in RULES.glob("*.yml")]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def filled_in(expression: str) -> str:
    """The expression as Grafana sends it."""
    return expression.replace("$__interval", "1m").replace("$instrument", "X@v").replace("$underlying", "X")


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:pegbot|process|python)_[a-z0-9_]+", expression))


def exposed() -> set[str]:
    text = everything().render().decode()
    return {s.name for family in text_string_to_metric_families(text) for s in family.samples}


def labels_of(name: str) -> set[str]:
    text = everything().render().decode()
    families = text_string_to_metric_families(text)
    return {label for family in families for s in family.samples if s.name == name for label in s.labels}


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_there_are_five_boards_each_with_its_own_uid() -> None:
    uids = {json.loads(board.read_text())["uid"] for board in BOARDS}
    assert uids == {f"pegbot-{name}" for name in ("overview", "instrument", "feeds", "plans", "process")}


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.stem)
def test_every_panel_says_what_it_shows_and_in_what_unit(board: Path) -> None:
    for panel in panels(board):
        assert len(panel["description"]) > 10, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.stem)
def test_panels_have_their_own_ids_and_places(board: Path) -> None:
    everything_on_it = json.loads(board.read_text())["panels"]
    ids = [panel["id"] for panel in everything_on_it]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in everything_on_it:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, f"{panel['title']} overlaps another panel"
        taken |= cells


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.stem)
def test_boards_work_with_any_prometheus_not_only_the_provisioned_one(board: Path) -> None:
    data = json.loads(board.read_text())
    assert data["templating"]["list"][0]["type"] == "datasource"
    for panel in panels(board):
        assert {t["datasource"]["uid"] for t in panel["targets"]} == {"${datasource}"}, panel["title"]


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.stem)
def test_every_expression_parses(board: Path, tmp_path: Path) -> None:
    recorded = [{"record": f"r{n}", "expr": filled_in(e)} for n, e in enumerate(expressions(board))]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    run(needs("promtool", "prometheus"), "check", "rules", file)


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.stem)
def test_every_metric_and_label_of_a_board_exists(board: Path) -> None:
    known = exposed()
    for expression in expressions(board):
        assert metrics_in(expression) <= known, expression
        for name, selector in re.findall(r"(pegbot_\w+)\{([^}]*)\}", expression):
            used = set(re.findall(r"(\w+)\s*(?:=~|!=|=)", selector))
            assert used <= labels_of(name), expression
    for panel in panels(board):
        for target in panel["targets"]:
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert shown <= set().union(*map(labels_of, metrics_in(target["expr"])), {"alertname"}), panel[
                "title"
            ]


def test_every_exported_metric_is_on_a_board_or_in_a_rule() -> None:
    text = " ".join([*(e for b in BOARDS for e in expressions(b)), *(r["expr"] for r in rules())])
    unused = {f.name for f in FAMILIES if f.name not in text}
    assert not unused


def test_every_metric_of_the_rules_exists() -> None:
    known = exposed()
    for rule in rules():
        assert metrics_in(rule["expr"]) <= known, rule["alert"]


def test_every_alert_has_a_severity_plain_words_and_a_runbook_entry() -> None:
    runbook = OPERATIONS.read_text()
    for rule in rules():
        name = rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning", "none"), name
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}, name
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
        assert f"\n#### {name}\n" in runbook, f"{name} has no entry in docs/operations.md"


def test_every_alert_has_a_promtool_test() -> None:
    tested = "".join(file.read_text() for file in (DASHBOARDS / "prometheus" / "tests").glob("*.test.yml"))
    untested = [
        rule["alert"]
        for rule in rules()
        if f"alertname: {rule['alert']}\n        exp_alerts:\n" not in tested
    ]
    assert not untested


def test_incidents_of_each_severity_for_people_have_an_alert() -> None:
    told = " ".join(rule["expr"] for rule in rules() if rule["alert"].startswith("PegbotIncident"))
    assert {s for s in SEVERITIES if f'severity="{s}"' in told} == {"warning", "critical"}


def test_promtool_agrees_with_the_config_and_the_rules_do_what_their_tests_say() -> None:
    promtool = needs("promtool", "prometheus")
    run(promtool, "check", "config", CONFIG)
    run(promtool, "test", "rules", *sorted((DASHBOARDS / "prometheus" / "tests").glob("*.test.yml")))


def test_alertmanager_takes_its_config() -> None:
    out = run(needs("amtool", "prometheus-alertmanager"), "check-config", ALERTMANAGER_CONFIG)
    assert "SUCCESS" in out


def routed(**labels: str) -> str:
    pairs = [f"{key}={value}" for key, value in labels.items()]
    amtool = needs("amtool", "prometheus-alertmanager")
    return run(amtool, "config", "routes", "test", f"--config.file={ALERTMANAGER_CONFIG}", *pairs).strip()


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"alertname": "PegbotIncidentCritical", "severity": "critical"}, "pager"),
        ({"alertname": "PegbotIncidentWarning", "severity": "warning"}, "desk"),
        ({"alertname": "PegbotDown", "severity": "critical"}, "pager"),
        ({"alertname": "PegbotMqttDown", "severity": "warning"}, "desk"),
        ({"alertname": "PegbotDeadMan", "severity": "none"}, "dead-man"),
        ({"alertname": "SomethingElse"}, "desk"),
    ],
)
def test_who_hears_of_what(labels: dict[str, str], receiver: str) -> None:
    assert routed(**labels) == receiver


def test_no_secret_is_written_in_the_alertmanager_config() -> None:
    text = ALERTMANAGER_CONFIG.read_text()
    assert not re.findall(r"(?m)^[^#]*\b(?:api_url|url|routing_key|bot_token|auth_password|password):", text)


def test_grafana_is_provisioned_with_a_source_and_the_folder_that_compose_mounts() -> None:
    provisioning = DASHBOARDS / "grafana" / "provisioning"
    sources = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert [s["type"] for s in sources if s.get("isDefault")] == ["prometheus"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "pegbot.yml").read_text())["providers"]
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    mounts = compose["services"]["grafana"]["volumes"]
    assert f"./dashboards/grafana/dashboards:{provider['options']['path']}:ro" in mounts


def rows(heading: str) -> list[list[str]]:
    """The first table below a heading of docs/operations.md, without its head."""
    section = OPERATIONS.read_text().split(f"\n{heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert lines, f"no table below {heading}"
    return [[cell.strip() for cell in line.strip("|\n").split("|")] for line in lines[0].splitlines()[2:]]


def test_operations_lists_every_metric_with_type_and_labels_and_no_other() -> None:
    written = {row[0].strip("`"): (row[1], row[2].replace("`", "")) for row in rows("## Metrics")}
    assert written == {f.name: (f.kind, ", ".join(f.labels)) for f in FAMILIES}


def test_operations_has_an_entry_for_every_cause() -> None:
    text = OPERATIONS.read_text()
    assert not [cause for cause in get_args(Cause) if f"\n#### {cause}\n" not in text]


def test_every_link_of_the_operations_manual_leads_somewhere() -> None:
    text = OPERATIONS.read_text()
    headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?s)```.*?```", "", text))
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert not {link for link in re.findall(r"\]\(#([^)]+)\)", text) if link not in anchors}


def test_the_systemd_unit_of_the_manual_is_sound(tmp_path: Path) -> None:
    unit = tmp_path / "pegbot.service"
    text = re.findall(r"```ini\n(.*?)```", OPERATIONS.read_text(), re.DOTALL)[0]
    unit.write_text(text.replace("/opt/pegbot/bin/pegbot", sys.executable))
    said = subprocess.run(
        [needs("systemd-analyze", "systemd"), "verify", "--man=no", unit],
        capture_output=True,
        text=True,
        check=False,
    ).stderr
    assert str(unit) not in said
    assert "Unknown" not in said, said
