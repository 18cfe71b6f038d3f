"""One connection to a TWS or IB gateway, through ib_async: opened, asked, listened to, closed.

ib_async 2.1's ``IB.connectAsync`` asks for positions, orders and accounts, which are nobody's business here;
on a client id that is taken it waits until its time limit without a word of why. Its ``Client`` is used below
it. What its decoder cannot make sense of it logs and drops: that is heard here, and told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

from bot.collectors.threads import in_thread
from bot.errors import DataError, SourceError, SourceRefused, SourceSilent
from bot.timefmt import duration

OPEN_SECONDS = 8.0
ANSWER_SECONDS = 15.0
CLIENT_ID_TAKEN = 326
UNKNOWN_CONTRACT = 200
LIVE, DELAYED = 1, 3
"""Market data types asked for; answered with are also 2, frozen, and 4, delayed and frozen."""

OnError = Callable[[int, int, str], None]
"""Told request id (-1: none), code and text of each message that is no answer."""


class Tws:
    """A connection. ``on_ticker`` is told of each ``Ticker`` of ib_async that has news; none of the callbacks
    may raise or block."""

    def __init__(
        self,
        host: str,
        port: int,
        client_id: int,
        *,
        on_ticker: Callable[[Any], None],
        on_error: OnError,
        on_bad: Callable[[str], None],
    ) -> None:
        self._where = f"{host}:{port}"
        self._host, self._port, self._client_id = host, port, client_id
        self._on_ticker, self._on_error, self._on_bad = on_ticker, on_error, on_bad
        self._ib: Any = None
        self._refusal: tuple[int, str] | None = None
        self._gone = asyncio.Event()
        self._why = ""

    async def open(self) -> None:
        """Connect. Raises :class:`SourceError`; :class:`SourceRefused` where the client id is taken."""
        await in_thread(_load)
        from ib_async import IB

        ib: Any = IB()
        self._ib = ib
        ib.RaiseRequestErrors = True
        ib.errorEvent -= ib._onError  # it would ask for the account
        ib.errorEvent += self._heard
        ib.pendingTickersEvent += self._ticked
        ib.client.apiError += self._lost
        ib.client.apiEnd += self._lost
        ib.client.decoder.logger = _Told(self._on_bad)
        ib.wrapper.clientId = self._client_id
        connecting = asyncio.create_task(
            ib.client.connectAsync(self._host, self._port, self._client_id, OPEN_SECONDS)
        )
        gone = asyncio.create_task(self._gone.wait())
        try:
            async with asyncio.timeout(OPEN_SECONDS + 1.0):
                await asyncio.wait({connecting, gone}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            pass
        finally:
            gone.cancel()
            connecting.cancel()
            await asyncio.wait({connecting, gone})
        if not ib.client.isReady():
            raise self._not_open(connecting)

    def _not_open(self, connecting: asyncio.Task[None]) -> SourceError:
        if self._refusal is not None:
            code, text = self._refusal
            if code == CLIENT_ID_TAKEN:
                which = f"client_id {self._client_id}"
                return SourceRefused(
                    f"TWS says that {which} is in use; stop the other program, or set another"
                )
            return SourceError(f"TWS says: {text} ({code})")
        error = None if connecting.cancelled() else connecting.exception()
        if isinstance(error, OSError) and not isinstance(error, TimeoutError | ConnectionResetError):
            return SourceError(
                f"nobody listens at {self._where} ({error.strerror or error}): start TWS or the gateway, and "
                "let it accept API clients"
            )
        if self._gone.is_set() and not isinstance(error, TimeoutError):
            return SourceError(
                f"TWS closed the connection before it was ready: {self._why or 'no reason told'}"
            )
        return SourceError(f"TWS at {self._where} did not greet within {OPEN_SECONDS:g} s")

    async def contract(self, symbol: str) -> Any:
        """The share by its US ticker, routed smart, in USD. Raises :class:`DataError` if there is none."""
        from ib_async import Stock
        from ib_async.wrapper import RequestError

        # Interactive Brokers writes share classes with a space: BRK.B is "BRK B".
        wanted = Stock(symbol.replace(".", " "), "SMART", "USD")
        try:
            found = await self._answer(
                lambda: self._ib.reqContractDetailsAsync(wanted), f"details of {symbol}"
            )
        except RequestError as error:
            if error.code == UNKNOWN_CONTRACT:
                raise DataError("not_listed", f"{symbol}: {error.message}") from None
            raise SourceError(f"{symbol}: {error.message} ({error.code})") from None
        for details in found:
            one = details.contract
            if (one.secType, one.currency, one.symbol) == ("STK", "USD", wanted.symbol):
                one.exchange = "SMART"
                return one
        raise DataError("not_listed", f"{symbol}: no US share of that name")

    def subscribe(self, contract: Any) -> tuple[int, Any]:
        """Ask for its quotes; the request's id, and the ``Ticker`` that will have news."""
        self._require()
        ticker = self._ib.reqMktData(contract)
        return self._ib.wrapper.ticker2ReqId["mktData"][ticker], ticker

    def unsubscribe(self, contract: Any) -> None:
        """Ask for them no more."""
        self._require()
        self._ib.cancelMktData(contract)

    def prefer(self, kind: int) -> None:
        """Which market data is wanted: :data:`LIVE`, or :data:`DELAYED` where live is not subscribed to."""
        self._require()
        self._ib.reqMarketDataType(kind)

    async def alive(self, seconds: float) -> None:
        """Ask what time it is there. Raises :class:`SourceSilent` if no answer comes within ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await self._answer(self._ib.reqCurrentTimeAsync, "the time", None)
        except TimeoutError:
            raise SourceSilent(f"TWS has not answered for {duration(seconds)}") from None

    async def _answer(self, ask: Callable[[], Any], what: str, seconds: float | None = ANSWER_SECONDS) -> Any:
        self._require()
        try:
            async with asyncio.timeout(seconds) as limit:
                return await ask()
        except ConnectionError:
            raise SourceError(f"TWS closed the connection: {self._why or 'no reason told'}") from None
        except TimeoutError:
            if not limit.expired():
                raise
            raise SourceError(f"TWS did not tell {what} within {seconds:g} s") from None

    def _require(self) -> None:
        if self._ib is None or not self._ib.client.isReady():
            raise SourceError(f"TWS closed the connection: {self._why or 'no reason told'}")

    async def closed(self) -> None:
        """Until the connection is lost; then raises :class:`SourceError`."""
        await self._gone.wait()
        self._require()

    async def close(self) -> None:
        """Free the connection at once."""
        ib, self._ib = self._ib, None
        if ib is None:
            return
        ib.pendingTickersEvent -= self._ticked
        ib.errorEvent -= self._heard
        transport = ib.client.conn.transport
        if transport is not None:
            with suppress(RuntimeError, OSError):
                ib.client.disconnect()
            transport.abort()
        ib.wrapper.reset()

    # -- what it says --------------------------------------------------------------------------------------

    def _heard(self, request: int, code: int, text: str, _contract: Any) -> None:
        if self._ib is not None and not self._ib.client.isReady() and code < 2000:
            self._refusal = code, text
            self._gone.set()
        self._on_error(request, code, text)

    def _ticked(self, tickers: Any) -> None:
        for ticker in tickers:
            self._on_ticker(ticker)

    def _lost(self, *why: str) -> None:
        self._why = self._why or "".join(why)
        self._gone.set()


class _Told(logging.Logger):
    """In place of the decoder's logger: its errors are data that could not be read."""

    def __init__(self, told: Callable[[str], None]) -> None:
        super().__init__("pegbot.ib_async.decoder", logging.ERROR)
        self._tell = told

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - as logging has it
        """Whatever is done to logging."""
        return level >= logging.ERROR

    def handle(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._tell(f"{record.getMessage()[:120]}{f' ({type(error).__name__}: {error})' if error else ''}")


def _load() -> None:
    """Importing it takes half a second. What goes wrong is told here: its log would only say it again."""
    import_module("ib_async")
    for name in ("ib_async", "eventkit"):
        logger = logging.getLogger(name)
        if logger.getEffectiveLevel() > logging.DEBUG:
            logger.setLevel(logging.CRITICAL)
