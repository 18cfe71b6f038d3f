"""The page as people see it: a real Chromium, on a real server, over a hand-made market."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import log
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from msgspec.structs import replace
from playwright.async_api import Browser, Locator, Page, expect

from bot.timefmt import NS
from bot.types import Command
from bot.web.app import create_app
from bot.web.replica import Replica
from bot.web.server import serve
from tests.fixtures.browser import Watched, chromium, visit
from tests.unit.web import world

# One browser for all of them: starting it takes longer than any test.
pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 780}


class Bot:
    """A pegbot without an engine: a replica, a server, and the commands people gave."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.commands: list[Command] = []
        self.ready = (True, "")
        self.url = ""
        self._task: asyncio.Task[None] | None = None

    async def start(self, port: int = 0) -> None:
        app = create_app(
            self.replica,
            metrics_text=lambda: b"",
            ready=lambda: self.ready,
            ledger=world.ledger,
            depth=world.depth,
            commands=self.obey,
            version="0.1.0",
            notice="Simulated data: not a market.",
            poll_seconds=0.05,
        )
        started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(serve(app, "127.0.0.1", port, started=started.set_result))
        self.url = await started

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def obey(self, command: Command) -> None:
        """What the engine would do with it."""
        self.commands.append(command)
        incident = self.replica.incidents[command.target]
        changes: dict[str, Any] = {"muted_until": command.until}
        if command.verb == "acknowledge":
            changes = {"acknowledged_by": command.by}
        self.replica.apply(replace(incident, phase="update", **changes), command.ts)


@pytest.fixture(scope="module")
def history() -> list[Any]:
    return list(world.messages())


@pytest_asyncio.fixture(loop_scope="module")
async def bot(history: list[Any]) -> AsyncIterator[Bot]:
    replica = Replica()
    for message in history:
        replica.apply(message, getattr(message, "ts", world.END))
    made = Bot(replica)
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as made:
        yield made


@asynccontextmanager
async def opened(browser: Browser, bot: Bot, **options: Any) -> AsyncIterator[Watched]:
    async with visit(browser, bot.url, **{**DESK, **options}) as watched:
        await expect(watched.page.locator("main")).to_be_visible()
        await expect(watched.page.locator("#link-text")).to_have_text("live")
        if bot.replica.instruments:
            await watched.page.wait_for_selector("path.premium[d^=M]", state="attached")
        yield watched


def row(page: Page, instrument: str) -> Locator:
    token, _, venue = instrument.partition("@")
    return page.get_by_role("row").filter(has=page.get_by_role("button", name=f"{token} {venue}", exact=True))


def contrast(first: str, second: str) -> float:
    """WCAG contrast of two ``rgb(…)`` colours."""

    def luminance(text: str) -> float:
        parts = [float(part) / 255 for part in text[text.index("(") + 1 : -1].split(",")[:3]]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


TALL = """cells => cells.filter(cell => cell.offsetHeight > 90 && cell.offsetWidth < 60)
                       .map(cell => cell.textContent)"""
"""Cells higher than four lines and narrower than one word."""

SIZES = [
    pytest.param(size, theme, id=f"{name}-{theme}")
    for name, size in (("desk", DESK), ("tablet", {"width": 820, "height": 1100}), ("phone", PHONE))
    for theme in ("light", "dark")
]


@pytest.mark.parametrize(("size", "theme"), SIZES)
async def test_it_is_whole_on_every_screen_in_both_themes(
    browser: Browser, bot: Bot, tmp_path: Path, size: dict[str, int], theme: Literal["light", "dark"]
) -> None:
    async with opened(browser, bot, **size, theme=theme) as watched:
        page = watched.page
        await watched.shot(tmp_path / "page.png")
        assert await watched.overflow() <= 0
        assert watched.problems == []
        tall = await page.eval_on_selector_all("td", TALL)
        assert tall == [], "no cell is so narrow that its words are broken letter by letter"
        for selector in ("h1", ".lede", ".why", ".since", ".market td.premium", ".market td.band", ".state",
                         ".tag", "#feeds small", ".hint", ".figures-list dt", ".suggest p"):  # fmt: skip
            colours = await page.eval_on_selector_all(selector, COLOURS)
            for ink, ground in colours:
                assert contrast(ink, ground) >= 4.5, (selector, ink, ground)


COLOURS = """nodes => nodes.filter(node => node.checkVisibility()).map(node => {
  const solid = n => { for (; n; n = n.parentElement) {
    const c = getComputedStyle(n).backgroundColor;
    if (!c.startsWith('rgba')) return c;
  } return 'rgb(255, 255, 255)'; };
  return [getComputedStyle(node).color, solid(node)];
})"""


async def test_the_first_screen_says_what_is_happening_now(browser: Browser, bot: Bot) -> None:
    async with opened(browser, bot) as watched:
        page = watched.page
        await expect(page.get_by_role("heading", level=1)).to_have_text("2 open incidents")
        await expect(page.locator("#notice")).to_have_text("Simulated data: not a market.")
        await expect(page.locator("#time-utc")).to_have_text("Sat 5 Jul 2025 17:34:00")
        await expect(page.locator("#session")).to_have_text("weekend")
        card = page.locator(f"#card-{world.SPIKE.id}")
        await expect(card).to_be_in_viewport()
        for text in ("critical", "AMZNx", "8\u202fmin", "+300.0\u202f%", "worst ×106", "$31.46", "No trade."):
            await expect(card).to_contain_text(text)
        await expect(card).to_contain_text(world.SPIKE.explanation)
        drift = page.locator(f"#card-{world.DRIFT.id}")
        await expect(drift).to_contain_text(
            "Mint and sell for $14,250: +$57.20 expected, \u2212$212.40 at worst (traded)."
        )


async def test_missing_stale_and_fine_look_different_and_say_so(browser: Browser, bot: Bot) -> None:
    async with opened(browser, bot) as watched:
        page = watched.page
        unpriced, stale = row(page, world.UNPRICED), row(page, world.DEAD)
        await expect(unpriced).to_contain_text("no fair value")
        await expect(unpriced.locator("td.premium")).to_have_text("–")
        await expect(stale.locator(".state")).to_have_text("stale")
        await expect(stale.locator(".age")).to_have_class("num age old")
        await expect(row(page, "AMZNx@kraken").locator(".state")).to_have_text("in range")


async def test_an_incident_appears_by_itself_and_is_announced(browser: Browser, bot: Bot) -> None:
    async with opened(browser, bot) as watched:
        page = watched.page
        fresh = replace(
            world.SPIKE, id="NVDAx-new", instrument="NVDAx@bybit", underlying="NVDA", opened=world.END + NS,
            last_seen=world.END + NS, explanation="NVDAx on bybit at $190.00 is +19.2 %.", basis=log(1.192),
        )  # fmt: skip
        table = await page.locator("#instruments").bounding_box()
        bot.replica.apply(fresh, world.END + NS)
        await expect(page.locator("#card-NVDAx-new")).to_contain_text("NVDAx on bybit at $190.00")
        await expect(page.locator("#urgent")).to_have_text(
            "New incident, critical: NVDAx on bybit at $190.00 is +19.2 %."
        )
        await expect(page.get_by_role("heading", level=1)).to_have_text("3 open incidents")
        await expect(page).to_have_title("(3) pegbot")
        assert await page.locator("#instruments").bounding_box() == table

        later = world.END + 2 * NS
        bot.replica.apply(replace(fresh, phase="resolve", resolved=later, last_seen=later), later)
        await expect(page.locator("#card-NVDAx-new")).to_have_count(0)
        await expect(page.locator("#recent-body tbody tr").first).to_contain_text("NVDAx on bybit")
        await expect(page.locator("#polite")).to_have_text("Resolved: NVDAx on bybit.")
        assert watched.problems == []


async def test_prices_move_without_a_reload(browser: Browser, bot: Bot) -> None:
    async with opened(browser, bot) as watched:
        cells = row(watched.page, "AMZNx@kraken")
        latest = bot.replica.instruments["AMZNx@kraken"]
        bot.replica.apply(
            replace(latest, ts=world.END + NS, price=301.25, basis=0.3, state="pending"), world.END + NS
        )
        await expect(cells.locator(".price")).to_have_text("$301.25")
        await expect(cells.locator("td.premium")).to_have_text("+35.0\u202f%")
        await expect(cells.locator(".state")).to_have_text("confirming")
        await expect(watched.page.locator("#time-utc")).to_have_text("Sat 5 Jul 2025 17:34:01")


async def test_how_good_each_reference_is_shows_the_worst_first_and_follows(
    browser: Browser, bot: Bot
) -> None:
    async with opened(browser, bot) as watched:
        rows = watched.page.locator("#references-list li")
        await expect(rows.locator("b")).to_have_text(["AMZN@chainlink", "AMZN@pyth", "AMZN@yahoo"])
        await expect(rows.nth(1).locator(".is")).to_have_text("frozen")
        more = rows.nth(1).locator("small")
        for fact in (
            "quality 21\u202f%",
            "weight 7\u202f%",
            "78\u202f% frozen",
            "3\u202fs ahead",
            "0.6\u202f% from the others",
        ):
            await expect(more).to_contain_text(fact)
        await expect(watched.page.locator("#feeds-list")).to_contain_text("quality 97\u202f%")
        better = replace(bot.replica.references["AMZN@pyth"], ts=world.END + NS, score=1.0, fault="")
        bot.replica.apply(better, world.END + NS)
        await expect(rows.locator("b")).to_have_text(["AMZN@chainlink", "AMZN@yahoo", "AMZN@pyth"])


async def test_acknowledge_and_mute_reach_the_bot_and_show(browser: Browser, bot: Bot) -> None:
    async with opened(browser, bot) as watched:
        page = watched.page
        card = page.locator(f"#card-{world.SPIKE.id}")
        await card.get_by_role("button", name="Acknowledge: AMZNx").click()
        await expect(card).to_contain_text("Acknowledged by page.")
        await card.get_by_role("button", name="Mute 1 h: AMZNx").click()
        await expect(card).to_contain_text("Messages muted until Sat 18:34 UTC.")
        await card.get_by_role("button", name="Unmute: AMZNx").click()
        await expect(card.get_by_text("muted until")).to_have_count(0)
        assert [command.verb for command in bot.commands] == ["acknowledge", "mute", "unmute"]
        assert watched.problems == []


async def test_a_refused_command_says_why_on_its_card(browser: Browser, bot: Bot) -> None:
    def refuse(_: Command) -> None:
        raise asyncio.QueueFull

    async with opened(browser, bot) as watched:
        bot.obey = refuse  # type: ignore[method-assign]
        await bot.stop()
        await bot.start(int(bot.url.rsplit(":", 1)[1]))
        await expect(watched.page.locator("#link-text")).to_have_text("live")
        card = watched.page.locator(f"#card-{world.SPIKE.id}")
        await card.get_by_role("button", name="Acknowledge").click()
        await expect(card.get_by_role("alert")).to_have_text("pegbot is busy; try again in a moment")


async def test_everything_can_be_done_from_the_keyboard(browser: Browser, bot: Bot) -> None:
    async with opened(browser, bot) as watched:
        page = watched.page
        await page.keyboard.press("Tab")
        await expect(page.locator(":focus")).to_have_text("Skip to open incidents")
        await expect(page.locator(":focus")).to_be_in_viewport()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await expect(page.locator(":focus")).to_contain_text("AMZNx")
        outline = await page.eval_on_selector(":focus", "node => getComputedStyle(node).outlineStyle")
        assert outline == "solid"

        await page.get_by_role("button", name="AAPLon uniswap:0x14c3ab").focus()
        await page.keyboard.press("End")
        await expect(page.locator(":focus")).to_contain_text("TSLAx")
        await expect(page.locator("#picture-title")).to_have_text("TSLAx raydium:8aDaBQkT")
        await page.keyboard.press("ArrowUp")
        await expect(page.locator("#picture-title")).to_have_text("TSLAx kraken")
        assert await page.locator(".market td button[tabindex='0']").count() == 1

        await page.locator(".frame").focus()
        await page.keyboard.press("Home")
        await expect(page.locator(".readout")).to_contain_text("2 Jul")
        await page.keyboard.press("End")
        await expect(page.locator(".readout")).to_contain_text("5 Jul 17:34:00 UTC")
        await expect(page.locator(".readout")).to_have_attribute("aria-live", "polite")

        await page.get_by_role("button", name="Details: AMZNx").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_contain_text("AMZNx@kraken, AMZNx@raydium:6m5aXAve stood")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(page.locator(":focus")).to_have_text("Details")


async def test_a_plan_is_explained_on_demand(browser: Browser, bot: Bot, tmp_path: Path) -> None:
    async with opened(browser, bot) as watched:
        page = watched.page
        await page.get_by_role("button", name=f"Explain the plan for {world.DRIFTED}").click()
        panel = page.locator(".more:not([hidden])")
        await expect(panel.locator(".prose")).to_contain_text("AAPLx")
        await expect(panel).to_contain_text("short 66 AAPL at the open")
        await expect(panel.locator("tbody tr")).to_have_count(2)
        await watched.shot(tmp_path / "plan.png")
        assert await watched.overflow() <= 0
        assert watched.problems == []


async def test_a_message_can_point_at_one_incident(browser: Browser, bot: Bot) -> None:
    bot.url += f"/#incident={world.PAST.id}"
    async with opened(browser, bot) as watched:
        dialog = watched.page.get_by_role("dialog")
        await expect(dialog).to_contain_text("TSLAx on raydium:8aDaBQkT")
        await expect(dialog).to_contain_text("resolved")


async def test_words_are_explained_where_they_stand(browser: Browser, bot: Bot) -> None:
    async with opened(browser, bot) as watched:
        page = watched.page
        await page.get_by_text("Premium", exact=True).focus()
        await expect(page.get_by_role("tooltip")).to_contain_text("above (+) or below")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("tooltip")).to_be_hidden()


async def test_the_filter_leaves_what_matches(browser: Browser, bot: Bot) -> None:
    async with opened(browser, bot) as watched:
        page = watched.page
        await page.get_by_role("searchbox").fill("spy")
        await expect(page.locator(".market td button")).to_have_count(3)
        await expect(page.locator("#instruments-count")).to_have_text("3 of 19")


async def test_a_lost_connection_is_shown_and_recovered(browser: Browser, bot: Bot, tmp_path: Path) -> None:
    async with opened(browser, bot) as watched:
        page = watched.page
        port = int(bot.url.rsplit(":", 1)[1])
        await bot.stop()
        await expect(page.locator("#link-text")).to_have_text("no connection")
        await expect(page.locator("#trouble")).to_contain_text(
            "What you see is from Sat 5 Jul 2025 17:34:00 UTC."
        )
        await watched.shot(tmp_path / "lost.png", full=False)
        latest = bot.replica.instruments["AMZNx@kraken"]
        bot.replica.apply(replace(latest, ts=world.END + NS, price=199.0), world.END + NS)
        await bot.start(port)
        await expect(page.locator("#link-text")).to_have_text("live")
        await expect(page.locator("#trouble")).to_be_hidden()
        await expect(row(page, "AMZNx@kraken").locator(".price")).to_have_text("$199.00")


async def test_a_bot_that_is_up_but_not_fed_says_so(browser: Browser, bot: Bot) -> None:
    async with opened(browser, bot) as watched:
        bot.ready = (False, "no tick for 90 s")
        await expect(watched.page.locator("#trouble")).to_have_text(
            "pegbot is up, but not ready: no tick for 90 s."
        )
        bot.ready = (True, "")
        await expect(watched.page.locator("#trouble")).to_be_hidden()


async def test_before_anything_has_happened_it_says_what_to_expect(browser: Browser, tmp_path: Path) -> None:
    bot = Bot(Replica())
    await bot.start()
    try:
        async with opened(browser, bot) as watched:
            page = watched.page
            await expect(page.get_by_role("heading", level=1)).to_have_text("Waiting for prices")
            assert await page.locator(".empty:visible").count() >= 5
            await watched.shot(tmp_path / "empty.png")
            assert watched.problems == []

            bot.replica.apply(world.FEEDS[0], world.END)
            for basis in [each for each in world.bases() if each.ts == world.END][:4]:
                bot.replica.apply(basis, world.END)
            await expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is off its peg")
            await expect(page.locator("#feeds-list")).to_contain_text("tape")
            await expect(page.locator(".readout")).to_contain_text("premium")
    finally:
        await bot.stop()


async def test_nothing_jumps_while_it_loads_and_lives(browser: Browser, bot: Bot) -> None:
    async with opened(browser, bot) as watched:
        latest = bot.replica.instruments["AMZNx@kraken"]
        for n in range(1, 4):
            bot.replica.apply(replace(latest, ts=world.END + n * NS, price=220.0 + n), world.END + n * NS)
            await expect(row(watched.page, "AMZNx@kraken").locator(".price")).to_have_text(f"${220 + n}.00")
        assert await watched.page.evaluate(LAYOUT_SHIFT) < 0.05


LAYOUT_SHIFT = """() => new Promise(done => {
  let sum = 0;
  const add = list => list.getEntries().forEach(entry => { sum += entry.value; });
  new PerformanceObserver(add).observe({type: 'layout-shift', buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
})"""


async def test_depth_is_drawn_and_can_be_read_without_a_mouse(browser: Browser, bot: Bot) -> None:
    async with opened(browser, bot) as watched:
        page = watched.page
        depth = page.get_by_role("region", name="Depth")
        await expect(depth).to_contain_text("AMZNx orca:9pJup1te")
        await expect(depth).to_contain_text("sold moves the price down")
        await expect(depth.get_by_role("row", name="$5,000")).to_contain_text("cannot be filled")
        await depth.get_by_role("group").focus()
        await page.keyboard.press("ArrowRight")
        await expect(depth).to_contain_text("Buying")
        await page.get_by_role("button", name="TSLA.M msx").click()
        await expect(depth).to_contain_text("only its last price")
        assert watched.problems == []


async def test_the_books_greeks_stand_below_what_is_held(browser: Browser, bot: Bot, tmp_path: Path) -> None:
    async with opened(browser, bot) as watched:
        table = watched.page.locator("#ledger-body table.greeks")
        await expect(table.locator("tbody tr")).to_have_count(1)
        cells = await table.locator("tbody tr > *").all_inner_texts()
        assert [cell.strip() for cell in cells] == ["AAPL", "16.25", "1.5", "42", "−8.25", "$14,137"]
        await expect(watched.page.locator("#ledger-body")).to_contain_text("GONEx@wallet")
        assert await watched.overflow() == 0
        await table.scroll_into_view_if_needed()
        await watched.shot(tmp_path / "greeks.png", full=False)
    async with opened(browser, bot, **PHONE) as watched:
        assert await watched.overflow() == 0
