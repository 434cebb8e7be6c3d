"""Modules of the page, imported in a browser that serves them from the folder of the page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

PAGE = Path(__file__).parents[2] / "functions" / "web" / "page"
HEADER = (
    "timestamp,device_id,latitude,longitude,distance_from_home_km,is_away,accuracy,battery,velocity,"
    "cumulative_away_time_minutes\n"
)
ROW = "2026-01-21T00:00:52Z,phone,40.736065,-74.039356,0.003836,false,16,,0,0.00\n"
PARSE = """async ([text, device]) => {
    const { parseCsv } = await import("/csv.js");
    try {
        const track = parseCsv(text, device);
        return { count: track.time.length, first: track.time[0], accuracy: [...track.accuracy].map(String) };
    } catch (error) {
        return { error: error.constructor.name, message: error.message };
    }
}"""


@pytest.fixture
def modules(browser: Browser) -> Iterator[Page]:
    """Return an empty page whose origin has the modules."""
    page = browser.new_page()

    def serve(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if name == "":
            route.fulfill(body="<!doctype html>", content_type="text/html")
        else:
            route.fulfill(body=(PAGE / name).read_text("utf-8"), content_type="text/javascript")

    page.route("http://page.test/**", serve)
    page.goto("http://page.test/")
    yield page
    page.close()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        (HEADER + ROW[:-1], "incomplete"),
        (HEADER + ROW + ROW[:40] + "\n", "incomplete"),
        (HEADER + ROW + '2026-01-21T00:00:53Z,"pho\n', "not closed"),
        ("a,b\n1,2\n", "expected columns"),
        (HEADER + ROW.replace("40.736065", "north"), "not a position"),
    ],
    ids=["empty", "cut line", "short row", "open quote", "other columns", "no number"],
)
def test_unreadable_csv_is_an_error_in_plain_words(modules: Page, text: str, message: str) -> None:
    error = modules.evaluate(PARSE, [text, "phone"])
    assert error["error"] == "CsvError"
    assert message in error["message"]


@pytest.mark.parametrize("device", ['my "phone", old', "two\nlines", "📱", "<img src=x onerror=alert(1)>"])
def test_csv_with_any_device_name_is_parsed(modules: Page, device: str) -> None:
    quoted = '"' + device.replace('"', '""') + '"'
    rows = ROW.replace("phone", quoted) + ROW.replace("phone", quoted).replace(",16,", ",,").replace(":52", ":53")
    text = HEADER.replace("\n", ",new_column\n") + rows.replace("0.00\n", "0.00,x\n")
    track = modules.evaluate(PARSE, [text, device])
    assert track == {"count": 2, "first": 1_768_953_652_000, "accuracy": ["16", "NaN"]}


def test_csv_without_rows_has_no_fixes(modules: Page) -> None:
    assert modules.evaluate(PARSE, [HEADER, "phone"])["count"] == 0


def test_csv_of_all_devices_has_the_fixes_of_one(modules: Page) -> None:
    watch = ROW.replace("phone", "watch")
    track = modules.evaluate(PARSE, [HEADER + watch + ROW.replace(":52", ":54") + watch, "phone"])
    assert (track["count"], track["first"]) == (1, 1_768_953_654_000)


def test_csv_of_400_000_rows_is_parsed(modules: Page) -> None:
    count = modules.evaluate(
        """async ([header, row]) => {
            const { parseCsv } = await import("/csv.js");
            return parseCsv(header + row.repeat(400_000), "phone").time.length;
        }""",
        [HEADER, ROW],
    )
    assert count == 400_000


def locate_home(modules: Page, places: list[tuple[float, float]], home: tuple[float, float]) -> Any:
    """Return home as the page finds it from places and their distances from home."""
    return modules.evaluate(
        """async ([places, home]) => {
            const { locateHome, offset } = await import("/geo.js");
            const distance = places.map(([a, b]) => Math.round(offset(...home, a, b).distance * 1e6) / 1e6);
            const [latitude, longitude] = [0, 1].map((axis) => places.map((place) => place[axis]));
            const track = { time: places, distance, latitude, longitude };
            const found = locateHome(track);
            return found && 1000 * offset(...home, found.latitude, found.longitude).distance;
        }""",
        [places, home],
    )


@pytest.mark.parametrize("home", [(40.736097, -74.039373), (-33.86, 151.2), (69.65, 18.96), (0.01, 179.999)])
def test_home_is_found_from_distances(modules: Page, home: tuple[float, float]) -> None:
    places = [(home[0] + 0.01 * i + 0.003, home[1] + 0.002 * i * i) for i in range(-5, 20)]
    assert locate_home(modules, [(round(a, 6), round(b, 6)) for a, b in places], home) < 1


def test_home_beside_a_straight_track_is_not_guessed(modules: Page) -> None:
    assert locate_home(modules, [(0.0, 0.01 * i) for i in range(20)], (0.05, 0.1)) is None


def test_tile_of_a_place(modules: Page) -> None:
    urls = modules.evaluate(
        """async ([latitude, longitude]) => {
            const { Tiles } = await import("/tiles.js");
            const urls = [];
            window.Image = class { set src(url) { urls.push(url); } };
            const tiles = new Tiles("https://tiles.test/{z}/{x}/{y}.png", { latitude, longitude }, () => {});
            const scale = (256 * 2 ** 8) / (2 * Math.PI * tiles.radius);
            tiles.draw({}, 2, 2, scale, (km) => 1 + km * scale, (km) => 1 - km * scale);
            return urls;
        }""",
        [40.736097, -74.039373],
    )
    assert urls == ["https://tiles.test/8/75/96.png"]


PERIODS = """async (device) => {
    const { periodsOf } = await import("/analysis.js");
    const midnight = Date.parse("2026-01-21T00:00:00Z");
    const { periods } = periodsOf(device, { start: midnight, end: midnight + 86_400_000 });
    return periods.map(({ start, end, state }) => [(start - midnight) / 60_000, (end - midnight) / 60_000, state]);
}"""


def device(**fields: Any) -> dict[str, Any]:
    """Return the analysis of a device at home all day, with the fields replaced."""
    return {
        "first_fix_at": "2026-01-21T01:00:00.000Z", "last_fix_at": "2026-01-21T23:00:00.000Z",
        "home_minutes": 1440.0, "away_minutes": 0.0, "unknown_minutes": 0.0,
        "trip_count": 0, "trips": [], "gap_count": 0, "gaps": [], **fields,
    }  # fmt: skip


def test_periods_of_a_trip_with_a_gap(modules: Page) -> None:
    trip = {"departed_at": "2026-01-21T08:00:00.000Z", "returned_at": "2026-01-21T12:00:00.000Z"}
    gap = {"from": "2026-01-21T09:00:00.000Z", "to": "2026-01-21T10:00:00.000Z", "counted_as": "unknown"}
    fields = {"trips": [trip], "trip_count": 1, "gaps": [gap], "gap_count": 1}
    periods = modules.evaluate(PERIODS, device(home_minutes=1200, away_minutes=180, unknown_minutes=60, **fields))
    assert periods == [
        [0, 480, "home"], [480, 540, "away"], [540, 600, "unknown"], [600, 720, "away"], [720, 1440, "home"],
    ]  # fmt: skip


def test_time_before_and_after_the_fixes_is_unknown(modules: Page) -> None:
    periods = modules.evaluate(PERIODS, device(home_minutes=1320, unknown_minutes=120))
    assert periods == [[0, 60, "unknown"], [60, 1380, "home"], [1380, 1440, "unknown"]]


def test_time_at_home_is_undetermined_if_trips_are_not_listed(modules: Page) -> None:
    periods = modules.evaluate(PERIODS, device(home_minutes=1000, away_minutes=440, trip_count=101))
    assert periods == [[0, 1440, "undetermined"]]


def test_seconds_at_the_edges_are_not_ambiguous(modules: Page) -> None:
    edges = {"first_fix_at": "2026-01-21T00:00:01.000Z", "last_fix_at": "2026-01-21T23:59:59.000Z"}
    periods = modules.evaluate(PERIODS, device(home_minutes=1439.98, unknown_minutes=0.02, **edges))
    assert max(periods, key=lambda period: float(period[1]) - float(period[0]))[2] == "home"


def test_ambiguous_totals_are_undetermined(modules: Page) -> None:
    periods = modules.evaluate(PERIODS, device(home_minutes=1380, unknown_minutes=60))
    assert periods == [[0, 1440, "undetermined"]]


def test_hours_of_a_clock_change(modules: Page) -> None:
    labels = modules.evaluate(
        """async () => {
            const { hourTicks } = await import("/canvas.js");
            const { clock } = await import("/format.js");
            const window = { start: Date.parse("2026-03-29T00:00+01:00"), end: Date.parse("2026-03-30T00:00+02:00") };
            return hourTicks(window, "Europe/Berlin", 13).map((time) => clock(time, "Europe/Berlin"));
        }"""
    )
    assert labels == [f"{hour:02}:00" for hour in range(0, 24, 2) if hour != 2] + ["00:00"]


def test_rejected_fixes_are_those_that_the_analysis_counts(modules: Page) -> None:
    rejected = modules.evaluate(
        """async () => {
            const { markRejected } = await import("/analysis.js");
            const latitude = [0.001, 0.001, 0.5, 0.001, 0.001, 0.002];
            const track = {
                time: [0, 60_000, 120_000, 180_000, 180_000, 240_000], latitude, longitude: latitude.map(() => 0.001),
                accuracy: [5, 20_000, 5, NaN, 5, 5], rejected: new Uint8Array(6),
            };
            const parameters = { max_accuracy_m: 10_000, jump_speed_kmh: 300 };
            const known = markRejected(track, { fixes: { usable: 3 } }, parameters);
            const first = [...track.rejected];
            return [known, first, markRejected(track, { fixes: { usable: 4 } }, parameters), [...track.rejected]];
        }"""
    )
    assert rejected == [True, [0, 1, 1, 0, 1, 0], False, [0] * 6]


LINES = """async (zoom) => {
    const { DayMap } = await import("/map.js");
    const { Cursor } = await import("/cursor.js");
    const lines = [];
    window.Path2D = class extends Path2D {
        moveTo(x, y) { this.from = [x, y]; super.moveTo(x, y); }
        lineTo(x, y) { lines.push(Math.hypot(x - this.from[0], y - this.from[1])); super.lineTo(x, y); }
    };
    const [count, window_] = [86_400, { start: 0, end: 86_400_000 }];
    const column = (value) => Float64Array.from({ length: count }, (_, index) => value(index));
    const track = {
        time: column((index) => index * 1000),
        latitude: column((index) => 40.736 + 1e-8 * (index * 919 % 3000)),
        longitude: column((index) => -74.039 + 1e-8 * (index * 701 % 3000) + 0.0009 * Math.floor(index / 43_200)),
        rejected: new Uint8Array(count),
    };
    const home = { latitude: 40.736, longitude: -74.039 };
    const container = document.createElement("div");
    container.style = "width: 400px; height: 300px";
    document.body.append(container);
    const day = { track, window: window_, home, farthest: -1, periods: [], timezone: "UTC" };
    const map = new DayMap(container, new Cursor(day), null);
    lines.length = 0;
    map.zoom(zoom);
    return [lines.length, Math.max(...lines)];
}"""


@pytest.mark.parametrize("zoom", [1, 2, 8])
def test_map_leaves_out_lines_that_others_cover(modules: Page, zoom: int) -> None:
    count, longest = modules.evaluate(LINES, zoom)
    assert count < 30_000
    assert longest > 50  # the one between the two places where the device rests
