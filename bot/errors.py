"""Every error pegbot raises, in one tree; each class says what the catcher should do.

::

    PegbotError
    ├── ConfigError          fix the config and start again (exit code 2)
    ├── UsageError           fix the command line (exit code 2)
    ├── DataError            quarantine the datum, count it, go on
    │   ├── TapeError        a row of a tape cannot be used
    │   └── PoolError        a pool's state cannot be quoted: mark it, go on
    ├── SourceError          a source failed: back off and retry
    │   ├── SourceSilent     connected, but nothing arrives: reconnect
    │   └── SourceRefused    the source said no (key, entitlement): retry slowly, tell people
    ├── Refusal              a plan or an order breaks a rule: stop this route, keep running
    ├── LedgerError          the books would not balance: stop the daemon
    │   └── LedgerDamaged    a table or row cannot be read: restore the database (exit code 2)
    └── ServiceUnreachable   a service the command needs is away (exit code 3)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.config import Config


class PegbotError(Exception):
    """Base of all errors raised on purpose; its text is written for the person who reads it."""

    exit_code = 1


class ConfigError(PegbotError):
    """One or more mistakes in the configuration; ``problems`` holds every one of them.

    ``rest`` is the configuration without them, where there is one, so that the next check can go on.
    """

    exit_code = 2

    def __init__(self, problems: str | Sequence[str], rest: Config | None = None) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        self.rest = rest
        super().__init__("\n".join(self.problems))


class UsageError(PegbotError):
    """The command line asks for something that cannot be: say what would work."""

    exit_code = 2


class DataError(PegbotError):
    """A datum that cannot be used; quarantine it and go on. ``reason`` is a metric label."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


class TapeError(DataError):
    """A row of a tape that cannot be read; ``detail`` names file and line."""


class PoolError(DataError):
    """A pool's state is missing, malformed or of an unknown kind: not quotable."""


class SourceError(PegbotError):
    """A source failed in a way that may pass: back off and retry."""


class SourceSilent(SourceError):
    """A source is connected but silent for longer than it may be: reconnect."""


class SourceRefused(SourceError):
    """A source answered no (key, entitlement, region): retry slowly and tell people."""


class Refusal(PegbotError):
    """A plan or an order breaks a rule. ``rule`` names it, as in ``limits.venue_usd``."""

    def __init__(self, rule: str, detail: str) -> None:
        self.rule = rule
        self.detail = detail
        super().__init__(f"{rule}: {detail}")


class LedgerError(PegbotError):
    """A posting that does not balance, or books that do not agree: stop, never guess."""


class LedgerDamaged(LedgerError):
    """A table or row of the database that cannot be read; named, with what to do."""

    exit_code = 2

    def __init__(self, table: str, row: object, said: str, todo: str = "") -> None:
        todo = todo or "stop, and restore the database from a copy"
        super().__init__(f"ledger: table {table}, row {row}: {said}; {todo}")


class ServiceUnreachable(PegbotError):
    """A service this command needs cannot be reached."""

    exit_code = 3
