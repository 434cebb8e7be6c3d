"""The page through the gateway of the local system, and CSVs that it reads from the object storage."""

import gzip
import re
from pathlib import Path

from local.stack import Stack
from tests.integration.processes import function
from tests.integration.whole_stack import send_request, submit, wait_for_end

REFERENCE = re.compile(r"(?:src|href)=\"(assets/[^\"]+)\"")


def test_the_gateway_serves_the_page_and_its_files(stack: Stack) -> None:
    document = send_request("GET", f"{stack.url}/")

    assert (document.status, document.headers["content-type"]) == (200, "text/html; charset=utf-8")
    references = REFERENCE.findall(document.body.decode())
    assert references
    for reference in references:
        file = send_request("GET", f"{stack.url}/{reference}", headers={"Accept-Encoding": "gzip"})
        assert (file.status, file.headers["content-encoding"]) == (200, "gzip")
        assert gzip.decompress(file.body)
    again = send_request("GET", f"{stack.url}/", headers={"If-None-Match": document.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_the_page_uses_the_api_of_its_own_origin(stack: Stack) -> None:
    configuration = send_request("GET", f"{stack.url}/config.json").json

    assert [configuration[f"{name}_url"] for name in ("submit", "status", "list")] == [None] * 3


def test_the_page_may_read_a_csv_by_its_presigned_url(stack: Stack) -> None:
    job = wait_for_end(stack, submit(stack))
    url = job["result"]["csv_download_url"]

    download = send_request("GET", url, headers={"Origin": stack.url})

    assert (download.status, len(download.body)) == (200, job["result"]["csv_size_bytes"])
    assert download.headers["access-control-allow-origin"] in ("*", stack.url)
    origin = re.match(r"https?://[^/]+", url)
    policy = send_request("GET", f"{stack.url}/").headers["content-security-policy"]
    assert origin
    assert origin[0] in re.search(r"connect-src ([^;]+)", policy)[1].split()  # type: ignore[index] # a test fails


def test_other_paths_of_the_gateway_return_404(stack: Stack) -> None:
    for path in ("/index.html", "/assets", "/static/app.js", "/favicon.ico"):
        response = send_request("GET", f"{stack.url}{path}")
        assert (response.status, response.json["error"]["code"]) == (404, "NOT_FOUND")


def test_the_page_needs_no_settings(tmp_path: Path) -> None:
    with function("web", {}, tmp_path / "log") as running:
        assert running.send_request("GET", "/readyz").json == {"status": "ready"}
        assert running.send_request("GET", "/").status == 200
