"""What is no source of prices, for ``pegbot doctor``: clock, ledger, tape, broker, channels, the web page."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from bot.collectors.endpoint import spelt_out
from bot.config import ChannelSection, Config, ExchangeSource, MqttSection, WebSection
from bot.errors import PegbotError
from bot.findings import Check, Fault
from bot.preflight import REFERENCES, addresses
from bot.timefmt import duration

EXCHANGES = {
    "kraken": "https://api.kraken.com/0/public/Time",
    "bybit": "https://api.bybit.com/v5/market/time",
}
"""Who tells the time, of the exchanges that ccxt knows the address of."""
POOR = 0.4
"""Below so much a reference is named."""
BROKER_SECONDS = 10.0


def services(config: Config) -> Iterator[Check]:
    """What there is to try, in the order of the configuration."""
    urls = [url for _, url, _ in addresses(config.collectors) if url and not url.startswith(REFERENCES)]
    urls += [EXCHANGES[one.exchange] for one in config.collectors.exchange if _asked(one)]
    if urls:
        fix = (
            "Set it: `timedatectl set-ntp true`, or run chrony. Prices are dated by it, and how old they are."
        )
        yield "clock", fix, _clock(urls)
    yield (
        "ledger",
        "Set [ledger] url to a database that is up and may be written.",
        _ledger(config.ledger.url),
    )
    if config.record.path:
        fix = "Set [record] path to where this user may write, or to empty: nothing is recorded then."
        yield "record", fix, _record(config.path(config.record.path))
    if config.mqtt.enabled:
        yield "mqtt", "Start the broker, or correct [mqtt] host, port, user and password.", _mqtt(config.mqtt)
    for channel in config.alerts.channels:
        fix = "Set its url to env:NAME or file:PATH that holds an Apprise URL."
        yield f"alerts {channel.name}", fix, _channel(channel)
    yield "page", "Set [web] host to an address of this machine, and port to 1024 or more.", _page(config.web)


def _asked(one: ExchangeSource) -> bool:
    """Whether it is asked where ccxt knows it, and tells the time there."""
    return one.exchange in EXCHANGES and not one.rest_url


async def _ledger(url: str) -> str:
    from bot.ledger.db import open_database, parse_url, shown

    await (await open_database(url)).dispose()
    return f"{shown(parse_url(url))} can be written"


async def _record(path: Path) -> str:
    """Whether its folder, or the one that it would be made in, can be written to; nothing stays."""
    from bot.collectors.threads import in_thread

    def attempt() -> str:
        folder = path.parent
        there = next(one for one in (folder, *folder.parents) if one.exists())
        try:
            with TemporaryFile(dir=there):
                pass
        except OSError as error:
            raise PegbotError(f"{folder}: cannot be written: {error.strerror or error}") from None
        return f"{folder} can be {'written' if there == folder else 'made'}"

    return await in_thread(attempt)


async def _mqtt(settings: MqttSection) -> str:
    import aiomqtt

    async with aiomqtt.Client(
        settings.host,
        settings.port,
        # Not the bot's own: the broker would throw a running bot out.
        identifier=f"{settings.client_id}-doctor",
        username=settings.username or None,
        password=spelt_out(settings.password) or None,
        tls_params=aiomqtt.TLSParameters() if settings.tls else None,
        timeout=BROKER_SECONDS,
    ):
        return f"{settings.host}:{settings.port} lets us in"


async def _channel(channel: ChannelSection) -> str:
    from bot.alerts.channel import AppriseChannel

    await asyncio.to_thread(AppriseChannel, channel)
    return "the URL is understood; nothing was sent"


async def _clock(urls: list[str]) -> str:
    from bot.collectors.clock_doctor import TOLERATED_SECONDS, offset

    found = await offset(urls)
    if found is None:
        return "not compared: none of the sources that could tell the time has answered"
    hosts = ", ".join(found.hosts)
    if abs(found.seconds) > TOLERATED_SECONDS:
        which = "ahead of" if found.seconds > 0 else "behind"
        raise PegbotError(f"this machine's clock is {duration(abs(found.seconds))} {which} that of {hosts}")
    return f"within {TOLERATED_SECONDS:g} s of that of {hosts}"


async def _running(web: WebSection) -> str | None:
    """What a pegbot that has the port already says of its sources; ``None`` if it is none."""
    from bot.collectors.clock_doctor import status

    said = await status(web.host, web.port)
    if said is None:
        return None
    poor = sorted((one["score"], one["instrument"], one["fault"]) for one in said["references"])
    poor = [one for one in poor if one[0] < POOR]
    if poor:
        what = ", ".join(f"{name} {score:.0%} ({fault})" for score, name, fault in poor[:5])
        fix = "See Feeds on its page; a reference that is poor is heard little, and others take its place."
        raise Fault(f"pegbot {said['version']} runs there; of poor quality: {what}", fix)
    return f"pegbot {said['version']} runs there; references: {len(said['references'])}, none of them poor"


async def _page(web: WebSection) -> str:
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(asyncio.Protocol, web.host or None, web.port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        if (running := await _running(web)) is not None:
            return running
        fix = "Stop the other program or set [web] port; if it is this pegbot, running already, leave it."
        raise Fault(f"port {web.port} of {web.host} is in use", fix) from None
    server.close()
    await server.wait_closed()
    return f"port {web.port} of {web.host} is free" if web.port else "any free port"
