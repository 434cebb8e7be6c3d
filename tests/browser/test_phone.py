"""The page on a phone: nothing but the page itself scrolls, and everything is large enough for a finger."""

import re
from collections import Counter
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.visits import Visit

DEVICE = "iphone_stuart"
TARGET_PX = 24  # WCAG 2.2, success criterion 2.5.8
SCROLLING = """() => [...document.querySelectorAll("*")]
    .filter((part) => part.checkVisibility() && part.scrollWidth > part.clientWidth)
    .filter((part) => getComputedStyle(part).overflowX === "auto" || part === document.documentElement)
    .map((part) => `${part.tagName} ${part.className}: ${part.scrollWidth} > ${part.clientWidth}`)"""
SMALL_TARGETS = """(least) => [...document.querySelectorAll("button, a, input, select")]
    .filter((target) => target.checkVisibility())
    .map((target) => [target.ariaLabel || target.textContent || target.id, target.getBoundingClientRect()])
    .filter(([, { width, height }]) => Math.min(width, height) < least)
    .map(([name, { width, height }]) => `${name}: ${width} x ${height}`)"""


def roles_of(page: Page) -> Counter[str]:
    """Count the roles in the accessibility tree of Chromium, which depend on the layout unless they are explicit."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    return Counter(node["role"]["value"] for node in nodes if not node["ignored"])


def return_jobs(route: Route) -> None:
    """Answer a request for jobs with one in each state, one with the longest name of a device."""
    states = ("queued", "processing", "completed", "failed")
    devices = ("garmin", "d" * 64, "phone of a person", "")
    jobs = [
        {"job_id": f"job-{status}", "status": status, "date": "2026-01-12", "device_id": device,
         "error_code": "NO_DATA" if status == "failed" else None, "queued_at": "2026-01-26T12:00:00.345Z"}
        for status, device in zip(states, devices, strict=True)
    ]  # fmt: skip
    route.fulfill(json={"jobs": jobs, "total_count": len(jobs), "next_offset": None})


@pytest.fixture(params=[375, 320])
def phone(request: pytest.FixtureRequest, open_visit: Callable[..., Visit]) -> Visit:
    return open_visit(width=request.param)


def test_day_fits(phone: Visit) -> None:
    width = phone.page.evaluate("innerWidth")
    phone.calculate(DEVICE, "2026-01-18")
    expect(phone.page.get_by_role("table", name="Trips").get_by_role("row")).not_to_have_count(1)
    assert phone.scroll_width() <= width
    assert phone.page.evaluate(SCROLLING) == []


def test_calendar_fits(phone: Visit) -> None:
    phone.open(f"#/history/2024/{DEVICE}")
    calendar = phone.page.get_by_role("grid", name="Calendar")
    expect(calendar.get_by_role("link")).to_have_count(366)
    assert phone.page.evaluate(SCROLLING) == []
    assert phone.page.evaluate(SMALL_TARGETS, TARGET_PX) == []
    roles = roles_of(phone.page)
    assert (roles["grid"], roles["columnheader"], roles["rowheader"], roles["gridcell"]) == (1, 32, 12, 12 * 31)


def test_jobs_fit(phone: Visit) -> None:
    phone.page.route("**/api/distance/jobs?*", return_jobs)
    phone.open("#/jobs")
    table = phone.page.get_by_role("table", name="Jobs")
    expect(table.get_by_role("row")).to_have_count(5)
    assert phone.page.evaluate(SCROLLING) == []
    assert phone.page.evaluate(SMALL_TARGETS, TARGET_PX) == []
    roles = roles_of(phone.page)
    assert (roles["table"], roles["row"], roles["rowheader"], roles["cell"]) == (1, 5, 4, 16)
    assert roles["columnheader"] == 5


@pytest.mark.parametrize(
    ("width", "keys"),
    [(375, "ArrowRight ArrowDown ArrowUp ArrowLeft"), (1280, "ArrowDown ArrowRight ArrowLeft ArrowUp")],
    ids=["months are columns", "months are rows"],
)
def test_arrow_keys_move_as_the_calendar_is_shown(open_visit: Callable[..., Visit], width: int, keys: str) -> None:
    visit = open_visit(width=width)
    days = {"days": [{"date": "2024-01-30", "result": {"max_distance_km": 1.0}}]}
    visit.page.route("**/api/distance/days?*", lambda route: route.fulfill(json=days))
    visit.open(f"#/history/2024/{DEVICE}")
    calendar = visit.page.get_by_role("grid", name="Calendar")
    expect(calendar.locator("a.day")).to_have_count(1)  # the calendar is not drawn again
    calendar.get_by_role("link", name=re.compile("31 January 2024")).focus()
    for key, day in zip(keys.split(), ("29 February", "1 March", "29 February", "29 January"), strict=True):
        visit.page.keyboard.press(key)
        expect(calendar.get_by_role("link", name=re.compile(f" {day} 2024"))).to_be_focused()
