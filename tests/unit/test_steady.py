"""The daemon's clock while the machine's is set."""

from __future__ import annotations

import pytest

from bot.steady import BELIEVED_SECONDS, SteadyClock
from bot.timefmt import NS
from tests.fixtures.manual_time import ManualTime

HOUR = 3600 * NS


class Machine(ManualTime):
    """Whose clock can be set."""

    off = 0

    def wall(self) -> int:
        return self.clock() + self.off


def pair() -> tuple[Machine, SteadyClock]:
    machine = Machine()
    return machine, SteadyClock(machine.wall, machine.monotonic)


def test_it_is_the_machines_clock_while_nothing_happens() -> None:
    machine, now = pair()
    for _ in range(5):
        machine.seconds += 1000.0
        assert now() == machine.wall()


def test_small_corrections_are_followed_at_once() -> None:
    machine, now = pair()
    for off in (NS, -NS // 2, NS):
        machine.seconds += 10.0
        machine.off = off
        assert now() == machine.wall()


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_jump_that_is_taken_back_was_none(jump: int) -> None:
    machine, now = pair()
    for seconds in range(1, 50):
        machine.seconds = float(seconds)
        machine.off = jump if 10 <= seconds < 40 else 0
        assert now() == machine.clock()
        assert now.jumped == pytest.approx(jump / NS if machine.off else 0.0)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_jump_that_lasts_is_believed_after_a_minute(jump: int) -> None:
    machine, now = pair()
    machine.off = jump
    assert now() == machine.clock()
    machine.seconds += BELIEVED_SECONDS - 1
    assert now() == machine.clock()
    machine.seconds += 2
    assert now() == machine.wall()
    machine.seconds += 10
    assert now() == machine.wall()
    assert now.jumped == 0.0
