"""web3 is used without letting its import change what protects the daemon."""

import subprocess
import sys

HOSTILE = """
import sys
from bot.collectors.evm_web3 import Web3
from bot.errors import PoolError
from bot.pools.book import decode_book
assert "py_ecc" in sys.modules, "what this is about is no longer imported: evm_web3 can go"
try:
    decode_book('{"asks": [], "bids": ' + "[" * 90_000 + "]" * 90_000 + "}", 0.0)
except PoolError as error:
    print("refused:", error.reason)
"""


def test_message_nested_deep_enough_to_overflow_the_stack_is_refused_once_web3_is_in() -> None:
    run = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "refused: bad_data\n"), run.stderr
