"""docs/configuration.md is what the schema says, whole and up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import Section
from bot.reference import render
from tests.unit.config.sections import SECTIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def test_the_page_is_written_from_the_schema_and_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run `make docs`"


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_key_of_every_section_is_on_the_page(section: type[Section]) -> None:
    rows = [line for line in render().splitlines() if line.startswith("| `")]
    for name, field in section.model_fields.items():
        annotation = field.annotation
        nested = "Section" in str(annotation) or "Source" in str(annotation)
        assert nested or name == "base" or any(row.startswith(f"| `{name}` |") for row in rows), name


def test_a_row_says_type_default_meaning_and_bounds() -> None:
    page = render()
    assert "| `port` | integer | `8050` | 0 picks a free port; ≥ 0, ≤ 65535 |" in page
    assert "| `path` | text | required |" in page
    assert '| `mode` | `"off"` \\| `"paper"` \\| `"live"` | `"paper"` |' in page
    assert "| `capital_usd` | number | `250000.0` | > 0 |" in page
    assert "## `[[collectors.tape]]`" in page
