"""web3, without what its import does to the whole process.

It brings ``py_ecc``, which lifts Python's recursion limit a hundredfold for arithmetic that is not used
here. The limit is also what stops a JSON decoder: past it, one message of a hostile server, nested deep
enough, overflows the C stack and kills the daemon instead of being refused.
"""

from __future__ import annotations

import sys

from web3 import AsyncWeb3, Web3, WebSocketProvider

RECURSION_LIMIT = 1_000
"""CPython's own."""

sys.setrecursionlimit(RECURSION_LIMIT)

__all__ = ["AsyncWeb3", "Web3", "WebSocketProvider"]
