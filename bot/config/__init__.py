"""One schema for ``config/*.toml``: every key, its unit, its default, its bounds.

A module for each family of tables, :mod:`~bot.config.model` for the whole; :func:`load` reports all mistakes
at once. Secrets come from the environment or files (``env:NAME`` or ``file:PATH``), never from the TOML.
"""

from bot.config.chains import EvmSource, JupiterSource, SolanaSource
from bot.config.collectors import CollectorsSection, Source
from bot.config.delivery import AlertsSection, ChannelSection, LogSection, MqttSection, WebSection
from bot.config.detection import DetectorSection, ValuationSection
from bot.config.exchanges import ExchangeSource
from bot.config.execution import ExecutionSection, LedgerSection
from bot.config.issuers import MyStonksSource, OndoSource, RobinhoodSource, XStocksSource
from bot.config.load import load, parse
from bot.config.model import Config
from bot.config.oracles import ChainlinkSource, PythSource
from bot.config.secrets import Secret, resolve_secret, secret
from bot.config.section import Section
from bot.config.stocks import (
    AlpacaKeys,
    AlpacaOptionsSource,
    AlpacaSource,
    IbkrSource,
    OptionsSource,
    YahooOptionsSource,
    YahooSource,
)
from bot.config.strategy import StrategySection
from bot.config.tape import RecordSection, TapeSource

__all__ = [
    "AlertsSection",
    "AlpacaKeys",
    "AlpacaOptionsSource",
    "AlpacaSource",
    "ChainlinkSource",
    "ChannelSection",
    "CollectorsSection",
    "Config",
    "DetectorSection",
    "EvmSource",
    "ExchangeSource",
    "ExecutionSection",
    "IbkrSource",
    "JupiterSource",
    "LedgerSection",
    "LogSection",
    "MqttSection",
    "MyStonksSource",
    "OndoSource",
    "OptionsSource",
    "PythSource",
    "RecordSection",
    "RobinhoodSource",
    "Secret",
    "Section",
    "SolanaSource",
    "Source",
    "StrategySection",
    "TapeSource",
    "ValuationSection",
    "WebSection",
    "XStocksSource",
    "YahooOptionsSource",
    "YahooSource",
    "load",
    "parse",
    "resolve_secret",
    "secret",
]
