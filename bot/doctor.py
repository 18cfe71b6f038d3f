"""``pegbot doctor``: try every configured source and service once, and say what to do about each fault."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from bot.collectors.endpoint import spelt_out
from bot.collectors.stocks_doctor import checks as stocks_checks
from bot.config import (
    Config,
    EvmSource,
    ExchangeSource,
    JupiterSource,
    PythSource,
    SolanaSource,
    TapeSource,
    XStocksSource,
    YahooSource,
)
from bot.doctor_services import services
from bot.errors import DataError, PegbotError, SourceRefused, TapeError
from bot.findings import REFUSED, Check, Fault, Finding, remedy
from bot.logs import redact, redactor
from bot.preflight import secrets
from bot.registry import Registry
from bot.timefmt import duration, short
from bot.types import Tick

SECONDS = 10.0
"""For each attempt; all are made at once."""
POLLED_SECONDS = 7.0
"""After so long no further symbol is asked for: Yahoo answers."""


CHECKED = (
    "tape", "evm", "solana", "jupiter", "exchange", "yahoo", "pyth", "chainlink", "robinhood", "xstocks",
    "ondo", "mystonks", "alpaca", "ibkr", "yahoo_options", "alpaca_options",
)  # fmt: skip
"""Kinds of sources that have a check of their own here."""
ITS_OWN_WORDS = ("tape", "evm", "solana", "yahoo")
"""Kinds whose check tells itself what is not in the registry, beside what else it finds."""


async def examine(config: Config, registry: Registry) -> list[Finding]:
    """Try all at once, each for at most ten seconds; findings in the order of the configuration.

    No message is sent, and nothing written except an empty ledger where there was none. Secrets are masked.
    """
    foreseen = _foreseen(config, registry)
    checks = [*_sources(config, registry), *_rest(config, registry), *services(config)]
    found = await asyncio.gather(*(_attempt(check, foreseen.get(check[0], [])) for check in checks))
    hide = redactor(secrets(config))
    return [msgspec.convert(hide(None, "", msgspec.structs.asdict(one)), Finding) for one in found]


def _foreseen(config: Config, registry: Registry) -> dict[str, list[str]]:
    """By name of the source, what can be known to be wrong with it before it is asked."""
    from bot.collectors.factory import problems

    found: dict[str, list[str]] = {}
    for problem in problems(config, registry):
        of = re.match(r"collectors\.(\w+)\[(.*?)\]\.", problem)
        if of is not None and of[1] not in ITS_OWN_WORDS:
            found.setdefault(of[2], []).append(problem[of.end() :])
    return found


def _rest(config: Config, registry: Registry) -> Iterator[Check]:
    """Sources that have no check of their own: the first thing each says."""
    known = tuple(getattr(config.collectors, kind) for kind in CHECKED)
    for source in config.collectors.every:
        if not any(source in one for one in known):
            fix = "Check its address, its key and this machine's way there."
            yield source.name, fix, _first_words(config, source.name, registry)


def _sources(config: Config, registry: Registry) -> Iterator[Check]:
    for tape in config.collectors.tape:
        yield tape.name, "Set its path to a tape; `pegbot simulate` makes one.", _tape(config, tape)
    for evm in config.collectors.evm:
        fix = "Check the address, its key and this machine's way there, or give another endpoint in urls."
        for url in evm.urls:
            yield f"{evm.name} {redact(url)}", fix, _evm(evm, url, registry)
    for solana in config.collectors.solana:
        fix = "Check the address, its key and this machine's way there, or give another endpoint in urls."
        for number, url in enumerate(solana.urls):
            yield f"{solana.name} {redact(url)}", fix, _solana(solana, number, registry)
    for jupiter in config.collectors.jupiter:
        fix = "Check its url, its api_key and this machine's way there."
        yield jupiter.name, fix, _jupiter(jupiter, registry)
    for exchange in config.collectors.exchange:
        fix = "Check this machine's way to the exchange, and that the exchange serves your country."
        yield exchange.name, fix, _exchange(exchange, registry)
    for yahoo in config.collectors.yahoo:
        fix = "Check this machine's way to Yahoo: network, DNS, proxy, firewall."
        yield f"{yahoo.name} socket", fix, _yahoo_socket(yahoo)
        yield f"{yahoo.name} polling", fix, _yahoo_polling(yahoo, registry)
    yield from stocks_checks(config.collectors)
    for pyth in config.collectors.pyth:
        fix = "Check its url and api_key; take feeds out that the key is not entitled to."
        yield pyth.name, fix, _pyth(pyth, registry)
    fix = "Check the address, its key and this machine's way there, or give another endpoint in urls."
    for name in [one.name for one in config.collectors.chainlink] + [
        one.name for one in config.collectors.robinhood
    ]:
        yield name, fix, _first_words(config, name, registry)
    for issuer in config.collectors.xstocks:
        fix = (
            "Check its url and this machine's way there; or correct the tokens it names, or take them out "
            "of tokens."
        )
        yield issuer.name, fix, _xstocks(issuer, registry)
    fix = "Check its url, its api_key and this machine's way there."
    for name in [one.name for one in config.collectors.ondo] + [
        one.name for one in config.collectors.mystonks
    ]:
        yield name, fix, _first_words(config, name, registry)


async def _attempt(check: Check, foreseen: list[str]) -> Finding:
    name, fix, attempt = check
    if foreseen:
        attempt.close()
        fix = "Correct it there or in the registry; `pegbot check` tells all mistakes of this kind at once."
        return Finding(name, False, "; ".join(foreseen), fix)
    try:
        async with asyncio.timeout(SECONDS):
            return Finding(name, True, await attempt)
    except TimeoutError:
        return Finding(name, False, f"no answer within {SECONDS:g} s", fix)
    except Fault as error:
        return Finding(name, False, str(error), error.fix)
    except PegbotError as error:
        refused = REFUSED if isinstance(error, SourceRefused) else fix
        return Finding(name, False, str(error), remedy(str(error), refused))
    except ModuleNotFoundError as error:
        fix = "Install what live sources need: pip install 'pegbot[live]'."
        return Finding(name, False, f"{error.name} is not installed", fix)
    except Exception as error:  # whatever a library raises: it is what the user wants to know
        cause = error.__cause__ or error
        told = f"{type(cause).__name__}: {cause}"
        return Finding(name, False, told, remedy(told, fix))


async def _tape(config: Config, source: TapeSource) -> str:
    from bot import tape
    from bot.collectors.threads import in_thread

    def first() -> str:
        bad: list[TapeError] = []
        tick = next(tape.read(config.path(source.path), on_bad=bad.append), None)
        if tick is None:
            why = f"; first {bad[0]}" if bad else ""
            fix = "Name another file, or repair this one: `pegbot replay` lists what is wrong with it."
            raise Fault(f"{source.path}: no usable tick{why}", fix)
        return f"begins with {tick.instrument} at {short(tick.ts)} UTC"

    return await in_thread(first)


async def _evm(source: EvmSource, url: str, registry: Registry) -> str:
    from bot.collectors.evm_doctor import mistakes
    from bot.collectors.evm_web3 import AsyncWeb3, WebSocketProvider

    async with AsyncWeb3(WebSocketProvider(spelt_out(url), max_connection_retries=1)) as web3:
        chain_id = await web3.eth.chain_id
        if chain_id != source.chain_id:
            fix = f"Give an endpoint of chain {source.chain_id}, or correct chain_id."
            raise Fault(f"chain {chain_id}, not {source.chain_id}", fix)
        head = await web3.eth.get_block("latest")
        age = time.time() - head["timestamp"]
        if age > source.silence_seconds:
            fix = "The node is behind: wait until it has caught up, or give another endpoint in urls."
            raise Fault(f"the head, block {head['number']}, is {duration(age)} old", fix)
        for instrument in source.pools:
            await _has_code(web3, source, instrument, registry)
    wrong = await mistakes(spelt_out(url), [registry.pools[name] for name in source.pools], registry)
    if wrong:
        raise Fault("; ".join(wrong), "Correct these entries of the registry, or remove them from pools.")
    return f"chain {chain_id}, block {head['number']}, {duration(age)} old; pools found: {len(source.pools)}"


async def _has_code(web3: Any, source: EvmSource, instrument: str, registry: Registry) -> None:
    pool = registry.pools.get(instrument)
    chain = registry.chains.get(pool.chain) if pool is not None else None
    if pool is None or chain is None or chain.chain_id != source.chain_id:
        fix = "Add it to the [[pools]] of the registry, or remove it from pools."
        raise Fault(f"{instrument} is no pool of chain {source.chain_id} in the registry", fix)
    address = pool.manager or pool.address
    if not await web3.eth.get_code(web3.to_checksum_address(address)):
        raise Fault(f"no contract at {address} ({instrument})", "Correct its address in the registry.")


async def _solana(source: SolanaSource, number: int, registry: Registry) -> str:
    from bot.collectors.solana_doctor import look

    seen, wrong = await look(source, number, registry)
    if wrong:
        fix = "Correct these entries of the registry; a pool that is paused or closed may also be taken out."
        raise Fault("; ".join(wrong), fix)
    return seen


async def _jupiter(source: JupiterSource, registry: Registry) -> str:
    from bot.collectors.jupiter import JupiterCollector

    ticks = JupiterCollector(source, registry).ticks()
    try:
        tick = await anext(ticks)
    finally:
        await ticks.aclose()
    if tick.kind == "status":
        raise Fault(
            f"{tick.instrument}: {tick.data}", "Take the token out of tokens, or correct its address."
        )
    return f"{tick.instrument} {tick.bid:,.2f} to {tick.ask:,.2f} USD for {source.sizes_usd[0]:,.0f}"


async def _exchange(source: ExchangeSource, registry: Registry) -> str:
    from bot.collectors.exchange_doctor import look

    seen, wrong = await look(source, registry)
    if wrong:
        fix = "Correct these markets, or take them out; one that is halted comes back by itself."
        raise Fault("; ".join(wrong), fix)
    return seen


async def _yahoo_socket(source: YahooSource) -> str:
    from bot.collectors.yahoo_parse import yahoo_symbol
    from bot.collectors.yahoo_stream import Stream

    stream = Stream(source.stream_url, [yahoo_symbol(ticker) for ticker in source.symbols])
    try:
        await stream.open()
    finally:
        await stream.close()
    return "connected and subscribed"


async def _yahoo_polling(source: YahooSource, registry: Registry) -> str:
    from bot.collectors.yahoo_parse import from_bar, yahoo_symbol
    from bot.collectors.yahoo_poll import Poller

    unknown = [ticker for ticker in source.symbols if ticker not in registry.underlyings]
    if unknown:
        fix = "Add them to the [[underlyings]] of the registry, or remove them from symbols."
        raise Fault(f"not in the registry: {', '.join(unknown)}", fix)
    poller = Poller(source.query_url)
    began = time.monotonic()
    seen: list[Tick] = []
    wrong: list[str] = []
    for ticker in source.symbols:
        if seen and time.monotonic() - began > POLLED_SECONDS:
            break
        symbol = yahoo_symbol(ticker)
        try:
            seen.append(from_bar(symbol, await poller.last(symbol), {symbol: ticker}, time.time_ns()))
        except DataError as error:
            wrong.append(f"{ticker}: {error.detail}")
    if wrong:
        raise Fault("; ".join(wrong), "Correct these symbols, or remove them: Yahoo has no price of them.")
    first = seen[0]
    asked = f"{len(seen)} of {len(source.symbols)} symbols asked for"
    return f"{first.instrument} {first.price:,.2f} USD at {short(first.ts)} UTC; {asked}"


async def _pyth(source: PythSource, registry: Registry) -> str:
    from bot.collectors.pyth_doctor import examine as look

    return await look(source, registry)


async def _xstocks(source: XStocksSource, registry: Registry) -> str:
    from bot.collectors.issuer_doctor import xstocks

    return await xstocks(source, registry)


async def _first_words(config: Config, name: str, registry: Registry) -> str:
    """Of the source of this name, as the daemon would run it."""
    from bot.collectors.factory import build
    from bot.collectors.issuer_doctor import first_words

    sources = config.collectors
    alone = {
        kind: [one for one in value if one.name == name]
        for kind, value in sources
        if isinstance(value, list) and value
    }
    only = config.model_copy(update={"collectors": sources.model_copy(update=alone)})
    return await first_words(build(only, registry)[0])
