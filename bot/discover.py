"""``pegbot pools discover``: pools of a token on the chains of the configured sources, impostors apart."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from bot.collectors.endpoint import spelt_out
from bot.collectors.found import Found
from bot.config import Config
from bot.errors import ServiceUnreachable, SourceError, UsageError
from bot.registry import Registry


def discover(config: Config, registry: Registry, symbol: str, urls: list[str]) -> list[Found]:
    """Ask every node: ``urls`` if given, else those of ``[[collectors.evm]]`` and ``[[collectors.solana]]``.

    Raises :class:`UsageError` where the token or a node is not known, :class:`ServiceUnreachable` where no
    node could be asked.
    """
    if symbol not in registry.tokens:
        raise UsageError(
            f"{symbol} is no token of the registry; add it to config/registry with its addresses"
        )
    nodes = [(url, url.startswith(("ws://", "wss://"))) for url in urls]
    if not nodes:
        nodes = [(one.urls[0], True) for one in config.collectors.evm]
        nodes += [(one.urls[0], False) for one in config.collectors.solana]
    if not nodes:
        raise UsageError(
            "there is no node to ask: configure [[collectors.evm]] or [[collectors.solana]], or give --url "
            "wss://… for an EVM chain, --url https://… for Solana"
        )
    return asyncio.run(_ask(nodes, symbol, registry))


async def _ask(nodes: list[tuple[str, bool]], symbol: str, registry: Registry) -> list[Found]:
    answers = await asyncio.gather(
        *(_one(spelt_out(url), evm, symbol, registry) for url, evm in nodes), return_exceptions=True
    )
    found: list[Found] = []
    problems: list[str] = []
    for answer in answers:
        if isinstance(answer, UsageError | SourceError):
            problems.append(str(answer))
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found += answer
    if len(problems) == len(nodes):
        raise ServiceUnreachable("; ".join(problems))
    return found


def _one(url: str, evm: bool, symbol: str, registry: Registry) -> Coroutine[Any, Any, list[Found]]:
    if evm:
        from bot.collectors import discover_evm

        return discover_evm.discover(url, symbol, registry)
    from bot.collectors import discover_solana

    return discover_solana.discover(url, symbol, registry)
