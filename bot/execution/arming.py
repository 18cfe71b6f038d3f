"""The safety contract: live trading needs the config to say so *and* an arming that has not run out.

Pure: every function takes the time. Any reason in :data:`DISARMS` ends an arming at once; the kill
switch stays thrown until somebody releases it, and no arming holds over it.
"""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from bot.config import ExecutionSection
from bot.errors import Refusal
from bot.timefmt import NS, iso
from bot.types import Ns

DisarmReason = Literal["limit_breach", "stale_reference", "failed_reconcile", "kill_switch", "by_hand"]
DISARMS: tuple[DisarmReason, ...] = get_args(DisarmReason)
MAX_ARMING_SECONDS = 24 * 3600
"""Nobody arms for longer than a day: somebody has to be there."""


class ArmingState(Struct, frozen=True):
    """Armed by whom and until when, or why not. ``armed_until`` 0 is not armed."""

    armed_until: Ns = 0
    armed_by: str = ""
    reason: DisarmReason | None = None
    detail: str = ""
    since: Ns = 0
    killed: bool = False

    def armed(self, ts: Ns) -> bool:
        """Whether orders may be sent at ``ts``."""
        return not self.killed and self.since <= ts < self.armed_until

    def arm(self, ts: Ns, until: Ns, by: str) -> ArmingState:
        """Arm until a moment within a day. Raises Refusal ``live.kill_switch`` or ``live.arming``."""
        if self.killed:
            raise Refusal("live.kill_switch", f"thrown ({self.detail}); release it before arming")
        if not by:
            raise Refusal("live.arming", "say who arms")
        if not ts < until <= ts + MAX_ARMING_SECONDS * NS:
            raise Refusal("live.arming", f"must end within a day and after {iso(ts)}, not at {iso(until)}")
        return ArmingState(armed_until=until, armed_by=by, since=ts)

    def disarm(self, ts: Ns, reason: DisarmReason, detail: str = "") -> ArmingState:
        """Not armed from now on, and why; ``kill_switch`` also stays thrown."""
        killed = self.killed or reason == "kill_switch"
        if self.killed and reason != "kill_switch":
            reason, detail = "kill_switch", self.detail
        return ArmingState(0, "", reason, detail, ts, killed)

    def release(self, ts: Ns, by: str) -> ArmingState:
        """Put the kill switch back; still disarmed until armed again."""
        return replace(self, killed=False, since=ts, detail=f"released by {by}")

    def require(self, ts: Ns) -> None:
        """Raise :class:`Refusal` unless armed at ``ts``; the rule says why not."""
        if self.armed(ts):
            return
        if self.killed:
            raise Refusal("live.kill_switch", self.detail or "thrown")
        if self.armed_until and ts >= self.armed_until:
            raise Refusal("live.arming_expired", f"at {iso(self.armed_until)}; arm again to go on")
        if self.reason is not None:
            raise Refusal("live.disarmed", f"{self.reason}: {self.detail}" if self.detail else self.reason)
        raise Refusal("live.not_armed", "the config says live, but nobody has armed it")


def require_start(config: ExecutionSection) -> None:
    """Refuse, at start, what cannot be done: no live venue exists yet (rule ``live.no_venue``)."""
    if config.mode == "live":
        raise Refusal(
            "live.no_venue",
            'this version can send orders nowhere; set execution.mode = "paper" (or "off") and start again',
        )
