"""Files with mistakes, and what is told of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import load
from bot.errors import ConfigError


def file_of(folder: Path, text: str) -> Path:
    path = folder / "pegbot.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(path: Path) -> list[str]:
    """What is wrong in a file, as ``key: fix``; each must start with the file's name."""
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert all(problem.startswith(f"{path}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]
