"""What a configuration amounts to, and what the doctor found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.console.terminal import emit, say, show, styled, table_of

if TYPE_CHECKING:
    from bot.config import Config
    from bot.findings import Finding
    from bot.registry import Registry


def findings(found: Sequence[Finding], as_json: bool) -> None:
    """What ``pegbot doctor`` found, the fix beside each fault."""
    if as_json:
        emit([{"source": f.source, "ok": f.ok, "what": f.what, "fix": f.fix} for f in found])
        return
    table = table_of("", "", "source", "what", "what to do")
    for f in found:
        table.add_row(styled("ok", "green") if f.ok else styled("no", "red"), f.source, f.what, f.fix)
    show(table)


def checked(path: Path, config: Config, registry: Registry, as_json: bool) -> None:
    """What a valid configuration amounts to."""
    sources = [one.name for one in config.collectors.every]
    if as_json:
        emit({"ok": True, "config": str(path), "sources": sources, "tokens": len(registry.tokens)})
        return
    say(styled(f"{path} is valid", "green"))
    say(f"  sources    {', '.join(sources) or 'none'}")
    counts = (len(registry.tokens), len(registry.venues), len(registry.pools))
    say("  registry   {} tokens, {} venues, {} pools".format(*counts))
    say(f"  execution  {config.execution.mode}")
    say(f"  page       http://{config.web.host}:{config.web.port}")
