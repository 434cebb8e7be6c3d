"""The tab "Day" on the whole system."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from playwright.sync_api import Download, Request, Route, expect

from local.stack import Stack
from tests.browser.visits import Visit
from tests.integration.whole_stack import send_request

DEVICE = "iphone_stuart"
GPX = {"gpx": "http://www.topografix.com/GPX/1/1"}


def newest_result(stack: Stack, date: str) -> dict[str, object]:
    """Return the result of the newest job of a date."""
    jobs = send_request("GET", f"{stack.url}/api/distance/jobs?date={date}&limit=1").json["jobs"]
    result: dict[str, object] = send_request("GET", f"{stack.url}/api/distance/jobs/{jobs[0]['job_id']}").json["result"]
    return result


def save(download: Download, folder: Path) -> bytes:
    path = folder / download.suggested_filename
    download.save_as(path)
    return path.read_bytes()


def test_day_is_calculated_and_its_csv_saved(visit: Visit, stack: Stack, tmp_path: Path) -> None:
    page = visit.page
    visit.open()
    device = page.get_by_role("combobox", name="Device")
    expect(device.get_by_role("option")).to_have_count(2)
    device.select_option(DEVICE)
    page.get_by_role("textbox", name="Date").fill("2026-01-21")
    visit.wait_for_status("not been calculated")
    page.get_by_role("button", name="Calculate", exact=True).click()
    visit.wait_for_status("Done")

    summary = page.get_by_role("region", name="Summary")
    for text in ("10 h 2 min", "5.55 km", "100 %", "one trip"):
        expect(summary).to_contain_text(text)
    expect(page.get_by_role("figure", name="Distance from home")).to_be_visible()
    expect(page.get_by_role("figure", name="Map")).to_be_visible()
    expect(page.locator("#map-note")).to_contain_text("Home is in the middle")
    expect(page.get_by_role("table", name="Gaps")).to_be_visible()
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Download CSV").click()
    assert downloaded.value.suggested_filename == f"distance_20260121_{DEVICE}.csv"
    csv = save(downloaded.value, tmp_path)
    assert hashlib.sha256(csv).hexdigest() == newest_result(stack, "2026-01-21")["csv_sha256"]

    with page.expect_download() as downloaded:
        page.get_by_role("button", name="Download GeoJSON").click()
    features = json.loads(save(downloaded.value, tmp_path))["features"]
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="Download GPX").click()
    points = ET.fromstring(save(downloaded.value, tmp_path)).findall(".//gpx:trkpt", GPX)
    assert len(points) == sum(len(feature["properties"]["times"]) for feature in features) == csv.count(b"\n") - 1
    assert "74." not in page.url


def test_trip_is_selected_and_cursor_is_shared(visit: Visit) -> None:
    page = visit.page
    visit.calculate(DEVICE, "2026-01-20")
    trip = page.get_by_role("table", name="Trips").get_by_role("button", name="Trip 1")
    trip.click()
    expect(trip).to_have_attribute("aria-pressed", "true")
    trip.click()
    expect(trip).to_have_attribute("aria-pressed", "false")

    chart = page.get_by_role("slider", name="Time on the chart")
    on_map = page.get_by_role("slider", name="Time on the map")
    chart.hover(position={"x": 400, "y": 100})
    expect(on_map).to_have_attribute("aria-valuetext", re.compile(r"\d\d:\d\d:\d\d · .* from home"))
    on_map.focus()
    before = chart.get_attribute("aria-valuenow")
    page.keyboard.press("PageDown")
    expect(chart).not_to_have_attribute("aria-valuenow", str(before))


def test_day_is_calculated_by_keyboard_only(visit: Visit) -> None:
    page = visit.page
    visit.open(f"#/day/2026-01-15/{DEVICE}")
    visit.wait_for_status("not been calculated")
    tab = page.get_by_role("tab", name="Day")
    tab.focus()
    names = []
    for _ in range(20):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent.trim()"))
        if names[-1] == "Calculate":
            break
    assert "Previous day" in names
    assert "Next day" in names
    page.keyboard.press("Enter")
    visit.wait_for_status("Done")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.ariaLabel") == "Time on the chart":
            break
    page.keyboard.press("End")
    expect(page.locator("#readout")).to_contain_text("from home")
    page.keyboard.press("Home")
    expect(page.locator("#readout")).to_contain_text("00:0")


def test_previous_and_next_day_change_the_address(visit: Visit) -> None:
    page = visit.page
    visit.open(f"#/day/2026-02-01/{DEVICE}")
    page.get_by_role("button", name="Previous day").click()
    expect(page.get_by_role("textbox", name="Date")).to_have_value("2026-01-31")
    page.get_by_role("button", name="Next day").click()
    expect(page).to_have_url(re.compile(f"#/day/2026-02-01/{DEVICE}$"))


def test_failed_day_is_explained(visit: Visit) -> None:
    visit.open(f"#/day/2026-01-05/{DEVICE}")
    visit.wait_for_status("not been calculated")
    visit.page.get_by_role("button", name="Calculate", exact=True).click()
    expect(visit.alert).to_have_text("There are no positions of this device on this day.", timeout=30_000)
    expect(visit.status).to_have_text("Calculation failed.")


def test_hostile_device_names_are_text(visit: Visit) -> None:
    name = "<img src=x onerror=alert(1)>"
    devices = {"devices": [{"device_id": name, "last_fix_at": "2026-01-25T10:00:00.000Z", "new_field": {}}]}
    visit.page.route("**/api/distance/devices", lambda route: route.fulfill(json=devices))
    visit.open()
    expect(visit.alert).to_contain_text("The request was refused")
    assert visit.page.get_by_role("combobox", name="Device").input_value() == name
    assert visit.page.locator("img").count() == 0
    visit.errors.clear()  # Chromium reports the status 400


def test_expired_link_is_fetched_again(visit: Visit, stack: Stack) -> None:
    storage = f"127.0.0.1:{stack.plan.ports['s3']}"
    refused: list[Request] = []

    def refuse_once(route: Route, request: Request) -> None:
        if refused:
            route.continue_()
            return
        refused.append(request)
        route.fulfill(status=403, headers={"Access-Control-Allow-Origin": "*"}, body="expired")

    visit.page.route(lambda url: urlsplit(url).netloc == storage, refuse_once)
    visit.calculate(DEVICE, "2026-01-19")
    assert len(refused) == 1
    visit.errors.clear()  # Chromium reports the status 403


def test_csv_that_ends_early_is_an_error_in_plain_words(visit: Visit, stack: Stack) -> None:
    storage = f"127.0.0.1:{stack.plan.ports['s3']}"

    def cut(route: Route) -> None:
        lines = route.fetch().text().splitlines(keepends=True)
        route.fulfill(headers={"Access-Control-Allow-Origin": "*"}, body="".join(lines[:-5]))

    visit.page.route(lambda url: urlsplit(url).netloc == storage, cut)
    visit.open(f"#/day/2026-01-17/{DEVICE}")
    visit.wait_for_status("not been calculated")
    visit.page.get_by_role("button", name="Calculate", exact=True).click()
    expect(visit.alert).to_have_text("The CSV file is incomplete. Try again.", timeout=30_000)
    expect(visit.page.get_by_role("region", name="Summary")).to_be_visible()


def test_job_without_analysis_and_with_unknown_fields_is_shown(visit: Visit) -> None:
    def rewrite(route: Route) -> None:
        job = route.fetch().json()
        if "result" in job:
            del job["result"]["analysis"]
            job["result"]["new_field"] = {"value": 1}
        route.fulfill(json={**job, "new_field": []})

    visit.page.route(re.compile("/api/distance/jobs/"), rewrite)
    visit.calculate(DEVICE, "2026-01-16")
    expect(visit.page.get_by_role("region", name="Summary")).to_contain_text("by the plain threshold")
    expect(visit.page.get_by_role("figure", name="Map")).to_be_visible()


def test_service_that_is_away_is_asked_again(visit: Visit) -> None:
    failures = ["failed", "timedout"]

    def fail(route: Route) -> None:
        if failures:
            failures.pop()
            route.fulfill(status=503, headers={"Retry-After": "1"}) if failures else route.abort()
        else:
            route.continue_()

    visit.page.route("**/api/distance/jobs?*", fail)
    visit.open(f"#/day/2026-01-03/{DEVICE}")
    expect(visit.page.get_by_role("status", name="Connection")).to_be_visible()
    visit.wait_for_status("not been calculated")
    expect(visit.page.get_by_role("status", name="Connection")).to_be_hidden()
    assert not failures
    visit.errors.clear()  # Chromium reports both failures


def test_nothing_is_calculated_before_the_devices_are_known(visit: Visit) -> None:
    submissions: list[str] = []
    visit.page.on("request", lambda request: submissions.append(request.url) if request.method == "POST" else None)
    visit.page.route("**/api/distance/devices", lambda route: route.fulfill(json={"devices": [], "as_of": None}))
    visit.open()
    visit.wait_for_status("being prepared")
    calculate = visit.page.get_by_role("button", name="Calculate", exact=True)
    expect(calculate).to_be_disabled()
    calculate.click(force=True)
    visit.page.get_by_role("tab", name="History").click()
    visit.page.get_by_role("button", name="Calculate missing days").click()
    assert submissions == []


def test_missing_configuration_is_explained(visit: Visit) -> None:
    visit.page.route("**/config.json", lambda route: route.fulfill(status=503, body="starting"))
    visit.open()
    expect(visit.alert).to_have_text("The page could not load its configuration. Reload it.")
    visit.errors.clear()  # Chromium reports the status 503


def test_key_is_asked_for_and_kept_in_memory(visit: Visit) -> None:
    def require_key(route: Route, request: Request) -> None:
        if request.headers.get("x-api-key") == "secret":
            route.continue_()
        else:
            route.fulfill(status=401, json={"error": {"code": "UNAUTHORIZED", "message": "Invalid API key"}})

    visit.page.route("**/api/distance/**", require_key)
    visit.open(f"#/day/2026-01-02/{DEVICE}")
    for key in ("wrong", "secret"):
        visit.page.get_by_label("Access key").fill(key)
        visit.page.get_by_role("button", name="Continue").click()
        if key == "wrong":
            expect(visit.page.get_by_text("This key was not accepted.")).to_be_visible()
    visit.wait_for_status("not been calculated")
    stored = "[localStorage.length, sessionStorage.length, document.cookie, location.href.includes('secret')]"
    assert visit.page.evaluate(stored) == [0, 0, "", False]
    visit.errors.clear()  # Chromium reports the status 401


def test_page_fits_a_phone(open_visit: Callable[..., Visit]) -> None:
    visit = open_visit(width=375)
    visit.calculate(DEVICE, "2026-01-18")
    for tab in ("Day", "History", "Jobs"):
        visit.page.get_by_role("tab", name=tab).click()
        expect(visit.page.get_by_role("tabpanel", name=tab)).to_be_visible()
        assert visit.scroll_width() <= 375
