"""The whole of a configuration."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from bot.config.collectors import CollectorsSection
from bot.config.delivery import AlertsSection, LogSection, MqttSection, WebSection
from bot.config.detection import DetectorSection, ValuationSection
from bot.config.execution import ExecutionSection, LedgerSection
from bot.config.section import Section
from bot.config.strategy import StrategySection
from bot.config.tape import RecordSection


class Config(Section):
    """The whole of a file."""

    base: Path = Field(Path(), exclude=True)
    registry: list[str] = Field(
        ["registry/*.toml"], description="registry files, relative to the config file"
    )
    log: LogSection = LogSection()
    web: WebSection = WebSection()
    collectors: CollectorsSection = CollectorsSection()
    valuation: ValuationSection = ValuationSection()
    detector: DetectorSection = DetectorSection()
    strategy: StrategySection = StrategySection()
    execution: ExecutionSection = ExecutionSection()
    ledger: LedgerSection = LedgerSection()
    alerts: AlertsSection = AlertsSection()
    mqtt: MqttSection = MqttSection()
    record: RecordSection = RecordSection()

    @field_validator("detector")
    @classmethod
    def _ordered(cls, value: DetectorSection) -> DetectorSection:
        if value.close_sigmas > value.open_sigmas:
            raise ValueError("close_sigmas must not exceed open_sigmas, or incidents would flap")
        return value

    def path(self, relative: str) -> Path:
        """A path of the config, made absolute by the folder of its file."""
        return (self.base / relative).resolve() if relative else self.base
