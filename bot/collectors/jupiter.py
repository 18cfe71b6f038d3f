"""Jupiter's quotes: what its router would pay for a size, beside what our own mathematics says of the pool.

Source: ``GET /swap/v1/quote`` in Jupiter's developer documentation (``/swap/v2/order`` answers the same
fields): amounts are raw units as text, ``routePlan[].swapInfo`` is one swap through one AMM;
``x-ratelimit-remaining`` and ``x-ratelimit-reset`` (Unix seconds) come with 200 and 429.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import aiohttp
import msgspec
import structlog
from msgspec import Struct

from bot.collectors.jupiter_check import Check, Swapped
from bot.collectors.retry_after import retry_after
from bot.config import JupiterSource, secret
from bot.errors import ConfigError, DataError, SourceError, SourceRefused, SourceSilent
from bot.pools.state import PoolState
from bot.registry.model import Registry
from bot.timefmt import duration
from bot.types import Ns, Tick

VENUE, CHAIN = "jupiter", "solana"
REQUEST_SECONDS = 15.0
LONGEST_WAIT_SECONDS = 120.0
ISSUER_DECIMALS = 8
TRIES = 4
UNSURE = "?"

Sleep = Callable[[float], Any]


class Answer(Struct, frozen=True):
    """A quote in raw units, and the swaps it is made of."""

    amount_in: int
    amount_out: int
    slot: int | None
    swaps: tuple[Swapped, ...]


class Quoted(Struct, frozen=True):
    """One size: ``usd_in`` buys ``tokens``, which sell for ``usd_out``."""

    usd_in: float
    tokens: float
    usd_out: float


class JupiterCollector:
    """One source of quotes, ``TOKEN@jupiter``; see :class:`bot.collectors.base.Collector`."""

    def __init__(
        self,
        source: JupiterSource,
        registry: Registry,
        *,
        clock: Callable[[], Ns] = time.time_ns,
        states: Callable[[str], PoolState | None] = lambda _address: None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = source.name
        self.instruments = tuple(f"{token}@{VENUE}" for token in source.tokens)
        self.check = Check({pool.address: pool for pool in registry.pools.values()}, states, source.tolerance)
        self._source = source
        self._mints = _mints(source, registry)
        self._clock, self._sleep = clock, sleep
        self._down: dict[str, str] = {}
        self._answered = time.monotonic()
        self._next = 0.0
        self._log = structlog.get_logger("pegbot.jupiter").bind(source=source.name)

    @property
    def detail(self) -> str:
        """How many of Jupiter's swaps were compared with our own quote, and how many differ."""
        return str(self.check)

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """A quote per token and round. Raises :class:`SourceError` when Jupiter cannot be asked."""
        key = self._source.api_key
        headers = {"x-api-key": secret(key).get_secret_value()} if key else {}
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        # Told anew after a pause, whatever it is: the engine may have heard something else meanwhile.
        self._down = {name: UNSURE for name, reason in self._down.items() if reason}
        self._answered = time.monotonic()
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as http:
            while True:
                began = time.monotonic()
                for token, instrument in zip(self._source.tokens, self.instruments, strict=True):
                    for tick in await self._token(http, token, instrument):
                        yield tick
                silent = time.monotonic() - self._answered
                if silent > self._source.silence_seconds:
                    raise SourceSilent(f"no quote of any token for {duration(silent)}")
                await self._sleep(max(0.0, began + self._source.every_seconds - time.monotonic()))

    async def _token(self, http: aiohttp.ClientSession, token: str, instrument: str) -> list[Tick]:
        try:
            sizes = [await self._size(http, token, usd) for usd in sorted(self._source.sizes_usd)]
        except DataError as error:
            return self._status(instrument, "down", error.detail)
        self._answered = time.monotonic()
        first = next(one for one in sizes if one.usd_in >= self._source.sizes_usd[0] * (1 - 1e-9))
        bid, ask = first.usd_out / first.tokens, first.usd_in / first.tokens
        if bid > ask:  # asked one after the other: the price moved in between
            self.check.crossed += 1
            return []
        now = self._clock()
        data = book(sizes)
        quote = Tick(now, instrument, "quote", bid=bid, ask=ask, data=data, received=now)
        return [*self._status(instrument, "up", ""), quote]

    async def _size(self, http: aiohttp.ClientSession, token: str, usd: float) -> Quoted:
        source, (mint, decimals) = self._source, self._mints[token]
        paid = round(usd / source.quote_usd * 10**source.quote_decimals)
        bought = await self._ask(http, source.quote_address, mint, paid)
        sold = await self._ask(http, mint, source.quote_address, bought.amount_out)
        unit = source.quote_usd / 10**source.quote_decimals
        return Quoted(bought.amount_in * unit, bought.amount_out / 10**decimals, sold.amount_out * unit)

    async def _ask(self, http: aiohttp.ClientSession, give: str, take: str, amount: int) -> Answer:
        """One quote. Raises :class:`DataError` where there is none for this token."""
        params = {"inputMint": give, "outputMint": take, "amount": str(amount), "swapMode": "ExactIn"}
        for _ in range(TRIES):
            await self._turn()
            try:
                async with http.get(self._source.url, params=params) as response:
                    status, said, content = response.status, response.headers, await response.read()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise SourceError(f"Jupiter: {str(error) or type(error).__name__}") from None
            self._heed(status, said)
            if status != 429:
                break
        else:
            raise SourceRefused(f"rate-limited {TRIES} times in a row; lower requests_per_second")
        answer = _answer(status, content, amount)
        for swap in answer.swaps:
            found = self.check.compare(swap, answer.slot)
            if found is not None:
                self._log.warning("Jupiter's quote of a pool differs from ours", **found)
        return answer

    async def _turn(self) -> None:
        now = time.monotonic()
        mine = max(now, self._next)
        self._next = mine + 1 / self._source.requests_per_second
        if mine > now:
            await self._sleep(mine - now)

    def _heed(self, status: int, headers: Mapping[str, str]) -> None:
        """No further request before the limit allows it."""
        if status != 429 and headers.get("x-ratelimit-remaining") != "0":
            return
        try:
            wait = max(0.0, float(headers["x-ratelimit-reset"]) - time.time())
        except (KeyError, ValueError):
            wait = (retry_after(headers) or 2.0) if status == 429 else 0.0
        if wait > LONGEST_WAIT_SECONDS:
            raise SourceRefused(f"Jupiter wants no request for {duration(wait)}")
        self._next = max(self._next, time.monotonic() + wait)

    def _status(self, instrument: str, state: str, reason: str) -> list[Tick]:
        if self._down.get(instrument, "") == reason:
            return []
        self._down[instrument] = reason
        data = msgspec.json.encode({"state": state, "reason": reason}).decode()
        now = self._clock()
        return [Tick(now, instrument, "status", data=data, received=now)]


def book(sizes: list[Quoted]) -> str:
    """Sizes, smallest first, as levels: each says what the step from the one before it costs on average.

    A step that is better than the one before (another route, another moment) ends the depth that is claimed.
    """
    sides: dict[str, list[tuple[float, float]]] = {"bids": [], "asks": []}
    for name, better in (("bids", 1), ("asks", -1)):
        usd = tokens = 0.0
        for one in sizes:
            total = one.usd_out if name == "bids" else one.usd_in
            step, more = total - usd, one.tokens - tokens
            price = step / more if step > 0 and more > 0 else 0.0
            levels = sides[name]
            if price <= 0 or (levels and better * (price - levels[-1][0]) > 0):
                break
            levels.append((price, more))
            usd, tokens = total, one.tokens
    return msgspec.json.encode(sides).decode()


def _answer(status: int, content: bytes, amount: int) -> Answer:
    if status in (401, 403):
        raise SourceRefused(f"Jupiter refuses the request (HTTP {status}): check api_key")
    try:
        body = msgspec.json.decode(content)
    except msgspec.DecodeError:
        raise SourceError(f"Jupiter: HTTP {status}, no JSON") from None
    if not isinstance(body, dict) or status >= 500:
        raise SourceError(f"Jupiter: HTTP {status}")
    if status != 200 or not body.get("outAmount") or body["outAmount"] == "0":
        said = body.get("error") or body.get("errorMessage") or body.get("message") or f"HTTP {status}"
        raise DataError("no_route", f"Jupiter quotes nothing: {said}")
    try:
        swaps = [one["swapInfo"] for one in body["routePlan"]]
        if int(body["inAmount"]) != amount:
            raise ValueError(f"inAmount {body['inAmount']} for {amount}")
        return Answer(
            amount,
            int(body["outAmount"]),
            body.get("contextSlot"),
            tuple(
                Swapped(one["ammKey"], one["inputMint"], int(one["inAmount"]), int(one["outAmount"]))
                for one in swaps
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(f"Jupiter: malformed quote: {error!r}") from None


def _mints(source: JupiterSource, registry: Registry) -> dict[str, tuple[str, int]]:
    """Address and decimals on Solana, by symbol. ConfigError for a token that has none."""
    found: dict[str, tuple[str, int]] = {}
    problems = []
    for symbol in source.tokens:
        token = registry.tokens.get(symbol)
        address = None if token is None else token.addresses.get(CHAIN)
        if token is None or address is None:
            problems.append(f"collectors.jupiter[{source.name}].tokens: {symbol!r} has no address on Solana")
            continue
        decimals = token.decimals.get(CHAIN, registry.issuer_of(token).decimals.get(CHAIN, ISSUER_DECIMALS))
        found[symbol] = address, decimals
    if problems:
        raise ConfigError(problems)
    return found
