"""The configurations that are shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import load
from bot.registry.load import expand
from tests.fixtures.engine import CONFIG


@pytest.mark.parametrize("path", sorted(CONFIG.glob("*.toml")), ids=lambda path: path.name)
def test_a_shipped_config_loads_and_what_it_names_is_there(path: Path) -> None:
    config = load(path)
    assert expand(config.base, config.registry)
    for source in config.collectors.tape:
        assert config.path(source.path).is_file()


def test_the_embedded_config_needs_nothing_but_this_machine() -> None:
    config = load(CONFIG / "pegbot.toml")
    assert not config.collectors.evm
    assert not config.collectors.yahoo
    assert not config.mqtt.enabled
    assert not config.alerts.channels
    assert config.execution.mode == "paper"
    assert config.web.notice.startswith("Simulated data")


def test_no_shipped_config_trades_live_or_holds_a_secret() -> None:
    for path in CONFIG.glob("*.toml"):
        config = load(path)
        assert config.execution.mode != "live"
        for reference in (config.mqtt.password, *(one.url for one in config.alerts.channels)):
            assert reference == "" or reference.startswith(("env:", "file:"))
