"""Where what is found goes: the log, the page, messages to people and to machines."""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from bot.config.secrets import Reference
from bot.config.section import PositiveSeconds, Section


class LogSection(Section):
    """``[log]``: what goes to stderr."""

    format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: console on a terminal, JSON otherwise"
    )
    level: Literal["debug", "info", "warning", "error"] = "info"


class WebSection(Section):
    """``[web]``: the page, ``/api``, ``/metrics``, ``/healthz`` and ``/readyz``."""

    host: str = "127.0.0.1"
    port: int = Field(8050, ge=0, le=65535, description="0 picks a free port")
    hosts: list[str] = Field(
        [], description="names, beside addresses and localhost, by which the page may take commands"
    )
    notice: str = Field("", description="shown on top of the page, as in: simulated data")


class ChannelSection(Section):
    """``[[alerts.channels]]``: one message service."""

    name: str
    url: str = Field(
        description="Apprise URL by reference: env:NAME or file:PATH; a keyless one may stand here"
    )
    min_severity: Literal["info", "warning", "critical"] = "warning"
    per_minute: int = Field(20, ge=1, description="rate limit")


class AlertsSection(Section):
    """``[alerts]``: messages to people, through an outbox."""

    channels: list[ChannelSection] = Field([])
    page_url: str = Field("http://127.0.0.1:8050", description="where messages point to")
    quiet_hours: str = Field(
        "",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$",
        description="e.g. 22:00-07:00; only critical messages get through, the rest wait until the end",
    )
    timezone: str = Field("UTC", description="of quiet_hours")
    retry_max_seconds: PositiveSeconds = 300.0
    heartbeat_seconds: float = Field(
        0.0, ge=0, description="a message after so long without a tick from anywhere; 0 is off"
    )

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{value!r} is no time zone; write it as in Europe/Zurich") from None
        return value


class MqttSection(Section):
    """``[mqtt]``: the same messages for machines."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = Field(1883, ge=1, le=65535)
    username: str = ""
    password: Reference = Field("", description="env:NAME or file:PATH")
    tls: bool = False
    client_id: str = "pegbot"
    buffer: int = Field(
        10_000, ge=1, description="messages kept while the broker is away; the oldest basis goes first"
    )
    topics: list[Literal["tick", "basis", "incident", "plan", "fill", "status"]] = Field(
        ["basis", "incident", "plan", "fill", "status"]
    )
