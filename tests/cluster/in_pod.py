"""Runs in a pod of the cluster, by the standard library alone: requests as JSON on stdin, their answers on stdout.

A request is {"method", "url", "headers", "body", "timeout"}; with "until" (a list of statuses) it is asked again, each
"every" seconds for "within" seconds, until the answer's JSON has one of them as its "status". All start at once.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Give the redirect itself as the answer."""


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


def asked(wanted: dict[str, Any]) -> dict[str, Any]:
    """One answer: status (0 if none came), headers, body, seconds."""
    body = wanted.get("body")
    request = urllib.request.Request(
        wanted["url"], body.encode() if body is not None else None, wanted.get("headers", {}), method=wanted["method"]
    )
    began = time.monotonic()
    try:
        with _OPENER.open(request, timeout=wanted.get("timeout", 120)) as answer:
            found = answer.status, dict(answer.headers), answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as exc:
        found = exc.code, dict(exc.headers), exc.read().decode("utf-8", "replace")
    except OSError as exc:
        found = 0, {}, f"{type(exc).__name__}: {exc}"
    status, headers, text = found
    headers = {name.lower(): value for name, value in headers.items()}
    return {"status": status, "headers": headers, "body": text, "seconds": time.monotonic() - began}


def answered(wanted: dict[str, Any]) -> dict[str, Any]:
    """The answer of a request, or the last one of those that wait for a status."""
    if "until" not in wanted:
        return asked(wanted)
    began = time.monotonic()
    while True:
        found = asked(wanted)
        try:
            status = json.loads(found["body"])["status"]
        except (ValueError, KeyError, TypeError):
            status = None
        found["waited"] = time.monotonic() - began
        if status in wanted["until"] or found["waited"] > wanted["within"]:
            return found
        time.sleep(wanted.get("every", 0.25))


if __name__ == "__main__":
    requests = json.load(sys.stdin)
    with ThreadPoolExecutor(max_workers=max(1, len(requests))) as pool:
        json.dump(list(pool.map(answered, requests)), sys.stdout)
