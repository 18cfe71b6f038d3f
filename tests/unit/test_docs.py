"""The pages for users: every link, command, setting and example they show is the program's own."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from bot.cli import app
from bot.config import Config, load, parse
from bot.importers import IMPORTERS
from bot.registry.model import PoolEntry
from bot.tape import COLUMNS, read
from bot.timefmt import NS
from bot.timefmt import parse as at
from tests.fixtures.engine import shipped_registry
from tests.fixtures.pages import DOCS, FENCE, PAGES, ROOT, anchors, blocks, name_of, prose, rows

COMMANDS: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]  # it is a group
START = DOCS / "start.md"
EXAMPLE = ROOT / "config" / "live.example.toml"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{name_of(page)}: {link} is not there"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{name_of(page)}: {link}: no such heading"


def commands_in(page: Path) -> list[list[str]]:
    """Each ``pegbot …`` of inline code and of shell blocks, as words."""
    spans = re.findall(r"`([^`\n]+)`", prose(page))
    shell = [body for kind, body in FENCE.findall(page.read_text()) if kind == "sh"]
    spans += "".join(shell).splitlines()
    found = [re.match(r"\s*(?:\S*/)?pegbot\s+([a-z-][^#|>]*)", span) for span in spans]
    return [shlex.split(match[1].replace("…", "")) for match in found if match]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_that_is_named_exists_with_its_options(page: Path) -> None:
    for words in commands_in(page):
        if words[0].startswith("--"):
            assert words[0] in ("--help", "--version"), words
            continue
        assert words[0] in COMMANDS, f"{name_of(page)}: pegbot {' '.join(words)}"
        known = {option for parameter in COMMANDS[words[0]].params for option in parameter.opts}
        used = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert used <= known | {"--help"}, f"{name_of(page)}: pegbot {' '.join(words)}"
        if words[0] == "import" and len(words) > 1 and words[1].islower():
            assert words[1] in IMPORTERS, f"{name_of(page)}: pegbot {' '.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    spans = re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", page.read_text(), re.MULTILINE)
    assert {a or b for a, b in spans} <= targets


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    for table, key in re.findall(r"`\[+([a-z.]+)\]+ ([a-z_]+)`", page.read_text()):
        keys = Config.model_fields
        for part in table.split("."):
            kind = keys[part].annotation
            keys = getattr(kind, "model_fields", None) or kind.__args__[0].model_fields  # type: ignore[union-attr]  # a list's
        assert key in keys, f"{name_of(page)}: [{table}] {key}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_pool_entry_that_is_shown_is_whole(page: Path) -> None:
    for kind, body in FENCE.findall(page.read_text()):
        if kind == "toml" and "[[pools]]" in body:
            assert msgspec.convert(tomllib.loads(body)["pools"], list[PoolEntry])


# -- docs/start.md and config/live.example.toml --------------------------------------------------------


def said(*arguments: str | Path) -> list[str]:
    """What the command line says on stdout: its lines, spaces run together, without rules."""
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output
    return tidy(done.stdout)


def tidy(text: str) -> list[str]:
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return [line for line in lines if line.strip("─ ")]


def test_the_tape_of_the_page_gives_what_the_page_shows(tmp_path: Path) -> None:
    tape = tmp_path / "mine.jsonl"
    tape.write_text(blocks(START, "json", "## 2. Your own tape")[0])
    plans = tmp_path / "plans.jsonl"
    assert said("replay", tape, "--plans", plans) == tidy(blocks(START, "text", "## 2. Your own tape")[0])
    assert "inventory.none_in_time: no AMZNx on deposit with kraken" in plans.read_text()
    assert "[strategy] ineligible_issuers = []" in START.read_text()
    settings = tmp_path / "pegbot.toml"
    registry = f'registry = ["{ROOT}/config/registry/*.toml"]'
    settings.write_text(f"{registry}\n[strategy]\nineligible_issuers = []\n")
    said("replay", tape, "--plans", plans, "--config", settings)
    assert '"AMZNx@kraken:convert"' in plans.read_text()


def test_the_bundled_week_gives_what_the_page_shows() -> None:
    tape = ROOT / "config" / "demo" / "tape.parquet"
    assert said("replay", tape) == tidy(blocks(START, "text", "## 2. Your own tape")[1])


def test_the_bars_of_the_page_are_imported_and_replayed(tmp_path: Path) -> None:
    bars, tape = tmp_path / "spyx.json", tmp_path / "spyx.parquet"
    bars.write_text(blocks(START, "json", "## 3. Other people's data")[0])
    said("import", "geckoterminal", bars, "--out", tape)
    assert said("replay", tape)[0].startswith("2 ticks, ")


def test_the_settings_and_the_pool_of_the_page_are_valid_together() -> None:
    shown = tomllib.loads("".join(blocks(START, "toml", "## 4. Live")))
    pools = msgspec.convert(shown.pop("pools"), list[PoolEntry])
    config = parse(shown, source=START.name, base=ROOT / "config")
    registry = shipped_registry()
    for entry in pools:
        token = registry.token_at(entry.token_address)
        assert token is not None
        assert entry.instrument.startswith(f"{token.symbol}@uniswap:{entry.address[:10]}")
        assert registry.chains[entry.chain].chain_id == config.collectors.evm[0].chain_id
    assert [entry.instrument for entry in pools] == config.collectors.evm[0].pools


def test_the_demo_shows_the_event_after_about_half_a_minute() -> None:
    demo = load(ROOT / "config" / "pegbot.toml").collectors.tape[0]
    ticks = read(ROOT / "config" / "demo" / "tape.parquet", on_bad=pytest.fail)
    first_label = (ROOT / "config" / "demo" / "labels.csv").read_text().splitlines()[1].split(",")
    wait_seconds = (at(first_label[1]) - next(ticks).ts) / NS / demo.speed
    assert demo.speed == 3600
    assert 20 < wait_seconds < 40


def test_the_columns_of_a_tape_are_all_described() -> None:
    first_cells = " ".join(row[0] for row in rows(START, "## 2. Your own tape"))
    assert sorted(re.findall(r"`(\w+)`", first_cells)) == sorted(COLUMNS)


def test_the_live_example_passes_check_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r'"env:(\w+)"', EXAMPLE.read_text()):
        monkeypatch.delenv(name, raising=False)
    assert said("check", EXAMPLE)[0].endswith("live.example.toml is valid")


def test_what_is_switched_off_in_the_live_example_is_valid_too() -> None:
    def every(text: str) -> str:
        return re.sub(r"(?m)^#(?=[\[a-z])", "", text)

    text = every(EXAMPLE.read_text()).replace('url = "sqlite', '#url = "sqlite')
    config = parse(tomllib.loads(text), source=EXAMPLE.name, base=EXAMPLE.parent)
    assert config.collectors.evm
    assert len(config.alerts.channels) == 2
    assert config.mqtt.tls


@pytest.mark.parametrize("page", [START, EXAMPLE], ids=name_of)
def test_no_secret_is_written_out(page: Path) -> None:
    for key, value in re.findall(r'(?m)^#?(password|url) = "([^"]*)"', page.read_text()):
        assert value.startswith(("env:", "file:", "sqlite")), f"{key} = {value}"
