"""Every table of the schema."""

from __future__ import annotations

from bot import config
from bot.config import Section

SECTIONS = [
    one
    for one in vars(config).values()
    if isinstance(one, type) and issubclass(one, Section) and one is not Section
]
