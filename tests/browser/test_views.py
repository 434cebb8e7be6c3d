"""The tabs "History" and "Jobs" on the whole system, and the accessibility of all tabs."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Request, Route, expect

from local.stack import Stack
from tests.browser.visits import Visit
from tests.integration.whole_stack import submit, wait_for_end

DEVICE = "garmin"
CONTENT = {"Day": "#tables table", "History": "a.day", "Jobs": "#jobs-body tr"}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


def test_missing_days_are_calculated_and_open_from_the_calendar(visit: Visit) -> None:
    page = visit.page
    visit.open(f"#/history/2026/{DEVICE}")
    page.get_by_role("textbox", name="From").fill("2026-01-11")
    page.get_by_role("textbox", name="To").fill("2026-01-13")
    page.get_by_role("button", name="Calculate missing days").click()
    progress = page.get_by_role("status", name="Progress")
    expect(progress).to_have_text("2 days calculated; 1 day had no result.", timeout=60_000)

    calendar = page.get_by_role("grid", name="Calendar")
    expect(calendar.get_by_role("link", name=re.compile("11 January 2026: not calculated"))).to_be_visible()
    day = calendar.get_by_role("link", name=re.compile("13 January 2026: .*m$"))
    calendar.get_by_role("link", name=re.compile("12 January 2026: .*m$")).focus()
    page.keyboard.press("ArrowRight")
    expect(day).to_be_focused()
    page.get_by_label("Colour by").select_option("Coverage")
    expect(calendar.get_by_role("link", name=re.compile("13 January 2026: .*%"))).to_be_visible()
    page.locator("#best a").click()
    visit.wait_for_status("Done")
    expect(page).to_have_url(re.compile(rf"#/day/2026-01-1[23]/{DEVICE}$"))


def test_focus_stays_in_the_calendar_when_it_is_loaded(visit: Visit) -> None:
    waiting: list[Route] = []
    visit.page.route("**/api/distance/days?*", lambda route: waiting.append(route))  # noqa: PLW0108 - not a bound method
    visit.open(f"#/history/2024/{DEVICE}")
    day = visit.page.get_by_role("grid", name="Calendar").get_by_role("link", name=re.compile(" 12 March 2024"))
    day.focus()
    rows = [{"date": date, "result": {"max_distance_km": 1.0}} for date in ("2024-03-12", "2024-05-01")]
    waiting[0].fulfill(json={"days": rows})
    expect(visit.page.locator("a.day")).to_have_count(2)
    expect(day).to_be_focused()
    expect(day).to_have_attribute("tabindex", "0")


def test_calculation_of_missing_days_is_stopped(visit: Visit) -> None:
    page = visit.page
    visit.open("#/history/2025/iphone_stuart")
    page.get_by_role("textbox", name="From").fill("2025-06-01")
    page.get_by_role("textbox", name="To").fill("2025-06-30")
    page.get_by_role("button", name="Calculate missing days").click()
    expect(page.get_by_role("progressbar", name="Days calculated")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("status", name="Progress")).to_have_text(re.compile("Stopped after"))


def test_jobs_are_live_and_deleted_after_confirmation(visit: Visit, stack: Stack) -> None:
    page = visit.page
    visit.open("#/jobs")
    table = page.get_by_role("table", name="Jobs")
    expect(page.locator("#jobs-count")).not_to_be_empty()
    page.get_by_role("tabpanel", name="Jobs").get_by_label("Device", exact=True).select_option(DEVICE)
    job_id = submit(stack, date="2026-01-14", device_id=DEVICE)
    wait_for_end(stack, job_id)
    row = table.get_by_role("row").filter(has_text="2026-01-14")
    expect(row).to_contain_text("Done", timeout=30_000)

    row.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    expect(row).to_be_visible()
    row.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_fifty_jobs_are_live(visit: Visit) -> None:
    states = ["queued", "processing", "completed"]

    def fulfill(route: Route) -> None:
        status = states.pop(0) if len(states) > 1 else states[0]
        jobs = [
            {"job_id": f"job-{i}", "status": status, "date": "2026-01-12", "device_id": f"device-{i}",
             "queued_at": "2026-01-26T12:00:00.345Z"}
            for i in range(50)
        ]  # fmt: skip
        route.fulfill(json={"jobs": jobs, "total_count": 50, "next_offset": None})

    visit.page.route("**/api/distance/jobs?*", fulfill)
    visit.open("#/jobs")
    rows = visit.page.locator("#jobs-body tr")
    expect(rows.filter(has_text="Waiting")).to_have_count(50)
    rows.nth(20).get_by_role("button", name="Delete").focus()
    expect(rows.filter(has_text="Done")).to_have_count(50, timeout=15_000)


def test_more_jobs_than_a_page_of_the_api_are_shown(visit: Visit) -> None:
    def fulfill(route: Route, request: Request) -> None:
        query = parse_qs(urlsplit(request.url).query)
        limit, offset = int(query["limit"][0]), int(query.get("offset", ["0"])[0])
        assert limit <= 500
        numbers = range(offset, min(offset + limit, 620))
        jobs = [
            {"job_id": f"job-{i}", "status": "completed", "date": "2026-01-12", "device_id": f"device-{i}",
             "queued_at": "2026-01-26T12:00:00.345Z"}
            for i in numbers
        ]  # fmt: skip
        following = offset + limit if offset + limit < 620 else None
        route.fulfill(json={"jobs": jobs, "total_count": 620, "next_offset": following})

    visit.page.route("**/api/distance/jobs?*", fulfill)
    visit.open("#/jobs")
    rows = visit.page.locator("#jobs-body tr")
    more = visit.page.get_by_role("button", name="Show more")
    for count in (*range(50, 601, 50), 620):
        expect(rows).to_have_count(count)
        if count < 620:
            more.click()
    expect(more).to_be_hidden()
    expect(rows.last).to_contain_text("device-619")


def test_failure_of_a_job_is_explained(visit: Visit, stack: Stack) -> None:
    wait_for_end(stack, submit(stack, date="2026-01-01", device_id=DEVICE))
    visit.open("#/jobs")
    visit.page.get_by_label("State").select_option("Failed")
    row = visit.page.get_by_role("table", name="Jobs").get_by_role("row").filter(has_text="2026-01-01")
    expect(row).to_contain_text("There are no positions of this device on this day.")
    row.get_by_role("button", name="Open").click()
    expect(visit.alert).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_tabs_have_no_accessibility_violations(open_visit: Callable[..., Visit], *, dark: bool, width: int) -> None:
    visit = open_visit(width=width, dark=dark)
    visit.calculate(DEVICE, "2026-01-25")
    for tab, content in CONTENT.items():
        visit.page.get_by_role("tab", name=tab).click()
        expect(visit.page.locator(content).first).to_be_visible()
        results = Axe().run(visit.page, options={**RULES, "resultTypes": ["violations"]})
        assert results.violations_count == 0, results.generate_report()
