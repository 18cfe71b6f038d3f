"""What was traded, by where it was: on venues, with issuers, in hedges. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bot.ledger.derivatives import BOUGHT, SOLD
from bot.types import Fill

KINDS = ("venue", "issuer", "hedge")
KIND = {"buy": "venue", "sell": "venue", "mint": "issuer", "redeem": "issuer"} | dict.fromkeys(
    [*BOUGHT, *SOLD], "hedge"
)


def turnover(fills: Iterable[Fill]) -> dict[str, float]:
    """USD by kind, fees left out: each mint and redemption once, when it is agreed; of options their premium,
    or the strike where shares were delivered; nothing of transfers, margin and funding."""
    found = dict.fromkeys(KINDS, 0.0)
    for fill in fills:
        kind = KIND.get(fill.action)
        if kind is not None and fill.status in ("filled", "partial", "pending"):
            found[kind] += float(fill.quantity_tokens * fill.price)
    return found
