"""How a mint or redemption of a plan may go wrong, by what becomes of the money. Pure.

A mechanism names its failures; a plan tells apart what they do to it. *Refused*: what was sent comes back,
and the step before is undone. *Held*: tokens are kept on their way to or from an account, and the price moves
on. *Late*: what was ordered comes at its price, but so many business days after it was due. *Lost*: a part is
gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bot.registry.issuer import Failure


class Odds(NamedTuple):
    """Chances of all orders; ``held`` and ``late`` by business days, ``lost`` by the part that is gone."""

    refused: float = 0.0
    held: tuple[tuple[float, float], ...] = ()
    late: tuple[tuple[float, float], ...] = ()
    lost: tuple[tuple[float, float], ...] = ()

    @property
    def chance(self) -> float:
        """That any of it happens: no more than one thing goes wrong with an order."""
        return self.refused + sum(chance for chance, _ in (*self.held, *self.late, *self.lost))


def odds_of(failures: Iterable[Failure], moves: bool, unnamed: float) -> Odds:
    """Of an order whose tokens are moved to or from an account for it, or not.

    What the delay holds already is no failure. A system that names none is taken to refuse with the chance
    ``unnamed``.
    """
    named = tuple(failures)
    if not named:
        return Odds(unnamed)
    refused = 0.0
    held: list[tuple[float, float]] = []
    late: list[tuple[float, float]] = []
    lost: list[tuple[float, float]] = []
    for each in named:
        if each.again or each.chance <= 0 or (each.moving and not moves):
            continue
        if each.loss_ratio > 0:  # tokens that are kept and worth less, too
            lost.append((each.chance, each.loss_ratio))
        elif each.money in ("returned", "kept_as_tokens"):
            refused += each.chance
        elif each.money == "late":
            (held if each.moving else late).append((each.chance, each.days))
        else:
            lost.append((each.chance, 1.0))
    return Odds(refused, tuple(held), tuple(late), tuple(lost))
