"""``pegbot``: the command line. Heavy parts are imported by the command that needs them.

Machine-readable output (``--json``) and results go to stdout, logs and progress to stderr. Exit
codes: 0 fine, 1 the answer is no, 2 wrong usage or config, 3 a needed service is unreachable.
"""

from bot.cli.app import app, main
from bot.cli.setup import setup

__all__ = ["app", "main", "setup"]
