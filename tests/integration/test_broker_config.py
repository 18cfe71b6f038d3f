"""The broker of compose.yaml, with its shipped configuration, takes and keeps what pegbot publishes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt

from tests.fixtures.prometheus import DASHBOARDS, free_port, needs, until


def _config(folder: Path, port: int) -> Path:
    text = (DASHBOARDS / "mosquitto" / "mosquitto.conf").read_text()
    text = text.replace("listener 1883", f"listener {port} 127.0.0.1")
    config = folder / "mosquitto.conf"
    config.write_text(text.replace("/mosquitto/data/", f"{folder}/"))
    folder.chmod(0o777)  # started by root, mosquitto turns into a user of its own
    return config


@asynccontextmanager
async def broker(folder: Path) -> AsyncIterator[int]:
    """Port of a mosquitto with the shipped configuration; only port and folder are changed."""
    port = free_port()
    config = _config(folder, port)
    process = await asyncio.create_subprocess_exec(needs("mosquitto", "mosquitto"), "-c", config)

    async def listening() -> bool:
        assert process.returncode is None, "mosquitto refuses the shipped configuration"
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await writer.wait_closed()
            return True
        return False

    try:
        await until(listening, "mosquitto")
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_a_retained_status_is_given_to_those_who_come_later(tmp_path: Path) -> None:
    async with broker(tmp_path) as port:
        async with aiomqtt.Client("127.0.0.1", port) as bot:
            await bot.publish("pegbot/v1/status/_/tape", b'{"state":"up"}', qos=1, retain=True)
        async with aiomqtt.Client("127.0.0.1", port) as late, asyncio.timeout(10):
            await late.subscribe("pegbot/v1/status/#", qos=1)
            message = await anext(aiter(late.messages))
            assert message.payload == b'{"state":"up"}'


async def test_the_question_of_the_health_check_is_answered(tmp_path: Path) -> None:
    async with broker(tmp_path) as port, aiomqtt.Client("127.0.0.1", port) as asker, asyncio.timeout(10):
        await asker.subscribe("$SYS/broker/version")
        message = await anext(aiter(asker.messages))
        assert b"mosquitto" in bytes(message.payload)
