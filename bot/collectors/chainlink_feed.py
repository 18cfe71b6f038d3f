"""What a Chainlink proxy answers, and whether it may be believed. Pure.

Source: ``AggregatorV3Interface`` of ``smartcontractkit/chainlink`` and its documentation:
``latestRoundData()`` gives ``(roundId, answer, startedAt, updatedAt, answeredInRound)``; ``updatedAt``
0 is a round that is not complete; it reverts where there is no data. Tokenized stocks' feeds (Ondo,
Robinhood, Coinbase) answer the price of the *token*, its multiplier included, and stand still while the
token's oracle is paused.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from bot.collectors.evm_abi import Call, answered, call, signed, text, word
from bot.collectors.evm_chain import Reads
from bot.errors import PoolError
from bot.registry.model import Feed
from bot.timefmt import NS, duration, short
from bot.types import Session

PAUSES = ("oraclePaused()", "paused()")
MAX_DECIMALS = 36


class Round(Struct, frozen=True):
    """One answer. ``updated`` in seconds of Unix time; ``paused`` whether the token it prices says so."""

    id: int
    answer: int
    decimals: int
    updated: int
    answered_in: int
    description: str
    paused: bool

    @property
    def price(self) -> float:
        """In dollars."""
        return float(self.answer / 10**self.decimals)


def read_round(feed: Feed, token: str) -> Reads[Round]:
    """The latest answer of a feed, and whether ``token`` (its address; empty: none) is paused."""
    pauses: list[Call] = [call(token, name) for name in PAUSES] if token else []
    answers = yield [
        call(feed.id, "latestRoundData()"),
        call(feed.id, "decimals()"),
        call(feed.id, "description()"),
        *pauses,
    ]
    data = answered(answers[0], 5, "latestRoundData")
    decimals = word(answered(answers[1], 1, "decimals"), 0)
    if decimals > MAX_DECIMALS:
        raise PoolError("bad_feed", f"it has {decimals} decimals")
    paused = any(one is not None and len(one) >= 32 and word(one, 0) == 1 for one in answers[3:])
    return Round(
        word(data, 0), signed(data, 1), decimals, word(data, 3), word(data, 4), text(answers[2]) or "", paused
    )


def fault(
    one: Round, feed: Feed, now: int, late_seconds: float, session: Session
) -> tuple[Literal["up", "down", "halted", "closed"], str]:
    """How a feed is at block time ``now``, seconds, and why."""
    if one.paused:
        return "halted", "its oracle is paused by the issuer"
    if one.updated == 0 or 0 < one.answered_in < one.id:
        return "down", "its round is not complete"
    if one.answer <= 0:
        return "down", f"it answers {one.answer}"
    if one.updated > now + late_seconds:
        return "down", f"its answer is of {short(one.updated * NS)} UTC, ahead of the chain"
    if (feed.low and one.price <= feed.low) or (feed.high and one.price >= feed.high):
        return "down", f"{one.price:,.4g} is at the edge of what it may answer"
    if now - one.updated > feed.heartbeat_seconds + late_seconds:
        if feed.sessions and session not in feed.sessions:
            return "closed", f"it speaks in the {' and '.join(feed.sessions)} session only"
        beat = duration(feed.heartbeat_seconds)
        return "down", f"no answer since {short(one.updated * NS)} UTC; its heartbeat is {beat}"
    return "up", ""
