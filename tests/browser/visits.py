"""What the page does during a test: its requests to other hosts, and its errors."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

_URLS = ("submit_url", "status_url", "list_url", "map_tiles_url", "map_attribution")
CONFIG = {**dict.fromkeys(_URLS), "timezone": "UTC"}  # of an installation without settings of the page
SUMMARY_SECONDS = 30  # a busy machine may take long for a job


@dataclass
class Visit:
    """A page in a context of its own. `hosts` are the only ones that it may send requests to."""

    page: Page
    url: str
    hosts: frozenset[str]
    errors: list[str] = field(default_factory=list)
    foreign_requests: list[str] = field(default_factory=list)

    def open(self, fragment: str = "") -> None:
        self.page.goto(f"{self.url}/{fragment}")

    def wait_for_status(self, text: str) -> None:
        """Wait until the region "Job status" has the text."""
        expect(self.status).to_have_text(re.compile(text), timeout=SUMMARY_SECONDS * 1000)

    def calculate(self, device: str, date: str) -> None:
        """Open a day, calculate it, and wait until it is shown."""
        self.open(f"#/day/{date}/{device}")
        self.wait_for_status("not been calculated|Done")
        if "Done" not in self.status.inner_text():
            self.page.get_by_role("button", name="Calculate", exact=True).click()
        self.wait_for_status("Done")

    @property
    def status(self) -> Locator:
        return self.page.get_by_role("status", name="Job status")

    @property
    def alert(self) -> Locator:
        return self.page.get_by_role("alert")

    def scroll_width(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollWidth"))


def new_visit(browser: Browser, url: str, hosts: frozenset[str], *, width: int = 1280, dark: bool = False) -> Visit:
    """Return a page in a new context, which records its errors and its requests to other hosts."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light", accept_downloads=True
    )
    visit = Visit(context.new_page(), url, hosts)

    def record_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            visit.errors.append(message.text)

    def record_request(address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc not in hosts:
            visit.foreign_requests.append(address)

    context.on("request", lambda request: record_request(request.url))
    visit.page.on("console", record_console)
    visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
    return visit
