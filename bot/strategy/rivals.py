"""Several incidents want the same capital: what each may use of a limit, by :mod:`bot.strategy.capital`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from bot.strategy.capital import Contender, share
from bot.strategy.desk import Desk, Exposure
from bot.strategy.hedge_quotes import HedgeQuotes
from bot.strategy.routes import Candidate
from bot.types import Incident

RIVALS = 5
"""So many other incidents are looked at, those with most at stake."""
SPARE = 1 + 1e-9

Others = Callable[[], Iterable[tuple[Incident, HedgeQuotes | None]]]
"""The other incidents that are open and wait for a plan, and what could carry their waits."""


class Rival(NamedTuple):
    """The best that an incident could do if it were alone."""

    incident: Incident
    candidate: Candidate

    def uses(self, tokens: float) -> dict[str, float]:
        """Of each limit, by its key, at a size."""
        return used(self.candidate.at(tokens)[1], self.incident.underlying)


def used(exposure: Exposure, underlying: str) -> dict[str, float]:
    """What an exposure takes of each limit, by the keys of :meth:`Desk.left`."""
    found = {
        "limits.capital_usd": exposure.capital_usd,
        "limits.open_settlement_usd": exposure.settlement_usd,
        f"limits.underlying_usd {underlying}": exposure.largest_usd,
    }
    found |= {f"limits.venue_usd {venue}": usd for venue, usd in exposure.venues_usd.items()}
    found |= {f"limits.issuer_usd {issuer}": usd for issuer, usd in exposure.issuers_usd.items()}
    found |= {f"inventory.tokens {place}": tokens for place, tokens in exposure.tokens.items()}
    return {key: amount for key, amount in found.items() if amount > 0}


def may_bind(own: Rival, others: Sequence[Incident], desk: Desk, most_usd: float) -> bool:
    """Whether others, at twice ``most_usd`` each (a plan and its margin), could want what one uses. Cheap."""
    for key, amount in own.uses(own.candidate.tokens).items():
        rule, _, of = key.partition(" ")
        rivals = [one for one in others if rule != "limits.underlying_usd" or one.underlying == of]
        if rule == "inventory.tokens":
            rivals = [one for one in others if one.underlying == own.incident.underlying]
            if rivals and amount > 0:
                return True
        elif rivals and amount + 2 * len(rivals) * most_usd > desk.left(key):
            return True
    return False


def ration(own: Rival, rivals: Sequence[Rival], desk: Desk) -> dict[str, float]:
    """What ``own`` may use of each limit where not all of them fit; ``{}`` where they do."""
    wanted: dict[str, float] = {}
    for one in (own, *rivals):
        for key, amount in one.uses(one.candidate.tokens).items():
            wanted[key] = wanted.get(key, 0.0) + amount
    rooms = {key: desk.left(key) for key in wanted}
    if all(amount <= rooms[key] * SPARE for key, amount in wanted.items()):
        return {}
    answer = share([_contender(one) for one in (own, *rivals)], rooms)
    mine = own.uses(own.candidate.tokens)
    size = answer.sizes[own.incident.id]
    got: Mapping[str, float] = own.uses(size) if size > 0 else {}
    return {key: got.get(key, 0.0) * SPARE for key in mine}


def _contender(one: Rival) -> Contender:
    candidate = one.candidate
    return Contender(
        one.incident.id, candidate.least, candidate.tokens, lambda tokens: candidate.at(tokens)[0], one.uses
    )
