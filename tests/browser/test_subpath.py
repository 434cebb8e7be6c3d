"""The page behind a proxy that removes a prefix of the path."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from local.stack import Stack
from tests.browser.visits import new_visit
from tests.integration.whole_stack import send_request

PREFIX = "/home/distance"


@pytest.fixture
def proxy(stack: Stack) -> Iterator[str]:
    """Run the proxy and return its address with the prefix; other paths are not found."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.forward()

        def do_POST(self) -> None:
            self.forward()

        def forward(self) -> None:
            if not self.path.startswith(f"{PREFIX}/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: text for name, text in self.headers.items() if name.lower() not in ("host", "connection")}
            response = send_request(self.command, stack.url + self.path.removeprefix(PREFIX), body, headers)
            self.send_response(response.status)
            for name, text in response.headers.items():
                if name.lower() not in ("connection", "transfer-encoding"):
                    self.send_header(name, text)
            self.end_headers()
            self.wfile.write(response.body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
        server.shutdown()


def test_page_works_below_a_path(browser: Browser, stack: Stack, proxy: str) -> None:
    hosts = frozenset((urlsplit(proxy).netloc, f"127.0.0.1:{stack.plan.ports['s3']}"))
    visit = new_visit(browser, proxy, hosts)
    visit.calculate("garmin", "2026-01-23")
    expect(visit.page.get_by_role("region", name="Summary")).to_contain_text("km")
    visit.page.context.close()
    assert (visit.errors, visit.foreign_requests) == ([], [])
