"""What a token's contract says: shares per token, what a pool's unit is worth, whether it may be moved. Pure.

Source: ``BackedAutoFeeTokenImplementation`` and ``WrappedBackedTokenImplementation`` of
``backed-fi/backed-token-contract`` (xStocks: balances are shares × multiplier; a wrapper holds such
balances), ERC-8056 (``uiMultiplier``, ``newUIMultiplier``, ``effectiveAt``; Robinhood's ``oraclePaused``),
ERC-4626, and the usual ``paused``.

A token that answers none of it has a multiplier of its own making elsewhere, or none: nothing is told of it.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from bot.collectors.evm_abi import WORD, address, answered, call, word
from bot.collectors.evm_chain import Reads
from bot.errors import PoolError
from bot.registry.model import REBASING, WRAPPED, PoolEntry

ONE = 10**18
"""Multipliers have 18 decimals."""
PAUSED = ("paused()", "isPaused()", "oraclePaused()")
WORDS = ("it is paused by its issuer", "it is paused by its issuer", "its oracle is paused")


class Terms(Struct, frozen=True):
    """As of one block. ``multiplier`` is shares per token, ``None`` where the contract does not say;
    ``announced`` one that takes over at ``effective``, seconds of Unix time. ``scale`` is how many of the
    registry's tokens one whole unit in the pool is; ``halted`` why it cannot be moved, empty if it can;
    ``follows`` whether the contract says anything of all this."""

    multiplier: float | None = None
    announced: float | None = None
    effective: int = 0
    scale: float = 1.0
    halted: str = ""
    follows: bool = False

    @property
    def shares(self) -> tuple[float | None, float | None, int]:
        """What a ``multiplier`` tick says."""
        return self.multiplier, self.announced, self.effective


def read_terms(entry: PoolEntry, now: int) -> Reads[Terms]:
    """Terms of the pool's token at a block of time ``now``. PoolError if it has not the form the entry
    says."""
    at = entry.token_address
    if entry.token_form != WRAPPED:
        return (yield from _terms(at, now, entry.token_form == REBASING))
    asset, assets, *pauses = yield [
        call(at, "asset()"),
        call(at, "convertToAssets(uint256)", 10**entry.token_decimals),
        *(call(at, name) for name in PAUSED),
    ]
    held = address(answered(asset, 1, "asset"))
    (places,) = yield [call(held, "decimals()")]
    # A wrapper may count in more decimals than what it holds (ERC-4626 with an offset).
    decimals = word(answered(places, 1, "its asset's decimals"), 0) % 256
    inner = yield from _terms(held, now, True)
    per_share = word(answered(assets, 1, "convertToAssets"), 0) / 10**decimals
    halted = _halted(pauses) or inner.halted
    scale = per_share * inner.scale
    if scale <= 0:
        raise PoolError("bad_token", "its wrapper gives nothing for a share")
    return replace(inner, scale=scale, halted=halted)


def token_terms(at: str, now: int) -> Reads[Terms]:
    """Terms of the token at this address, no pool of it being known."""
    return (yield from _terms(at, now, False))


def _terms(at: str, now: int, rebasing: bool) -> Reads[Terms]:
    names = ("getCurrentMultiplier()", "multiplier()", "newMultiplier()", "newMultiplierActivationTime()",
             "uiMultiplier()", "newUIMultiplier()", "effectiveAt()")  # fmt: skip
    answers = yield [call(at, name) for name in (*names, *PAUSED)]
    numbers = [_number(answer) for answer in answers]
    backed, plain, new, activation, shown, new_shown, effective, *_ = numbers
    halted = _halted(answers[7:])
    current: int | None
    if shown is not None:
        current, announced, when = shown, new_shown, effective
        if announced and when and when <= now:
            current = announced  # its time has come, whatever the first getter still shows
    else:
        current, announced, when = (plain if backed is None else backed), new, activation
    if not current:
        if rebasing:
            raise PoolError("bad_token", "the registry says it rebases, but its contract tells no multiplier")
        return Terms(halted=halted, follows=any(number is not None for number in numbers))
    multiplier = current / ONE
    terms = Terms(multiplier, scale=1 / multiplier if rebasing else 1.0, halted=halted, follows=True)
    if announced and when and when > now:
        return replace(terms, announced=announced / ONE, effective=when)
    return terms


def _number(answer: bytes | None) -> int | None:
    """The first word; some have more than one."""
    return None if answer is None or len(answer) < WORD else word(answer, 0)


def _halted(answers: list[bytes | None]) -> str:
    for answer, words in zip(answers, WORDS, strict=True):
        if _number(answer) == 1:
            return words
    return ""
