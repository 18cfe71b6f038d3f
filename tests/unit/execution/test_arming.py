"""Live trading needs an arming that somebody gave, that has not run out, and that nothing has ended."""

from __future__ import annotations

import pytest

from bot.config import ExecutionSection
from bot.errors import Refusal
from bot.execution.arming import DISARMS, ArmingState, require_start
from bot.timefmt import NS

T = 1_751_896_800 * NS
HOUR = 3600 * NS


def rule(state: ArmingState, ts: int) -> str:
    with pytest.raises(Refusal) as refused:
        state.require(ts)
    return refused.value.rule


def test_nobody_is_armed_at_the_start():
    assert not ArmingState().armed(T)
    assert rule(ArmingState(), T) == "live.not_armed"


def test_an_arming_holds_until_it_expires_and_not_before_it_was_given():
    state = ArmingState().arm(T, T + HOUR, "ada")
    state.require(T)
    state.require(T + HOUR - 1)
    assert rule(state, T + HOUR) == "live.arming_expired"
    assert not state.armed(T - 1)


@pytest.mark.parametrize(
    ("until", "by"), [(T, "ada"), (T - HOUR, "ada"), (T + 25 * HOUR, "ada"), (T + HOUR, "")]
)
def test_an_arming_needs_a_name_and_an_end_within_a_day(until, by):
    with pytest.raises(Refusal, match=r"live\.arming"):
        ArmingState().arm(T, until, by)


@pytest.mark.parametrize("reason", [reason for reason in DISARMS if reason != "kill_switch"])
def test_any_breach_disarms_and_arming_again_is_by_hand(reason):
    state = ArmingState().arm(T, T + HOUR, "ada").disarm(T + 1, reason, "why")
    assert rule(state, T + 2) == "live.disarmed"
    with pytest.raises(Refusal, match=f"{reason}: why"):
        state.require(T + 2)
    state.arm(T + 3, T + HOUR, "ada").require(T + 3)


def test_the_kill_switch_stays_thrown_until_released():
    state = ArmingState().arm(T, T + HOUR, "ada").disarm(T + 1, "kill_switch", "pulled by bob")
    assert rule(state, T + 2) == "live.kill_switch"
    with pytest.raises(Refusal, match=r"live\.kill_switch.*pulled by bob"):
        state.arm(T + 2, T + HOUR, "ada")
    still = state.disarm(T + 3, "limit_breach", "later")
    assert (still.killed, still.detail) == (True, "pulled by bob")
    released = still.release(T + 4, "ada")
    assert not released.armed(T + 5)
    released.arm(T + 5, T + HOUR, "ada").require(T + 5)


@pytest.mark.parametrize("mode", ["off", "paper"])
def test_other_modes_start(mode):
    require_start(ExecutionSection(mode=mode))
