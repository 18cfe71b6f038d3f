"""What ``pegbot doctor`` says of one thing tried, and what to do about faults that any of them may have."""

from __future__ import annotations

import re
from collections.abc import Coroutine
from typing import Any

from msgspec import Struct

from bot.errors import PegbotError

REFUSED = "It said no: check key and entitlement, and that it serves your country."
REMEDIES = (
    (r"rate-limited|wants no request|HTTP 429",
     "It limits how often it is asked: wait an hour, then ask less often, or with a key of your own."),
    (r"environment variable \S+ is not set",
     "Set it before pegbot is started (`export NAME=value`), or name another by env:NAME or file:PATH."),
    (r"CERTIFICATE_VERIFY_FAILED|certificate",
     "Its certificate is not accepted: check this machine's clock, its CA certificates, any proxy between."),
    (r"[Nn]ame or service not known|[Cc]ould not resolve|[Nn]ame resolution|nodename nor servname"
     r"|getaddrinfo|No address assoc",
     "Its name cannot be looked up: check the host in its url, and this machine's DNS."),
)  # fmt: skip
"""What to do about faults that any source may have, by the words of each."""


class Finding(Struct, frozen=True):
    """One thing tried: what was seen and, where that is not ``ok``, what to do about it."""

    source: str
    ok: bool
    what: str
    fix: str = ""


class Fault(PegbotError):
    """What was tried is not as it should be; ``fix`` replaces the general remedy."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.fix = fix


Check = tuple[str, str, Coroutine[Any, Any, str]]
"""Name, general remedy, and what tells what was seen or raises."""


def remedy(what: str, otherwise: str) -> str:
    """What to do about faults that any source may have, known by their words."""
    return next((fix for words, fix in REMEDIES if re.search(words, what)), otherwise)
