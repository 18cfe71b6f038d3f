"""What was tuned or judged before, from the same tapes by the same code, is not done again.

Kept beside the tapes; :func:`ours` is part of our own key.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import msgspec

HERE = Path(__file__).resolve().parent / "contenders"
T = TypeVar("T")


def remembered(cache: Path, kind: type[T], make: Callable[[], T], *key: Any) -> T:
    """What ``make`` gave for this key and these sources, if it is remembered; else it is made now."""
    found = recall(cache, kind, *key)
    if found is None:
        found = make()
        remember(cache, found, *key)
    return found


def recall(cache: Path, kind: type[T], *key: Any) -> T | None:
    """What is remembered for this key and these sources, if anything."""
    path = _path(cache, key)
    return msgspec.json.decode(path.read_bytes(), type=kind) if path.exists() else None


def remember(cache: Path, made: Any, *key: Any) -> None:
    """Keep it for :func:`recall`."""
    path = _path(cache, key)
    mine = path.with_suffix(f".{os.getpid()}")
    cache.mkdir(parents=True, exist_ok=True)
    mine.write_bytes(msgspec.json.encode(made))
    mine.replace(path)


def ours() -> str:
    """Changes whenever anything of pegbot does, its configuration too."""
    digest = hashlib.blake2b(digest_size=10)
    root = HERE.parent.parent
    for source in sorted(
        [*(root / "bot").rglob("*.py"), *(root / "config").rglob("*.toml"), HERE / "ours.py"]
    ):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _path(cache: Path, key: tuple[Any, ...]) -> Path:
    return cache / f"known-{_digest(key)}.json"


def _digest(key: tuple[Any, ...]) -> str:
    digest = hashlib.blake2b(msgspec.json.encode(key), digest_size=10)
    for source in sorted(HERE.glob("*.py")):
        if source.stem != "ours":
            digest.update(source.read_bytes())
    for library in ("river", "pysad"):
        try:
            digest.update(version(library).encode())
        except PackageNotFoundError:
            digest.update(b"-")
    return digest.hexdigest()
