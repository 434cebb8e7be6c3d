"""HTTP client for a pod of the cluster: requests as JSON on stdin, responses on stdout. Uses only the standard library.

A request is {"method", "url", "headers", "body", "timeout"}. With "until", a list of statuses, it repeats every "every"
seconds until the response's JSON has one of them as its "status", for at most "within" seconds. With "then", a request
of a job follows, in whose URL "{job_id}" stands for that of the response. All requests start concurrently.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Return the redirect itself as the response."""


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def send(request: dict[str, Any]) -> dict[str, Any]:
    """Send one request. Return status (0 without a response), headers, body and seconds."""
    body = request.get("body")
    content = body.encode() if body is not None else None
    http_request = urllib.request.Request(request["url"], content, request.get("headers", {}), method=request["method"])
    started = time.monotonic()
    try:
        with _OPENER.open(http_request, timeout=request.get("timeout", 120)) as response:
            result = response.status, dict(response.headers), response.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as exc:
        result = exc.code, dict(exc.headers), exc.read().decode("utf-8", "replace")
    except OSError as exc:
        result = 0, {}, f"{type(exc).__name__}: {exc}"
    status, headers, text = result
    headers = {name.lower(): value for name, value in headers.items()}
    return {"status": status, "headers": headers, "body": text, "seconds": time.monotonic() - started}


def send_with_follow_up(request: dict[str, Any]) -> dict[str, Any]:
    """Send a request and the one in its "then". Return the last response, and the seconds of both as "elapsed"."""
    started = time.monotonic()
    response = send_until(request)
    if "then" in request and 200 <= response["status"] < 300:
        job_id = json.loads(response["body"])["job_id"]
        then = request["then"]
        response = send_until({"headers": request["headers"], **then, "url": then["url"].replace("{job_id}", job_id)})
    return {**response, "elapsed": time.monotonic() - started}


def send_until(request: dict[str, Any]) -> dict[str, Any]:
    """Send a request, repeatedly if it has "until", and return the last response."""
    if "until" not in request:
        return send(request)
    started = time.monotonic()
    while True:
        response = send(request)
        try:
            status = json.loads(response["body"])["status"]
        except (ValueError, KeyError, TypeError):
            status = None
        if status in request["until"] or time.monotonic() - started > request["within"]:
            return response
        time.sleep(request.get("every", 0.25))


if __name__ == "__main__":
    requests = json.load(sys.stdin)
    with ThreadPoolExecutor(max_workers=max(1, len(requests))) as pool:
        json.dump(list(pool.map(send_with_follow_up, requests)), sys.stdout)
