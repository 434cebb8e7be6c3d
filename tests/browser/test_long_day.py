"""A day with a fix each second, on the whole system."""

import re
from datetime import date

from playwright.sync_api import expect

from local import postgres
from local.stack import Stack
from tests.browser.long_day import REJECTED, TRIPS, insert_fixes
from tests.browser.visits import Visit

DEVICE = "garmin"
DAY = date(2025, 12, 1)


def test_day_with_a_fix_each_second_is_shown_and_explored(visit: Visit, stack: Stack) -> None:
    page = visit.page
    insert_fixes(postgres.url(stack.plan.options.data_dir, stack.plan.ports["postgres"]), DEVICE, DAY)
    visit.calculate(DEVICE, DAY.isoformat())
    trips = page.get_by_role("table", name="Trips").get_by_role("button")
    expect(trips).to_have_count(TRIPS)
    expect(page.get_by_role("region", name="Summary")).to_contain_text("12 km")

    chart = page.get_by_role("slider", name="Time on the chart")
    on_map = page.get_by_role("slider", name="Time on the map")
    chart.hover(position={"x": 400, "y": 100})
    expect(on_map).to_have_attribute("aria-valuetext", re.compile(r"\d\d:\d\d:\d\d · .* from home"))
    index = int(chart.get_attribute("aria-valuenow") or "")
    on_map.focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(chart).to_have_attribute("aria-valuenow", re.compile(f"{index + 1}|{index + 2}"))  # the next may be rejected

    for _ in range(10):
        page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Whole day").click()
    trips.last.click()
    expect(trips.last).to_have_attribute("aria-pressed", "true")
    page.get_by_role("checkbox", name=f"Show {REJECTED:,} rejected positions").check()
    chart.focus()
    page.keyboard.press("End")
    expect(page.locator("#readout")).to_contain_text("23:59:59")

    page.get_by_role("tab", name="Jobs").click()
    page.get_by_role("tab", name="Day").click()
    visit.wait_for_status("Done")
