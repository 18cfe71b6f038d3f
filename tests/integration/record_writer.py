"""A process that records ticks as fast as they are written, in small segments, until it is killed.

``python -m tests.integration.record_writer PATH FIRST``: each time that some are flushed it says on its
standard output how many it has written in all.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bot.collectors import growing
from bot.collectors.growing import Rotation
from bot.types import Tick

T = 1_782_000_000_000_000_000


def tick(number: int) -> Tick:
    return Tick(
        T + number, f"TSLAx@venue{number % 3}", "quote", bid=1.0, ask=1.0 + number, received=T + number
    )


def main(path: Path, first: int) -> None:
    out = growing.create(path, Rotation(size_bytes=20_000))
    while True:
        out.add([tick(number) for number in range(first, first + 50)])
        first += 50
        sys.stdout.write(f"{first}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
