"""What tokens can work at: as shipped, and what of an entry cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.errors import ConfigError
from bot.registry import load
from bot.registry.working import Coin, CoverVenue, Incentive, problems
from tests.fixtures.engine import shipped_registry

COIN = Coin("BTC", 0.5, 0.35, "s", "2026-11-29")
VENUE = CoverVenue("there", ["BTC"], "s", "2026-11-29")
POOL = Incentive("TSLAx@there", 1e6, 2e5, 0.003, 500.0, 5_000.0, 4.0, 1e6, "s", "2026-11-29")


def test_what_is_shipped_says_where_it_is_from_and_when() -> None:
    registry = shipped_registry()
    assert (sorted(registry.coins), sorted(registry.cover_venues)) == (["BTC", "ETH"], ["fufuture"])
    entries: list[Coin | CoverVenue] = [*registry.coins.values(), *registry.cover_venues.values()]
    for entry in entries:
        assert "assumption" in entry.source
        assert entry.as_of >= "2026-11-01"
        assert problems(entry) == []
    assert registry.incentives == {}, "no reward is invented"


@pytest.mark.parametrize(
    ("entry", "name", "value"),
    [
        (COIN, "annual_volatility", 0.0), (COIN, "annual_volatility", 11.0), (COIN, "correlation", -1.1),
        (COIN, "correlation", float("nan")), (VENUE, "lock_ratio", 0.0), (VENUE, "lock_ratio", 1.1),
        (VENUE, "utilisation", 1.1), (VENUE, "call_part", -0.1), (VENUE, "reserve_part", 0.6),
        (VENUE, "hold_days", 0.0), (VENUE, "public_tokens", -1.0), (POOL, "reward_supply", 0.0),
        (POOL, "fee_ratio", 0.6), (POOL, "pool_usd", -1.0), (POOL, "rewards_day", float("inf")),
    ],
)  # fmt: skip
def test_every_number_has_bounds(entry: Coin | CoverVenue | Incentive, name: str, value: float) -> None:
    assert problems(entry) == []
    (told,) = problems(replace(entry, **{name: value}))
    assert told.startswith(f"{name} {value} is not between ")


def test_what_points_nowhere_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(
        '[[cover_venues]]\nname = "there"\ncoins = ["DOGE"]\nsource = ""\nas_of = ""\n'
        '[[incentives]]\ninstrument = "GHOSTx@there"\npool_usd = 1\nvolume_day_usd = 1\nfee_ratio = 0.9\n'
        'rewards_day = 1\nemission_day = 1\nreward_usd = 1\nreward_supply = 1\nsource = ""\nas_of = ""\n'
    )
    with pytest.raises(ConfigError) as error:
        load([path])
    assert [problem.removeprefix(f"{path}: ") for problem in error.value.problems] == [
        "incentives[GHOSTx@there]: fee_ratio 0.9 is not between 0 and 0.5",
        "cover_venues[there]: 'there' is not among the perpetual_venues of the registry",
        "cover_venues[there]: coin 'DOGE' is not among the coins of the registry",
        "incentives[GHOSTx@there]: 'GHOSTx@there' is not TOKEN@venue of a token here",
    ]
