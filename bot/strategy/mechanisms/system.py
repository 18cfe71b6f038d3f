"""Which mechanism stands behind an issuer or an exchange. Pure."""

from __future__ import annotations

from bot.registry.issuer import Issuer, Kind
from bot.registry.model import Registry
from bot.strategy.mechanisms.by_channel import ByChannel
from bot.strategy.mechanisms.dinari import Dinari
from bot.strategy.mechanisms.exchange import Exchange
from bot.strategy.mechanisms.mirror import Mirror
from bot.strategy.mechanisms.model import Mechanism
from bot.strategy.mechanisms.mystonks import MyStonks
from bot.strategy.mechanisms.ondo import Ondo
from bot.strategy.mechanisms.robinhood import ClosedLoop
from bot.strategy.mechanisms.synthetix import Synthetix
from bot.strategy.mechanisms.xstocks import XStocks

KINDS: dict[Kind, type[ByChannel]] = {
    "channel": ByChannel,
    "xstocks": XStocks,
    "ondo": Ondo,
    "mystonks": MyStonks,
    "robinhood": ClosedLoop,
    "dinari": Dinari,
    "mirror": Mirror,
    "synthetix": Synthetix,
}


def mechanism_of(issuer: Issuer) -> ByChannel:
    """The issuer's own system."""
    return KINDS[issuer.mechanism](issuer)


def mechanisms(registry: Registry) -> dict[str, Mechanism]:
    """All of the registry, by name: issuers first, then exchanges that carry their tokens."""
    found: dict[str, Mechanism] = {name: mechanism_of(each) for name, each in registry.issuers.items()}
    return found | {name: Exchange(each) for name, each in registry.conversions.items()}
