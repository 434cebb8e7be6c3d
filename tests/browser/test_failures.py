"""What the tab "Day" shows when something fails: the calculation, the CSV, the services, the configuration, the key."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import Request, Route, expect

from local.stack import Stack
from tests.browser.visits import CONFIG, Visit
from tests.integration.whole_stack import submit, wait_for_end

DEVICE = "iphone_stuart"


def test_job_of_all_devices_without_analysis_is_not_shown_as_one_device(visit: Visit, stack: Stack) -> None:
    def rewrite(route: Route) -> None:
        job = route.fetch().json()
        job["result"]["analysis"] = None
        route.fulfill(json=job)

    job_id = submit(stack, date="2026-01-24", device_id="")
    wait_for_end(stack, job_id)
    visit.page.route(re.compile("/api/distance/jobs/"), rewrite)
    visit.open(f"#/day/2026-01-24/{DEVICE}/{job_id}")
    expect(visit.alert).to_have_text("This job of all devices does not tell them apart.")
    expect(visit.page.get_by_role("region", name="Summary")).to_be_hidden()


def test_failed_day_is_explained(visit: Visit) -> None:
    visit.open(f"#/day/2026-01-05/{DEVICE}")
    visit.wait_for_status("not been calculated")
    visit.page.get_by_role("button", name="Calculate", exact=True).click()
    expect(visit.alert).to_have_text("There are no positions of this device on this day.", timeout=30_000)
    expect(visit.status).to_have_text("Calculation failed.")


def test_api_of_another_origin_that_is_not_one_is_named(visit: Visit, stack: Stack) -> None:
    storage = f"http://127.0.0.1:{stack.plan.ports['s3']}"
    visit.page.route("**/config.json", lambda route: route.fulfill(json=CONFIG | {"list_url": storage}))
    not_found = {"status": 404, "headers": {"Access-Control-Allow-Origin": "*"}, "body": "nothing here"}
    visit.page.route("**/api/distance/devices", lambda route: route.fulfill(**not_found))
    visit.open()
    expect(visit.alert).to_have_text(f"There is no such API at {storage}.")
    visit.errors.clear()  # Chromium reports the status 404


def test_api_that_does_not_allow_the_origin_of_the_page_is_explained(visit: Visit, stack: Stack) -> None:
    storage = f"http://127.0.0.1:{stack.plan.ports['s3']}"
    visit.page.clock.install()
    visit.page.route("**/config.json", lambda route: route.fulfill(json=CONFIG | {"list_url": storage}))
    visit.page.route("**/api/distance/devices", lambda route: route.abort())
    visit.open()
    expect(visit.page.get_by_role("status", name="Connection")).to_be_visible()
    visit.page.clock.run_for(70_000)
    expect(visit.alert).to_have_text(
        f"{storage} does not respond, or its setting CORS_ORIGINS does not have {visit.url}."
    )
    expect(visit.page.get_by_role("status", name="Connection")).to_be_hidden()
    visit.errors.clear()  # Chromium reports each refusal


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
    visit.page.route("**/config.json", lambda route: route.fulfill(status=503, json={"error": {"code": "OVERLOADED"}}))
    visit.open()
    expect(visit.alert).to_have_text("The page could not load its configuration. Reload it.")
    visit.errors.clear()  # Chromium reports the status 503


def test_key_is_asked_for_and_kept_in_memory(visit: Visit) -> None:
    def require_key(route: Route, request: Request) -> None:
        if request.headers.get("x-api-key") == "secret" and starting:
            starting.pop()
            route.fulfill(status=503)
        elif request.headers.get("x-api-key") == "secret":
            route.continue_()
        else:
            route.fulfill(status=401, json={"error": {"code": "UNAUTHORIZED", "message": "Invalid API key"}})

    starting = ["the service starts again after the key was accepted"]
    visit.page.route("**/api/distance/**", require_key)
    visit.page.clock.install()
    visit.open(f"#/day/2026-01-02/{DEVICE}")
    for key in ("wrong", "secret"):
        expect(visit.page.get_by_label("Access key")).to_be_visible()
        visit.page.clock.run_for(120_000)  # the time of the user is not that of the service
        visit.page.get_by_label("Access key").fill(key)
        visit.page.get_by_role("button", name="Continue").click()
        if key == "wrong":
            expect(visit.page.get_by_text("This key was not accepted.")).to_be_visible()
    visit.wait_for_status("not been calculated")
    assert not starting
    stored = "[localStorage.length, sessionStorage.length, document.cookie, location.href.includes('secret')]"
    assert visit.page.evaluate(stored) == [0, 0, "", False]
    visit.errors.clear()  # Chromium reports the status 401
