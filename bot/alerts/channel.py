"""One message service, by its Apprise URL. Sending blocks, so it runs in a thread."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol
from urllib.parse import quote

from bot.config import ChannelSection, secret
from bot.errors import ConfigError
from bot.types import Severity

WITH_HEADERS = ("mailto", "mailtos", "json", "jsons", "form", "forms", "xml", "xmls")
"""Schemes whose messages carry headers: mail programs thread by them, machines tell repeats by them."""


class Channel(Protocol):
    """Where messages go. ``send`` says whether the service took it."""

    name: str

    async def send(self, title: str, body: str, severity: Severity, identity: str, thread: str) -> bool:
        """Deliver one message; False to try again later. Never raises."""


class AppriseChannel:
    """A service of the many Apprise knows: mail, Telegram, Slack, a webhook …"""

    def __init__(self, section: ChannelSection) -> None:
        """Raises :class:`ConfigError` if the URL is none that Apprise understands."""
        self.name = section.name
        url = section.url
        self._url = secret(url).get_secret_value() if url.startswith(("env:", "file:")) else url
        if _instance(self._url) is None:
            raise ConfigError(
                f"alerts.channels[{section.name}].url: not an Apprise URL; as in tgram://TOKEN/CHAT, "
                "by reference: env:NAME or file:PATH"
            )

    async def send(self, title: str, body: str, severity: Severity, identity: str, thread: str) -> bool:
        """See :class:`Channel`."""
        return await asyncio.to_thread(self._send, title, body, severity, identity, thread)

    def _send(self, title: str, body: str, severity: Severity, identity: str, thread: str) -> bool:
        service = _instance(_addressed(self._url, identity, thread))
        if service is None:
            return False
        kind = {"info": "info", "warning": "warning", "critical": "failure"}[severity]
        try:
            return bool(service.notify(body=body, title=title, notify_type=kind))
        except Exception:  # a plug-in's own bug must not end the channel: the message stays in the outbox
            return False


def _instance(url: str) -> Any:
    from apprise import Apprise

    return Apprise.instantiate(url, suppress_exceptions=True)


def _addressed(url: str, identity: str, thread: str) -> str:
    """``url`` with headers for identity and thread, where its scheme has headers."""
    scheme = url.partition("://")[0].lower()
    if scheme not in WITH_HEADERS:
        return url
    headers = {"X-Pegbot-Identity": identity, "X-Pegbot-Thread": thread}
    if scheme.startswith("mailto"):
        headers |= {"References": f"<{thread}@pegbot>", "In-Reply-To": f"<{thread}@pegbot>"}
    extra = "&".join(f"+{name}={quote(value, safe='')}" for name, value in headers.items())
    return f"{url}{'&' if '?' in url else '?'}{extra}"
