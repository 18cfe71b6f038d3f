"""Multipliers that are not the same on every chain: one changes at midnight here and at the open there.

A token has one state as long as all who tell its multiplier agree. Once a chain (``TOKEN@ethereum``) says
another than the rest, and another chain had told before, it gets a state of its own, and the token's venues
on that chain with it, until it says the same again. What the issuer says (``TOKEN@xstocks``) is of all that
have no word of their own; whether it mints and redeems is one and the same for all.
"""

from __future__ import annotations

from typing import Any

from bot.market import InstrumentState, Market, ReferenceState, TokenState
from bot.registry.model import Registry, Token
from bot.types import Ns

COPIED = tuple(name for name in TokenState.__slots__ if name != "token")


def chain_of(registry: Registry, name: str) -> str:
    """The chain on which an instrument trades; empty for exchanges, brokers and issuers."""
    pool = registry.pools.get(name)
    if pool is not None:
        return pool.chain
    venue = registry.venues.get(name.partition("@")[2].partition(":")[0])
    return venue.chain if venue is not None else ""


def told(market: Market, token: Token, place: str, data: dict[str, Any], ts: Ns) -> TokenState:
    """Take in what ``TOKEN@place`` says of its multiplier; the state that it is about."""
    common = market.token_state(token)
    if place not in market.registry.chains:
        common.update(data, ts)
        return common
    speakers = market.speakers.setdefault(token.symbol, [])
    # Of those who still share the common state: others that went their own way have no say in it.
    alone = all(one == place or f"{token.symbol}@{one}" in market.forks for one in speakers)
    if place not in speakers:
        speakers.append(place)
    key = f"{token.symbol}@{place}"
    fork = market.forks.get(key)
    if fork is None:
        if alone or _same(common, data):
            common.update(data, ts)
            return common
        fork = market.forks[key] = TokenState(token)
        for name in COPIED:
            setattr(fork, name, getattr(common, name))
        _move(market, token, place, fork)
    fork.update(data, ts)
    if _is(fork) == _is(common):
        # It goes back to what it said before: no change of its own, whatever was made of it meanwhile.
        _leave(market, key, fork, common)
        return common
    return fork


def join(market: Market, token: Token) -> None:
    """A chain that says what the rest say needs no state of its own any more."""
    common = market.token_state(token)
    for state in all_of(market, token)[1:]:
        if _is(state) == _is(common) and state.behind == common.behind:
            key = next(key for key, one in market.forks.items() if one is state)
            _leave(market, key, state, common)


def state_of(market: Market, token: Token, name: str) -> TokenState:
    """Which state an instrument's multiplier is in."""
    if market.forks:
        fork = market.forks.get(f"{token.symbol}@{chain_of(market.registry, name)}")
        if fork is not None:
            return fork
    return market.token_state(token)


def admit(market: Market, name: str) -> InstrumentState | ReferenceState:
    """:meth:`Market.admit`, in the state of its chain where that has one of its own."""
    state = market.admit(name)
    if market.forks and isinstance(state, InstrumentState):
        state.token_state = state_of(market, state.token, name)
    return state


def all_of(market: Market, token: Token) -> list[TokenState]:
    """Every state of a token."""
    prefix = f"{token.symbol}@"
    return [
        market.token_state(token),
        *(one for key, one in market.forks.items() if key.startswith(prefix)),
    ]


def _is(state: TokenState) -> tuple[float, float | None, Ns]:
    """Its multiplier, and the one to come and when."""
    pending = state.next_multiplier
    return state.multiplier, pending, state.next_at if pending is not None else 0


def _same(state: TokenState, data: dict[str, Any]) -> bool:
    """Whether a word says what is known already."""
    pending = data.get("new_multiplier") or None
    return (data.get("multiplier"), pending, data.get("effective_ns") if pending else 0) == _is(state)


def _leave(market: Market, key: str, fork: TokenState, common: TokenState) -> None:
    del market.forks[key]
    for one in _move(market, fork.token, key.partition("@")[2], common):
        if one.consensus_log is not None:
            one.consensus_log += fork.noted - common.noted


def _move(market: Market, token: Token, chain: str, state: TokenState) -> list[InstrumentState]:
    underlying = market.underlyings.get(token.underlying)
    known: list[InstrumentState] = [] if underlying is None else underlying.instruments
    moved = [one for one in known if one.token is token and chain_of(market.registry, one.name) == chain]
    for one in moved:
        one.token_state = state
    return moved
