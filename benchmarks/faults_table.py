"""What the fault bench saw, as a page for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.fixtures.fault_trial import FROM_THE_START, Outcome

HEAD = """# Sources and faults

What each source shows while its server, its line or a clock is broken. Written by
`python -m benchmarks faults`: every source of pegbot, its real client library and all, behind a proxy that
breaks what passes, on loopback, beside another source in the same process, into an engine. Settings are shortened so
that it takes minutes: silence counts after 1.5 s (of exchanges 3 s) instead of 20 to 120 s, retries come after 0.1 to 1 s instead of 0.5
to 60 s; times that are built in are as shipped (10 to 20 s for a request over HTTP that is not answered, half a minute
to one minute after a refusal).

- **noticed**: seconds until the feed was `down` or `silent`, or a datum was set aside; a dash: nothing was.
- **back**: seconds from the fault's end to the next price.
- **lost**: prices that the server had, from the fault's beginning until it was over, and that were never told, of all;
  a source that asks gets one in some even when all is well (*none*).
- **wrong**: prices shown that the server never had. **older**: shown after a later one; it can happen where neither a time
  nor a number says that an answer was overtaken: a quote of xStocks, a context of Hyperliquid, the first snapshot of
  Binance until the next difference.
- **kept**, **processor**: memory that was more at the fault's end, and processor time of everything in the process,
  servers included, as part of one core.
- **other**: how long a tick of the other source, fifty a second, was kept from the engine at most, by processor time
  that went by in this process meanwhile; and by the clock, whatever else the machine did.
"""  # noqa: E501  # Markdown


def page(outcomes: Sequence[Outcome], seconds: float) -> str:
    """Markdown."""
    return "\n".join([HEAD, *_summary(outcomes, seconds), *_whole(outcomes), *_each(outcomes)]) + "\n"


def _summary(outcomes: Sequence[Outcome], seconds: float) -> Iterator[str]:
    found = [one for one in outcomes if one.fault not in FROM_THE_START]
    lost = [one for one in found if one.back is None]
    yield (
        f"{len(outcomes)} trials in {seconds / 60:.0f} minutes: {sum(one.wrong for one in outcomes)} wrong "
        f"prices; {len(found) - len(lost)} of {len(found)} sources came back by themselves"
        + (": not " + ", ".join(f"{one.source} after {one.fault}" for one in lost) if lost else "")
        + f"; at most {max(one.processor for one in outcomes):.0%} of a core and "
        f"{max(one.memory for one in outcomes) / 1024:.1f} MiB more; the other source was held up by "
        f"{max(one.held for one in outcomes) * 1000:.0f} ms of processor time at worst.\n"
    )


def _whole(outcomes: Sequence[Outcome]) -> Iterator[str]:
    sources = list(dict.fromkeys(one.source for one in outcomes))
    faults = list(dict.fromkeys(one.fault for one in outcomes))
    by = {(one.source, one.fault): one for one in outcomes}
    yield "## Noticed and back, in seconds\n"
    yield f"| fault | {' | '.join(sources)} |"
    yield "|---" * (len(sources) + 1) + "|"
    for fault in faults:
        cells = []
        for source in sources:
            one = by.get((source, fault))
            back = "" if one is None or fault in FROM_THE_START else f", {_seconds(one.back, 'never')}"
            cells.append("" if one is None else f"{_seconds(one.noticed)}{back}")
        yield f"| {fault} | {' | '.join(cells)} |"
    yield ""
    yield (
        "A name that is not there and a certificate that is not trusted last from the beginning on; once\n"
        "they are put right, the next attempt succeeds as after *refused*. The clock that is wrong is ours.\n"
    )


def _each(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for source in dict.fromkeys(one.source for one in outcomes):
        yield f"## {source}\n"
        yield "| fault | shown | noticed | back | lost | wrong | older | kept | processor | other |"
        yield "|---|---|---|---|---|---|---|---|---|---|"
        for one in outcomes:
            if one.source != source:
                continue
            from_start = one.fault in FROM_THE_START
            back = "" if from_start else _seconds(one.back, "never")
            lost = "" if from_start else f"{one.lost} of {one.moves}"
            yield (
                f"| {one.fault} | {_words(one)} | {_seconds(one.noticed)} | {back} | {lost} | {one.wrong} | "
                f"{one.older} | {one.memory:.0f} KiB | {one.processor:.0%} | "
                f"{one.held * 1000:.0f} / {one.late * 1000:.0f} ms |"
            )
        yield ""


def _seconds(value: float | None, absent: str = "–") -> str:
    return absent if value is None else f"{value:.1f}"


def _words(one: Outcome) -> str:
    text = one.ended or one.showed or "prices go on"
    return " ".join(text.replace("|", "/").split())[:110]
