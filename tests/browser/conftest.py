"""Chromium, and the whole system that serves the page.

The browser ends with each file: until then its event loop runs in the thread of the tests.
"""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from local.stack import Stack, run_stack
from tests.browser.visits import Visit, new_visit
from tests.integration.whole_stack import send_request, stack_options

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run the whole system with sample fixes, and with days by the time of the fix."""
    with run_stack(stack_options(DATA_DIR=tmp_path_factory.mktemp("stack"), DAY_COLUMN="timestamp")) as stack:
        sweep = send_request("POST", f"http://{stack.plan.address('calculate')}/sweep", {})
        assert sweep.status < 300, sweep  # it finds the devices
        yield stack


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Debian's Chromium; skip without it."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_visit(browser: Browser, stack: Stack) -> Iterator[Callable[..., Visit]]:
    """Return a function that opens the page; afterwards it must have no error and no request to another host."""
    hosts = frozenset(f"127.0.0.1:{port}" for port in (stack.plan.options.port, stack.plan.ports["s3"]))
    visits: list[Visit] = []

    def open_new(*, width: int = 1280, dark: bool = False) -> Visit:
        visits.append(new_visit(browser, stack.url, hosts, width=width, dark=dark))
        return visits[-1]

    yield open_new
    for visit in visits:
        visit.page.context.close()
        assert (visit.errors, visit.foreign_requests) == ([], [])


@pytest.fixture
def visit(open_visit: Callable[..., Visit]) -> Visit:
    return open_visit()
