"""What a search for pools on chain brings home."""

from __future__ import annotations

from msgspec import Struct


class Found(Struct, frozen=True, kw_only=True):
    """One pool found on chain, not trusted yet.

    ``instrument`` is a name for it as the registry writes them; ``fee`` a ratio; ``liquidity_usd`` what lies
    in it at its own price, ``None`` where that is not known. ``impostor``: its token only calls itself so;
    ``why`` says what tells it, or what is remarkable otherwise.
    """

    instrument: str
    chain: str
    amm: str
    address: str
    token_address: str
    quote_address: str
    fee: float | None = None
    liquidity_usd: float | None = None
    impostor: bool = False
    why: str = ""
