"""What exists: underlyings, tokens, issuers, venues, chains and pools, pinned by address."""

from bot.registry.load import load
from bot.registry.model import (
    Chain,
    Channel,
    Factory,
    Feed,
    Issuer,
    PoolEntry,
    Registry,
    Resolved,
    Token,
    Underlying,
    Venue,
)

__all__ = [
    "Chain",
    "Channel",
    "Factory",
    "Feed",
    "Issuer",
    "PoolEntry",
    "Registry",
    "Resolved",
    "Token",
    "Underlying",
    "Venue",
    "load",
]
