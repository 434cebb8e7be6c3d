"""New revisions: a bad one never takes traffic, a good one takes a share, and the way back is quick."""

import time
from collections import Counter
from urllib.parse import parse_qs, urlsplit

from tests.cluster.checks.end_to_end import Figures
from tests.cluster.functions import Functions, expect
from tests.cluster.installation import Installation
from tests.cluster.kubectl import Resource, condition, until

_SERVICE = "distance-status"
_SETTING = "PRESIGN_TTL_SECONDS"  # it shows in what status answers, so that answers tell revisions apart
_REQUESTS = 40


def bad_revision(installation: Installation) -> Figures:
    """A revision with a bad setting says which, never becomes ready, and the one before it goes on serving."""
    answers = _Answers(installation)
    before = answers.once()
    known = {_newest(installation)}
    _set(installation, "soon")
    bad = until("the bad revision", lambda: _other(installation, known), 30)
    line = until("its reason in the log", lambda: _said(installation, bad), 60)
    served = answers.of(5)
    expect(set(served) == {before}, f"answers of {dict(served)}")
    ready = condition(installation.kubectl.get("revision", bad)).get("status", "Unknown")
    expect(ready != "True", "the bad revision is Ready")
    _set(installation, before)
    until("the repaired revision", lambda: _other(installation, known | {bad}), 30)
    installation.wait_until_ready()
    return {"the bad one's log": line, "its Ready": ready, "requests meanwhile": "all answered by the one before"}


def split_and_back(installation: Installation) -> Figures:
    """Traffic is split between two revisions by percentage; all of it goes back to the older one by one change."""
    kubectl, answers = installation.kubectl, _Answers(installation)
    before, old = answers.once(), _newest(installation)
    _route(installation, {old: 100})
    _set(installation, "300")
    new = until("the new revision", lambda: _other(installation, {old}), 30)
    until("the new revision ready", lambda: condition(kubectl.get("revision", new)).get("status") == "True", 120)
    expect(set(answers.of(5)) == {before}, "a new revision took traffic that was pinned to the old one")
    _route(installation, {old: 50, new: 50})
    until("answers of both", lambda: len(answers.of(10)) == 2, 60)
    shares = answers.of(_REQUESTS)
    began = time.monotonic()
    _route(installation, {old: 100})
    until("answers of the old one alone", lambda: set(answers.of(10)) == {before}, 60)
    seconds = time.monotonic() - began
    latest = [{"latestRevision": True, "percent": 100}]
    kubectl.patch("ksvc", _SERVICE, {"spec": {"traffic": latest}})
    installation.wait_until_ready()
    return {
        "pinned to the old one": "the new one took nothing",
        f"of {_REQUESTS} requests at 50 %": f"{shares['300']} to the new one",
        "rolled back": f"{seconds:.1f} s",
    }


class _Answers:
    """Which revision answers, by the life of the presigned URL that it gives for one completed job."""

    def __init__(self, installation: Installation) -> None:
        functions = Functions(installation)
        [job_id] = functions.submitted()
        functions.followed([job_id])
        self._request = {"method": "GET", "url": f"{functions.urls['status']}/api/distance/jobs/{job_id}"}
        self._caller = installation.caller

    def of(self, count: int) -> Counter[str]:
        """Of `count` requests, how many were answered with which setting."""
        found: Counter[str] = Counter()
        for answer in self._caller.ask_together([self._request] * count):
            expect(answer.status == 200, f"status answered with {answer.status}")
            url = answer.json()["result"]["csv_download_url"]
            found.update(parse_qs(urlsplit(url).query)["X-Amz-Expires"])
        return found

    def once(self) -> str:
        """The setting that answers."""
        return next(iter(self.of(1)))


def _set(installation: Installation, value: str) -> None:
    """A new revision with this value of the setting."""
    env = _service(installation)["spec"]["template"]["spec"]["containers"][0]["env"]
    changed = [one for one in env if one["name"] != _SETTING] + [{"name": _SETTING, "value": value}]
    change = [{"op": "replace", "path": "/spec/template/spec/containers/0/env", "value": changed}]
    installation.kubectl.patch("ksvc", _SERVICE, change)


def _route(installation: Installation, shares: dict[str, int]) -> None:
    """Send so many per cent to each revision; it is so when this returns, but for requests that are under way."""
    traffic = [{"revisionName": name, "percent": share} for name, share in shares.items()]
    installation.kubectl.patch("ksvc", _SERVICE, {"spec": {"traffic": traffic}})
    installation.wait_until_ready()


def _service(installation: Installation) -> Resource:
    return installation.kubectl.get("ksvc", _SERVICE) or {}


def _newest(installation: Installation) -> str:
    return str(_service(installation)["status"]["latestCreatedRevisionName"])


def _other(installation: Installation, known: set[str]) -> str:
    newest = _newest(installation)
    return "" if newest in known else newest


def _said(installation: Installation, revision: str) -> str:
    pods = installation.kubectl.items("pods", f"serving.knative.dev/revision={revision}")
    logs = [installation.kubectl.logs(pod["metadata"]["name"], "user-container") for pod in pods]
    lines = [line for log in logs for line in log.splitlines() if line.startswith(_SETTING)]
    return lines[0] if lines else ""
