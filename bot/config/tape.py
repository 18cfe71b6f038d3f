"""Ticks from a file, and ticks to one."""

from __future__ import annotations

from pydantic import Field

from bot.config.section import PositiveSeconds, Section


class TapeSource(Section):
    """``[[collectors.tape]]``: ticks from a file."""

    name: str = "tape"
    path: str = Field(description="CSV, JSON Lines or Parquet, by ending; relative to the config file")
    speed: float = Field(
        0.0, ge=0, description="1 is real time, 600 is ten minutes a second, 0 as fast as possible"
    )
    loop: bool = Field(False, description="start again at the end, with the clock moved on")


class RecordSection(Section):
    """``[record]``: write what was seen to a tape."""

    path: str = Field(
        "", description="empty is off; Parquet is written in segments, tape.parquet as tape-000001.parquet …"
    )
    segment_seconds: PositiveSeconds = Field(
        3600.0, description="a segment is finished so long after its first tick; each start begins a new one"
    )
    segment_megabytes: float = Field(64.0, gt=0, description="or when it has grown so large")
