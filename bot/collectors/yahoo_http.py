"""The HTTP session given to yfinance: every request within a deadline, and to the configured endpoint.

Imported only where it is used: it needs curl_cffi, which yfinance uses to look like a browser.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from curl_cffi.requests import Response, Session

DEFAULT_QUERY_URL = "https://query2.finance.yahoo.com"
REQUEST_SECONDS = 10.0


class YahooSession(Session[Response]):
    """As yfinance makes its own, plus two things.

    ``deadline`` (monotonic seconds): a request after it fails at once, and none lasts beyond it. yfinance
    makes up to six requests for one price (time zone, cookie, crumb, consent, chart, chart again).
    With another ``query_url`` than Yahoo's, requests to any host of yahoo.com go there, paths kept, so that
    a proxy or a test serves them all. ``status`` is that of the last answer, 0 if none came.
    """

    def __init__(self, query_url: str) -> None:
        super().__init__(impersonate="chrome")
        self.deadline = float("inf")
        self.status = 0
        base = query_url.rstrip("/")
        self._target = None if base == DEFAULT_QUERY_URL else urlsplit(base)

    def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Response:
        """As the base class. Raises ``TimeoutError`` after the deadline."""
        self.status = 0
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("out of time")
        kwargs["timeout"] = min(left, REQUEST_SECONDS)
        response = super().request(method, self.address(url), *args, **kwargs)
        self.status = response.status_code
        return response

    def address(self, url: str) -> str:
        """Where a request to ``url`` goes."""
        parts = urlsplit(url)
        if self._target is None or not (parts.hostname or "").endswith("yahoo.com"):
            return url
        path = self._target.path + parts.path
        return urlunsplit((self._target.scheme, self._target.netloc, path, parts.query, ""))
