"""What a key may be, and which keys have no default."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config import Section, parse
from bot.errors import ConfigError
from tests.unit.config.mistakes import file_of, mistakes
from tests.unit.config.sections import SECTIONS


def test_an_incident_must_close_nearer_than_it_opens(tmp_path: Path) -> None:
    path = file_of(tmp_path, "[detector]\nopen_sigmas = 2.0\nclose_sigmas = 3.0\n")
    assert mistakes(path) == ["detector: close_sigmas must not exceed open_sigmas, or incidents would flap"]


@pytest.mark.parametrize(
    ("number", "key"), [("nan", "capital_usd"), ("inf", "capital_usd"), ("nan", "financing_rate")]
)
def test_a_limit_is_a_finite_number(tmp_path: Path, number: str, key: str) -> None:
    (told,) = mistakes(file_of(tmp_path, f"[strategy]\n{key} = {number}\n"))
    assert told.startswith(f"strategy.{key}: ")


@pytest.mark.parametrize(
    ("source", "key", "value", "says"),
    [
        ("yahoo_options", "max_days", 3651, "less than or equal to 3650"),
        ("yahoo_options", "min_days", 10**9, "less than or equal to 3650"),
        ("ibkr", "client_id", 2**31, "less than or equal to 2147483647"),
        ("ibkr", "host", "", "at least 1 character"),
        ("ibkr", "symbols", ["TSLA", "SPY", "TSLA"], "TSLA stands twice; remove one"),
        ("yahoo_options", "symbols", ["TSLA", "TSLA"], "TSLA stands twice; remove one"),
    ],
)
def test_what_a_broker_or_a_calendar_could_not_take_is_told(
    source: str, key: str, value: object, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"collectors": {source: [{"symbols": ["TSLA"], key: value}]}}, source="c", base=Path())
    (told,) = caught.value.problems
    assert told.startswith(f"c: collectors.{source}.0.{key}: ")
    assert says in told


def test_every_table_of_the_package_is_seen_by_these_tests_and_by_importers() -> None:
    def below(section: type[Section]) -> Iterator[type[Section]]:
        for each in section.__subclasses__():
            yield each
            yield from below(each)

    found = {each.__name__ for each in below(Section) if each.__module__.startswith("bot.config.")}
    assert found == {each.__name__ for each in SECTIONS}


def test_every_key_has_a_default_but_those_that_say_what_to_watch_or_whom_to_tell() -> None:
    required = {
        f"{section.__name__}.{name}"
        for section in SECTIONS
        for name, field in section.model_fields.items()
        if field.is_required()
    }
    assert required == {
        "ChainlinkSource.chain_id", "ChainlinkSource.feeds", "ChainlinkSource.urls", "ChannelSection.name",
        "ChannelSection.url", "EvmSource.chain_id", "EvmSource.pools", "EvmSource.urls",
        "ExchangeSource.markets", "JupiterSource.tokens", "MyStonksSource.symbols", "OndoSource.tokens",
        "PythSource.feeds", "RobinhoodSource.tokens", "RobinhoodSource.urls", "SolanaSource.pools",
        "SolanaSource.urls", "TapeSource.path", "XStocksSource.tokens", "YahooSource.symbols",
        "AlpacaSource.symbols", "AlpacaOptionsSource.symbols", "IbkrSource.symbols", "OptionsSource.symbols",
        "YahooOptionsSource.symbols",
    }  # fmt: skip
