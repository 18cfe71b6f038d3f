"""Pools of one chain, kept from block to block: what is known of each, and what is wrong with it.

Blocks between the last one known and a target are walked by hash, parent by parent, so that a gap and a
reorganisation are the same thing: back to where the branches part, then forward, block by block, with the
logs of exactly that block. What cannot be connected within ``reorg_depth`` is read anew. What no log tells
(entries not yet verified, states not yet known, dynamic fees, multipliers, and now and then whether what is
kept is still what the chain has) is asked at the target, all pools together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from msgspec import Struct

from bot.collectors.evm_chain import Chain, Header, Log, LogQuery, Reads
from bot.collectors.evm_kinds import Kind, State, common, index_of, kind_of
from bot.collectors.evm_token import Terms, read_terms
from bot.collectors.evm_verify import verify
from bot.errors import PoolError
from bot.pools.state import PoolState
from bot.pools.usd import worth
from bot.registry.model import PoolEntry, Registry

RETRY_BLOCKS = 20
"""A pool that could not be read, or was refused, is tried again after so many blocks."""
PLAIN = Terms()

Bad = Callable[[str, str, str], None]
"""Told instrument, reason and detail of what was set aside."""


class Known(Struct):
    """A block that has been taken in, and the states as they were before it; ``None``: not known."""

    header: Header
    before: dict[str, State | None]


class View(Struct, frozen=True):
    """A pool as it may be shown: its state, ``None`` if it cannot be quoted, and why; what lies in it,
    USD."""

    of: tuple[State, Terms]
    state: PoolState | None
    worth: float | None = None
    fault: str = ""
    doubtful: bool = False


class Follower:
    """See the module. ``states`` and ``terms`` are as of ``head``."""

    def __init__(
        self,
        entries: Mapping[str, PoolEntry],
        registry: Registry,
        *,
        reorg_depth: int,
        verify_blocks: int,
        token_seconds: float,
        bad: Bad,
    ) -> None:
        self.refused: dict[str, str] = {}
        self._entries = dict(entries)
        self._registry = registry
        self._reorg_depth = reorg_depth
        self._verify_blocks = verify_blocks
        self._token_seconds = token_seconds
        self._bad = bad
        self._kinds: dict[str, Kind] = {name: kind_of(entry) for name, entry in entries.items()}
        self._names: dict[tuple[str, bytes], list[str]] = {}
        for name, entry in entries.items():
            query = self._kinds[name].query(entry)
            for one in query.ids or (b"",):
                self._names.setdefault((query.addresses[0], one), []).append(name)
        self._queries = _merged(self._kinds[name].query(entry) for name, entry in entries.items())
        self._blocks: deque[Known] = deque(maxlen=reorg_depth)
        self._settled = ""
        self._verified: set[str] = set()
        self._states: dict[str, State] = {}
        self._faults: dict[str, str] = {}
        self._tried: dict[tuple[str, str], int] = {}
        self._checked: dict[str, int] = {}
        self._views: dict[str, View] = {}
        self._terms: dict[tuple[str, str], Terms | PoolError] = {}
        self._terms_due: dict[tuple[str, str], float] = {}
        self._log = structlog.get_logger("pegbot.evm")

    @property
    def head(self) -> Header:
        """The last block taken in."""
        return self._blocks[-1].header

    def forget(self) -> None:
        """Begin anew: with the next target everything is verified and read."""
        self._blocks.clear()
        self._settled = ""
        self._verified.clear()
        self._tried.clear()
        self._terms.clear()
        self._terms_due.clear()

    def terms(self, name: str) -> Terms:
        """Of the pool's token; nothing known is a plain one."""
        found = self._terms.get(_token(self._entries[name]))
        return PLAIN if found is None or isinstance(found, PoolError) else found

    def fault(self, name: str) -> str:
        """Why it is not quotable, in words; empty if it is."""
        if name not in self._verified:
            return self.refused.get(name) or self._faults.get(name) or "not verified yet"
        if name not in self._states:
            return self._faults.get(name) or "not read yet"
        terms = self._terms.get(_token(self._entries[name]))
        return terms.detail if isinstance(terms, PoolError) else self.view(name).fault

    def view(self, name: str) -> View:
        """What may be shown of a pool whose state is known."""
        state, terms = self._states[name], self.terms(name)
        view = self._views.get(name)
        if view is None or view.of[0] is not state or view.of[1] is not terms:
            view = self._views[name] = _view(self._entries[name], state, terms)
        return view

    async def advance(self, chain: Chain, target: Header) -> None:
        """Take in everything up to ``target``."""
        if self._settled == target.hash:
            return
        if not self._blocks or self._blocks[-1].header.hash != target.hash:
            branch = await self._branch(chain, target)
            if branch is None:
                self._restart(target)
            else:
                # A head may be one that is known: the chain fell back to it.
                await self._take(chain, branch[0].parent if branch else target.hash, branch)
        await self._settle(chain, target)

    async def _branch(self, chain: Chain, target: Header) -> list[Header] | None:
        """Headers after the last common block up to ``target``; ``None`` if there is none near enough."""
        known = {block.header.hash for block in self._blocks}
        lowest = self._blocks[0].header.number if self._blocks else 0
        if target.hash in known:
            return []
        branch = [target]
        while known and branch[-1].parent not in known:
            if branch[-1].number <= lowest or len(branch) > self._reorg_depth:
                return None
            branch.append(await chain.header(branch[-1].parent))
        return branch[::-1] if known else None

    def _restart(self, target: Header) -> None:
        self._blocks.clear()
        self._blocks.append(Known(target, {}))
        self._states.clear()
        self._tried.clear()
        self._terms_due.clear()
        self._log.info("pools are read anew", block=target.number, pools=len(self._entries))

    async def _take(self, chain: Chain, ancestor: str, branch: list[Header]) -> None:
        """Leave what came after the common ancestor, and apply the logs of the branch's blocks."""
        logs = await chain.logs_of([header.hash for header in branch], self._queries)
        self._roll_back(ancestor)
        for header, found in zip(branch, logs, strict=True):
            known = Known(header, {})
            self._blocks.append(known)
            for log in found:
                for name in self._names.get((log.address, log.topics[1]), ()) if len(log.topics) > 1 else ():
                    self._apply(name, log, known)
                for name in self._names.get((log.address, b""), ()):
                    self._apply(name, log, known)

    def _roll_back(self, ancestor: str) -> None:
        undone = 0
        while self._blocks[-1].header.hash != ancestor:
            for name, state in self._blocks.pop().before.items():
                if state is None:
                    self._lose(name, "")
                else:
                    self._states[name] = state
            undone += 1
        if undone:
            self._terms_due.clear()
            self._log.warning("the chain was reorganised", blocks=undone)

    def _apply(self, name: str, log: Log, known: Known) -> None:
        state = self._states.get(name)
        if state is None:
            self._tried.pop(("state", name), None)  # something happened: worth a look
            return
        try:
            after = state.after(log)
        except PoolError as error:
            self._bad(name, error.reason, error.detail)
            known.before.setdefault(name, state)
            self._lose(name, error.detail)
            return
        known.before.setdefault(name, state)
        self._states[name] = after

    def _lose(self, name: str, why: str) -> None:
        """Its state is not known any more: read it at the next occasion."""
        self._states.pop(name, None)
        self._faults[name] = why
        self._tried.pop(("state", name), None)

    async def _settle(self, chain: Chain, target: Header) -> None:
        """Ask what no log tells, until nothing is left to ask at this block."""
        asked: set[tuple[str, str]] = set()
        while due := [key for key in self._due(target) if key not in asked]:
            asked.update(due)
            found = await chain.read({key: self._reads(*key, target) for key in due}, target.hash)
            for key in due:
                self._tried[key] = target.number
                self._learn(*key, found[key], target)
        self._settled = target.hash

    def _due(self, target: Header) -> list[tuple[str, str]]:
        due = []
        tokens: set[tuple[str, str]] = set()
        for name, entry in self._entries.items():
            if name not in self._verified:
                if self._again("verify", name, target):
                    due.append(("verify", name))
                continue
            if (token := _token(entry)) not in tokens:
                tokens.add(token)
                if target.timestamp >= self._terms_due.get(token, 0):
                    due.append(("terms", name))
            if name not in self._states:
                if self._again("state", name, target):
                    due.append(("state", name))
                continue
            if self._kinds[name].poll(entry, self._states[name]) is not None:
                due.append(("poll", name))
            late = target.number - self._checked[name] >= self._verify_blocks
            if late or (self.view(name).doubtful and self._checked[name] != target.number):
                due.append(("check", name))
        return due

    def _again(self, what: str, name: str, target: Header) -> bool:
        last = self._tried.get((what, name))
        return last is None or abs(target.number - last) >= RETRY_BLOCKS

    def _reads(self, what: str, name: str, target: Header) -> Reads[Any]:
        entry, kind = self._entries[name], self._kinds[name]
        if what == "verify":
            return verify(entry, self._registry)
        if what == "terms":
            return read_terms(entry, target.timestamp)
        if what == "poll":
            polled = kind.poll(entry, self._states[name])
            assert polled is not None
            return polled
        return kind.snapshot(entry)

    def _learn(self, what: str, name: str, found: Any, target: Header) -> None:
        """Take an answer in."""
        if what == "terms":
            token = _token(self._entries[name])
            self._terms[token] = self._kept(token, found)
            self._terms_due[token] = _next(found, target.timestamp, self._token_seconds)
        elif isinstance(found, PoolError):
            self._lose(name, found.detail)
            self._tried[("state", name)] = target.number
        elif what == "verify":
            if found:
                self.refused[name] = "; ".join(found)
            else:
                self.refused.pop(name, None)
                self._verified.add(name)
        elif what == "poll":
            if found is not self._states[name]:
                self._blocks[-1].before.setdefault(name, self._states[name])
                self._states[name] = found
        else:
            if what == "check":
                if found == self._states[name]:
                    self._checked[name] = target.number
                    return
                self._bad(name, "missing_log", f"what was kept differs from block {target.number}")
            self._read(name, found, target)

    def _read(self, name: str, state: State, target: Header) -> None:
        """A state from the chain: nothing is known of it before this block."""
        for block in self._blocks:
            block.before.pop(name, None)
        self._blocks[-1].before[name] = None
        self._states[name] = state
        self._faults.pop(name, None)
        if name not in self._checked:
            # Comparisons are spread over the blocks, not all made in one.
            place = list(self._entries).index(name) / len(self._entries)
            self._checked[name] = target.number - int(place * self._verify_blocks)
        else:
            self._checked[name] = target.number

    def _kept(self, token: tuple[str, str], found: Terms | PoolError) -> Terms | PoolError:
        """The object already there if it says the same: what is shown depends on which it is."""
        before = self._terms.get(token)
        return before if isinstance(before, Terms) and before == found else found


def _token(entry: PoolEntry) -> tuple[str, str]:
    return entry.token_address.lower(), entry.token_form


def _next(found: Terms | PoolError, now: int, every: float) -> float:
    """When to ask again: never, if there is nothing to be told; at once when what is announced comes true."""
    if isinstance(found, PoolError):
        return now + every
    if not found.follows:
        return float("inf")
    return min(now + every, found.effective or float("inf"))


def _merged(queries: Any) -> list[LogQuery]:
    """As few queries as ask for all of it: those by id apart for each contract."""
    plain: list[LogQuery] = []
    by_id: dict[tuple[str, ...], list[LogQuery]] = {}
    for query in queries:
        if query.ids:
            by_id.setdefault(query.addresses, []).append(query)
        else:
            plain.append(query)
    out = []
    for group in ([plain] if plain else []) + list(by_id.values()):
        addresses = dict.fromkeys(one for query in group for one in query.addresses)
        topics = dict.fromkeys(one for query in group for one in query.topics)
        ids = dict.fromkeys(one for query in group for one in query.ids)
        out.append(LogQuery(tuple(addresses), tuple(topics), tuple(ids)))
    return out


def _view(entry: PoolEntry, state: State, terms: Terms) -> View:
    try:
        shown = state.encoded(entry, common(entry, index_of(entry), terms.scale))
        return View((state, terms), shown, worth(shown.curve()))
    except PoolError as error:
        return View((state, terms), None, None, error.detail, error.reason == "bad_pool_state")
    except (ArithmeticError, LookupError, ValueError) as error:
        # Numbers that no pool of this kind can have: its own fault, not the other pools'.
        return View((state, terms), None, None, f"its state makes no sense: {error!r}", True)
