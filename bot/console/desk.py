"""What would be done about a basis, as a person would write it."""

from __future__ import annotations

from bot.console.terminal import emit, say
from bot.plan import Present
from bot.timefmt import short
from bot.types import to_builtins


def present(one: Present, as_json: bool) -> None:
    """The basis, and each plan with its reasoning."""
    if as_json:
        emit(to_builtins(one))
        return
    from bot.strategy.explain import explain

    say(f"As of {short(one.ts)} UTC. {one.basis.explanation}")
    for plan in one.plans:
        say(f"\n{explain(plan)}")
