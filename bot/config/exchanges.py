"""Markets of exchanges."""

from __future__ import annotations

from pydantic import Field

from bot.config.secrets import Reference
from bot.config.section import PositiveSeconds, Section


class ExchangeSource(Section):
    """``[[collectors.exchange]]``: markets of one exchange, through ccxt."""

    name: str = "kraken"
    exchange: str = Field(
        "kraken",
        description="by ccxt's name: kraken, bybit, gate, bitget, binance, krakenfutures, hyperliquid; "
        "others are untested",
    )
    venue: str = Field("", description="as instruments call it; empty: as exchange")
    markets: dict[str, str] = Field(
        min_length=1,
        description="token, currency or (of a future) share of the registry, and the market it is there: "
        'TSLAx = "TSLAx/USD"; ccxt\'s symbols, for xStocks on Kraken its own',
    )
    depth: int = Field(10, ge=1, le=1000, description="levels of the book on each side")
    trades: bool = True
    quote_seconds: float = Field(
        0.25, ge=0, description="at most one quote per instrument in so long; the latest wins"
    )
    silence_seconds: PositiveSeconds = Field(
        20.0, description="not even a heartbeat or a pong for so long: reconnect"
    )
    check_seconds: PositiveSeconds = Field(
        900.0, description="how often to ask which markets trade, and on what terms"
    )
    requests_per_second: float = Field(0.0, ge=0, description="over HTTP; 0 is what ccxt holds to be allowed")
    rest_url: str = Field("", description="instead of ccxt's address, paths kept: a proxy's, or a test's")
    websocket_url: str = Field("", description="the same for its sockets")
    api_key: Reference = Field("", description="env:NAME or file:PATH; market data needs none")
    api_secret: Reference = ""
    api_password: Reference = Field("", description="where an exchange wants a third")
