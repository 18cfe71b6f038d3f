"""Options that most commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="PEGBOT_CONFIG", help="TOML file; the embedded demo if absent."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines: one JSON document on stdout.")]
JsonLinesOption = Annotated[
    bool, typer.Option("--json", help="For machines: JSON Lines on stdout, one object a line.")
]
LimitOption = Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many.")]
