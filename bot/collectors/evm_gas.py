"""What gas costs on an EVM chain, told when it has changed: a ``status`` of its gas token there."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bot.collectors.evm_chain import Header
from bot.registry.model import Chain
from bot.timefmt import NS
from bot.types import Ns, Tick

STEP = 0.1
"""A change of the base fee by less, as a ratio, is told only every so many seconds."""
EVERY_SECONDS = 300
WEI = 1e18
"""In one gas token."""


class GasTold:
    """Makes ticks of base fees, for chains of which the registry says what a swap uses up."""

    def __init__(self, chain: Chain | None, clock: Callable[[], Ns]) -> None:
        self._name = f"{chain.gas_token}@{chain.name}" if chain is not None and chain.gas_units else ""
        self._clock = clock
        self._told = 0
        self._at = 0

    def news(self, head: Header) -> list[Tick]:
        """A tick, if there is something to tell."""
        if not self._name or not head.base_fee:
            return []
        near = self._told and abs(head.base_fee - self._told) < STEP * self._told
        if near and head.timestamp - self._at < EVERY_SECONDS:
            return []
        self._told, self._at = head.base_fee, head.timestamp
        data = msgspec.json.encode({"gas_price": head.base_fee / WEI}).decode()
        return [Tick(head.timestamp * NS, self._name, "status", data=data, received=self._clock())]
