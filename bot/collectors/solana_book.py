"""What is known of the accounts of many pools, slot by slot, and the ticks that follow. Pure.

Every account is kept as of the last slot it was told for. A pool is shown only once the slot in which it
changed has been told in full: between two notifications of one slot its accounts do not belong together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import msgspec
from msgspec import Struct

from bot.collectors.solana_verify import owned, verify
from bot.errors import PoolError
from bot.pools.codec import encode
from bot.pools.layouts import token
from bot.pools.layouts.base import CLOCK, Account, Layout
from bot.pools.usd import worth
from bot.registry.model import PoolEntry
from bot.timefmt import NS
from bot.types import Ns, Tick

REFRESH_SECONDS = 3
"""A pool in which nothing happened is told again after so long: no change is news too."""


class Pool(Struct):
    """One pool and what was last told of it."""

    entry: PoolEntry
    layout: Layout
    wanted: frozenset[str] = frozenset()
    fault: PoolError | None = None
    """Why it cannot even be said what it needs."""
    refused: PoolError | None = None
    """Why it is not read."""
    data: str = ""
    size: float | None = None
    told: Ns = 0
    """As of when it was last looked at."""
    state: Literal["unknown", "up", "down"] = "unknown"
    reason: str = ""


class Book:
    """Accounts, pools, and which of them changed since they were last shown."""

    def __init__(self, pools: Mapping[str, tuple[PoolEntry, Layout]]) -> None:
        self.pools = {name: Pool(entry, layout) for name, (entry, layout) in pools.items()}
        self.accounts: dict[str, Account | None] = {}
        self.slots: dict[str, int] = {}
        self.slot = 0
        """The last slot anything was told or read for."""
        self.noted = 0
        """The last slot of a notification."""
        self.changed: set[str] = set()
        """Pools to be shown when the slot is over."""
        self.torn: set[str] = set()
        """Pools whose accounts no longer belong together: to be read anew."""
        self._users: dict[str, set[str]] = {}
        self._multipliers: dict[str, token.ScaledUi] = {}

    def restart(self) -> None:
        """Forget what a lost connection said. What was told stays, so that nothing is told twice."""
        self.accounts.clear()
        self.slots.clear()
        self.slot = self.noted = 0
        self.changed.clear()
        self.torn.clear()
        self._users.clear()
        for pool in self.pools.values():
            pool.wanted, pool.fault, pool.refused = frozenset(), None, None
            if pool.state == "down":
                pool.reason = ""

    # -- what comes in ---------------------------------------------------------------------------------

    def take(self, slot: int, address: str, account: Account | None) -> bool:
        """An account told by a notification; whether it was news."""
        kept = self.slots.get(address, -1)
        if slot <= kept:
            return False
        late, self.noted = slot < self.noted, max(slot, self.noted)
        self.slots[address], self.slot = slot, max(slot, self.slot)
        if self.accounts.get(address) == account:
            return True
        self.accounts[address] = account
        if address != CLOCK:
            users = self._users.get(address, set())
            self.changed |= users
            if late:
                self.torn |= users
        return True

    def read(self, slot: int, accounts: Mapping[str, Account | None]) -> frozenset[str]:
        """Accounts read at one slot, not before :attr:`slot`; those that are not as they were kept."""
        different = set()
        for address, account in accounts.items():
            if slot < self.slots.get(address, -1):
                continue
            if address in self.slots and self.accounts.get(address) != account and address != CLOCK:
                different.add(address)
                self.changed |= self._users.get(address, set())
            self.accounts[address], self.slots[address] = account, slot
        self.slot = max(self.slot, slot)
        return frozenset(different)

    def wants(self, name: str) -> frozenset[str]:
        """All accounts a pool needs, as far as is known. One that cannot be asked is at fault."""
        pool = self.pools[name]
        entry = pool.entry
        wanted = {entry.address, entry.token_address, entry.quote_address, CLOCK}
        pool.fault = None
        if entry.address in self.accounts:
            try:
                with contained():
                    owned(entry, pool.layout, self.accounts[entry.address])
                    wanted |= pool.layout.wanted(entry.address, self.accounts)
            except PoolError as error:
                pool.fault = error
        for address in pool.wanted - wanted:
            self._users[address].discard(name)
        for address in wanted - pool.wanted:
            self._users.setdefault(address, set()).add(name)
        pool.wanted = frozenset(wanted)
        return pool.wanted

    def unused(self) -> list[str]:
        """Accounts that no pool needs any more; forgotten here."""
        gone = [address for address, users in self._users.items() if not users]
        for address in gone:
            del self._users[address]
            self.accounts.pop(address, None)
            self.slots.pop(address, None)
        return gone

    # -- what goes out ---------------------------------------------------------------------------------

    @property
    def clock(self) -> token.Clock:
        """As of the last slot told. Raises :class:`PoolError`."""
        return token.clock(self.accounts.get(CLOCK))

    def due(self, ts: Ns) -> list[str]:
        """Pools that were not looked at for so long: some change with time alone."""
        limit = ts - REFRESH_SECONDS * NS
        return [name for name, pool in self.pools.items() if pool.told <= limit]

    def show(self, name: str, received: Ns) -> list[Tick]:
        """A pool as it stands: its state, or why it cannot be quoted."""
        pool = self.pools[name]
        now = max(pool.told, min(self.clock.unix_timestamp * NS, received))
        # A token may be paused while its multiplier changes: other venues need to know all the same.
        out = self._multiplier(pool.entry, now, received)
        try:
            if (fault := pool.refused or pool.fault) is not None:
                raise fault
            with contained():
                self._renew(pool)
        except PoolError as error:
            reason = "halted" if error.reason == "paused" else "down"
            return out + self._status(name, reason, error.detail or str(error), now, received)
        if pool.state == "down":
            out += self._status(name, "up", "", now, received)
        pool.state, pool.reason, pool.told = "up", "", now
        out.append(Tick(now, name, "pool", size=pool.size, data=pool.data, received=received))
        return out

    def _renew(self, pool: Pool) -> None:
        entry = pool.entry
        verify(entry, pool.layout, self.accounts)
        state = pool.layout.state(
            entry.address, self.accounts, token_mint=entry.token_address, quote_usd=entry.quote_usd
        )
        if state.block is None:
            state = msgspec.structs.replace(
                state, block=max(self.slots[one] for one in pool.wanted - {CLOCK})
            )
        data = encode(state)
        if data != pool.data:
            pool.size = worth(state.curve())
            pool.data = data

    def _status(self, name: str, word: str, reason: str, ts: Ns, received: Ns) -> list[Tick]:
        pool = self.pools[name]
        said = f"{word}: {reason}"
        pool.told = ts
        if pool.state != "up" and pool.reason == said:
            return []
        pool.state, pool.reason = ("up" if word == "up" else "down"), said
        data = msgspec.json.encode({"state": word, "reason": reason}).decode()
        return [Tick(ts, name, "status", data=data, received=received)]

    def _multiplier(self, entry: PoolEntry, now: Ns, received: Ns) -> list[Tick]:
        """Once for each change of it; a token's, so under the chain's name instead of a pool's."""
        try:
            scaled = token.mint(self.accounts.get(entry.token_address), 0).scaled_ui
        except PoolError:
            return []
        told = self._multipliers.get(entry.token_address)
        if scaled is None or scaled == told:
            return []
        self._multipliers[entry.token_address] = scaled
        seconds = self.clock.unix_timestamp
        data: dict[str, float | int] = {"multiplier": scaled.at(seconds)}
        if scaled.effective > seconds:
            data |= {"new_multiplier": scaled.new_multiplier, "effective_ns": scaled.effective * NS}
        elif told is not None and told.effective > seconds:
            # What was announced is called off: what is in force takes its place, at once.
            data |= {"new_multiplier": scaled.at(seconds), "effective_ns": now}
        name = f"{entry.instrument.partition('@')[0]}@{entry.chain}"
        text = msgspec.json.encode(data).decode()
        return [Tick(now, name, "multiplier", data=text, received=received)]


@contextmanager
def contained() -> Iterator[None]:
    """Whatever bytes do to one pool's layout or mathematics is that pool's fault, not the source's."""
    try:
        yield
    except PoolError:
        raise
    except Exception as error:
        raise PoolError("bad_account", f"it cannot be read: {type(error).__name__}: {error}") from error
