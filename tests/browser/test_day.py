"""The tab "Day" on the whole system."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from playwright.sync_api import Download, Route, expect

from local.stack import Stack
from tests.browser.visits import CONFIG, Visit
from tests.integration.whole_stack import send_request, submit, wait_for_end

DEVICE = "iphone_stuart"
GPX = {"gpx": "http://www.topografix.com/GPX/1/1"}


def newest_result(stack: Stack, date: str) -> dict[str, Any]:
    """Return the result of the newest job of a date."""
    jobs = send_request("GET", f"{stack.url}/api/distance/jobs?date={date}&limit=1").json["jobs"]
    result: dict[str, Any] = send_request("GET", f"{stack.url}/api/distance/jobs/{jobs[0]['job_id']}").json["result"]
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
    visit.wait_for_status("not been calculated")
    page.get_by_role("button", name="Previous day").click()
    expect(page.get_by_role("textbox", name="Date")).to_have_value("2026-01-31")
    page.get_by_role("button", name="Next day").click()
    expect(page).to_have_url(re.compile(f"#/day/2026-02-01/{DEVICE}$"))


def test_day_of_a_device_is_shown_from_a_job_of_all_devices(visit: Visit, stack: Stack, tmp_path: Path) -> None:
    page = visit.page
    job_id = submit(stack, date="2026-01-22", device_id="")
    wait_for_end(stack, job_id)
    visit.open(f"#/history/2026/{DEVICE}")
    page.get_by_role("grid", name="Calendar").get_by_role("link", name=re.compile("22 January 2026: .*m$")).click()
    visit.wait_for_status("This is from a job of all devices")
    expect(page.get_by_role("region", name="Summary")).to_contain_text(DEVICE)
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="Download GeoJSON").click()
    features = json.loads(save(downloaded.value, tmp_path))["features"]
    (analysis,) = (device for device in newest_result(stack, "2026-01-22")["analysis"]["devices"]
                   if device["device_id"] == DEVICE)  # fmt: skip
    assert {feature["properties"]["device_id"] for feature in features} == {DEVICE}
    assert sum(len(feature["properties"]["times"]) for feature in features) == analysis["fixes"]["usable"]

    page.get_by_role("tab", name="Jobs").click()
    page.get_by_role("button", name="Open: all devices on 2026-01-22").click()
    visit.wait_for_status("This is from a job of all devices")
    expect(page).to_have_url(re.compile(f"#/day/2026-01-22/{DEVICE}/{job_id}$"))
    page.get_by_role("combobox", name="Device").select_option("garmin")
    expect(page.get_by_role("region", name="Summary")).to_contain_text("garmin on Thursday")
    page.get_by_role("button", name="Calculate again").click()
    expect(visit.status).to_have_text("Done. Times are in UTC.", timeout=30_000)


def test_job_of_the_address_is_shown(visit: Visit, stack: Stack) -> None:
    job_id = submit(stack, date="2026-01-23", device_id="garmin")
    wait_for_end(stack, job_id)
    wait_for_end(stack, submit(stack, date="2026-01-23", device_id="garmin", away_threshold_km=2))
    visit.open("#/day/2026-01-23/garmin")
    visit.wait_for_status("Done")
    expect(visit.page.get_by_role("region", name="Summary")).to_contain_text("farther than 2 km")
    visit.open(f"#/day/2026-01-23/garmin/{job_id}")
    expect(visit.page.get_by_role("region", name="Summary")).to_contain_text("farther than 500 m")


def test_today_is_that_of_the_time_zone_of_the_days(visit: Visit) -> None:
    devices = {"devices": [{"device_id": DEVICE, "last_fix_at": "2026-01-21T03:00:00.000Z"}], "as_of": "2026-01-21"}
    visit.page.clock.set_fixed_time("2026-01-21T03:30:00Z")
    visit.page.route("**/config.json", lambda route: route.fulfill(json=CONFIG | {"timezone": "America/New_York"}))
    visit.page.route("**/api/distance/devices", lambda route: route.fulfill(json=devices))
    visit.open()
    expect(visit.page.get_by_role("textbox", name="Date")).to_have_value("2026-01-20")
    expect(visit.page.get_by_role("button", name="Next day")).to_be_disabled()
    visit.page.get_by_role("tab", name="History").click()
    calendar = visit.page.get_by_role("grid", name="Calendar")
    expect(calendar.get_by_role("link", name=re.compile("20 January 2026"))).to_be_visible()
    expect(calendar.get_by_role("link", name=re.compile("21 January 2026"))).to_have_count(0)


def test_map_is_dragged_by_a_finger_only_when_it_is_zoomed(visit: Visit) -> None:
    visit.calculate(DEVICE, "2026-01-21")
    area = visit.page.get_by_role("slider", name="Time on the map")

    def drag() -> bool:
        """Return whether dragging changes the map."""
        before = area.evaluate("overlay => overlay.previousSibling.toDataURL()")
        for kind, x in (("down", 100), ("move", 160), ("up", 160)):
            area.dispatch_event(
                f"pointer{kind}", {"pointerId": 1, "pointerType": "touch", "buttons": 1, "clientX": x, "clientY": 400}
            )
        return bool(before != area.evaluate("overlay => overlay.previousSibling.toDataURL()"))

    area.evaluate("overlay => (overlay.setPointerCapture = () => {})")  # it needs a pointer that exists
    assert not drag()
    visit.page.get_by_role("button", name="Zoom in").click()
    assert area.evaluate("overlay => overlay.style.touchAction") == "none"
    assert drag()


def test_arrival_times_are_explained(visit: Visit) -> None:
    def rewrite(route: Route) -> None:
        job = route.fetch().json()
        if job.get("result"):
            job["result"]["analysis"]["parameters"]["day_column"] = "created_at"
        route.fulfill(json=job)

    note = visit.page.get_by_text("shows when positions arrived")
    visit.calculate(DEVICE, "2026-01-21")
    expect(note).to_be_hidden()
    visit.page.route(re.compile("/api/distance/jobs/"), rewrite)
    visit.page.reload()
    visit.wait_for_status("Done")
    expect(note).to_be_visible()


def test_hostile_device_names_are_text(visit: Visit) -> None:
    name = "<img src=x onerror=alert(1)>"
    devices = {"devices": [{"device_id": name, "last_fix_at": "2026-01-25T10:00:00.000Z", "new_field": {}}]}
    visit.page.route("**/api/distance/devices", lambda route: route.fulfill(json=devices))
    visit.open()
    expect(visit.alert).to_contain_text("The request was refused")
    assert visit.page.get_by_role("combobox", name="Device").input_value() == name
    assert visit.page.locator("img").count() == 0
    visit.errors.clear()  # Chromium reports the status 400
