"""Interactions with a day of 86,400 fixes in Chromium, and the time until the page shows such a day."""

import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from statistics import median, quantiles

from playwright.sync_api import Locator, Page, sync_playwright

from benchmarks.bench_stack import BenchStack
from benchmarks.report import Figure
from tests.browser.conftest import CHROMIUM
from tests.browser.long_day import FIXES, TRIPS, insert_fixes
from tests.browser.visits import Visit, new_visit
from tests.integration.whole_stack import send_request

_DAY = date(2025, 3, 16)
_DEVICE = "each-second"
_OPENINGS = 7
_MOVES = 40
_AT_MOST_MS = 200
_SHORTEST_MS = 16  # browsers do not report shorter interactions
# Event Timing has no entries for moves of the pointer: they last from the event to the start of the frame after next.
_OBSERVE = """() => {
    window.moves = [];
    window.interactions = new Map();
    addEventListener("pointermove", (event) => requestAnimationFrame(() => requestAnimationFrame((now) => {
        moves.push(now - event.timeStamp);
    })), { capture: true });
    new PerformanceObserver((list) => {
        for (const { interactionId: id, duration } of list.getEntries()) {
            if (id) interactions.set(id, Math.max(duration, interactions.get(id) ?? 0));
        }
    }).observe({ type: "event", durationThreshold: 16 });
}"""
_FORGET = "() => { moves.length = 0; interactions.clear(); }"
_NEXT_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
_ENTRIES_WITHIN_MS = 500
_OPENED = """() => new Promise((done) => {
    const status = document.getElementById("job-status");
    const finish = () => new PerformanceObserver((list) => {
        done([performance.now(), Math.max(...list.getEntries().map((entry) => entry.duration))]);
    }).observe({ type: "longtask", buffered: true });
    const look = () => requestAnimationFrame(status.textContent.startsWith("Done") ? finish : look);
    look();
})"""

_Actions = Sequence[Callable[[], object]]


def measure(stack: BenchStack) -> list[Figure]:
    """Repeat each interaction. Without Chromium nothing is measured."""
    if CHROMIUM is None:
        print("page is not measured: chromium is not installed", file=sys.stderr)
        return []
    insert_fixes(stack.superuser, _DEVICE, _DAY)
    send_request("POST", f"http://{stack.running.plan.address('calculate')}/sweep", {})  # it finds the device
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        visit = new_visit(browser, stack.running.url, frozenset())
        visit.calculate(_DEVICE, _DAY.isoformat())
        figures = [*_opening_figures(visit), *_interaction_figures(visit)]
        browser.close()
    if visit.errors:
        raise ValueError(visit.errors)
    return figures


def _opening_figures(visit: Visit) -> Iterator[Figure]:
    """Open the calculated day several times."""
    openings = []
    for _ in range(_OPENINGS):
        visit.page.reload()
        openings.append(visit.page.evaluate(_OPENED))
    milliseconds, longest = map(median, zip(*openings, strict=True))
    yield Figure("page", f"{FIXES:,} fixes, from opening the day to its figures", milliseconds, "ms")
    yield Figure("page", "longest task of the main thread until then", longest, "ms")


def _interaction_figures(visit: Visit) -> Iterator[Figure]:
    """Measure each kind of interaction."""
    visit.page.evaluate(_OBSERVE)
    largest = 0.0
    for name, actions in _interactions(visit):
        durations = _durations(visit.page, actions)
        largest = max(largest, *durations)
        p95 = quantiles(durations, n=20)[-1]
        yield Figure("page", f"{name}, 95th percentile", p95, "ms", below=_AT_MOST_MS)
    yield Figure("page", "the longest of them", largest, "ms", below=_AT_MOST_MS)


def _durations(page: Page, actions: _Actions) -> list[float]:
    """Return the milliseconds of each interaction, or of each move of the pointer."""
    page.evaluate(_FORGET)
    for action in actions:
        action()
        page.evaluate(_NEXT_FRAMES)
    page.wait_for_timeout(_ENTRIES_WITHIN_MS)
    interactions: list[float] = page.evaluate("() => [...interactions.values()]")
    moves: list[float] = page.evaluate("() => moves")
    if not interactions and len(moves) >= len(actions):
        return moves
    return [*interactions, *[_SHORTEST_MS] * (len(actions) - len(interactions))]


def _interactions(visit: Visit) -> Iterator[tuple[str, _Actions]]:
    """Yield what a person does with the page, as functions that do it once."""
    page = visit.page
    chart, on_map = (page.get_by_role("slider", name=f"Time on the {figure}") for figure in ("chart", "map"))
    trips = page.get_by_role("table", name="Trips").get_by_role("button")
    zoom_in, zoom_out = (page.get_by_role("button", name=f"Zoom {direction}") for direction in ("in", "out"))
    yield "pointer over the chart", _moves(page, chart)
    yield "pointer over the map", _moves(page, on_map)
    on_map.focus()
    keys = ("ArrowRight", "Shift+ArrowRight", "PageUp", "ArrowLeft")
    yield "arrow keys", [partial(page.keyboard.press, key) for key in keys * 10]
    yield "zoom of the map", ([zoom_in.click] * 10 + [zoom_out.click] * 10) * 2
    yield "selection of a trip", [trips.nth(number).click for number in range(TRIPS)] * 10
    yield "rejected fixes", [page.locator("#rejected").click] * 40
    jobs, history, day = (page.get_by_role("tab", name=name) for name in ("Jobs", "History", "Day"))

    def show_day() -> None:
        day.click()
        visit.wait_for_status("Done")

    yield "change of tab", [jobs.click, history.click, show_day] * 8


def _moves(page: Page, figure: Locator) -> _Actions:
    """Return moves of the pointer along a diagonal of a figure."""
    box = figure.bounding_box()
    if box is None:
        raise ValueError("the figure is not shown")
    shares = (number / _MOVES for number in range(_MOVES))
    return [
        partial(page.mouse.move, box["x"] + box["width"] * share, box["y"] + box["height"] * share) for share in shares
    ]
