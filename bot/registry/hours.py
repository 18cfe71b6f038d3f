"""When a venue is open, in sessions of the US market: out of them its silence is no fault and it is *closed*,
not stale.
"""

from __future__ import annotations

from typing import Literal, get_args

from bot.types import Session

VenueHours = Literal["24/7", "24/5", "extended", "regular"]
"""``24/5``: from Sunday 20:00 to Friday 20:00 in New York, holidays apart; ``extended``: 04:00 to 20:00."""

ALWAYS: frozenset[Session] = frozenset(get_args(Session))
SESSIONS: dict[VenueHours, frozenset[Session]] = {
    "24/7": ALWAYS,
    "24/5": frozenset({"pre", "regular", "post", "overnight"}),
    "extended": frozenset({"pre", "regular", "post"}),
    "regular": frozenset({"regular"}),
}
