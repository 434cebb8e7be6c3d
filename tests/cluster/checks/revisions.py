"""Revisions: an invalid one gets no traffic, a valid one gets a share, and a rollback is quick."""

import time
from collections import Counter
from urllib.parse import parse_qs, urlsplit

from tests.cluster.checks import Figures
from tests.cluster.functions import Functions, expect
from tests.cluster.installation import Installation
from tests.cluster.kubectl import Resource, get_condition, is_ready, wait_until

_SERVICE = "distance-status"
_SETTING = "PRESIGN_TTL_SECONDS"  # visible in the responses of status, so that they identify the revision
_REQUESTS = 40


def reject_invalid_revision(installation: Installation) -> Figures:
    """Deploy an invalid setting: the revision logs its name and never gets ready, and the previous one serves."""
    traffic = _Traffic(installation)
    original = traffic.current_setting()
    known = {_latest_revision(installation)}
    _change_setting(installation, "soon")
    invalid = wait_until("the invalid revision", lambda: _new_revision(installation, known), 30)
    line = wait_until("its error in the log", lambda: _find_error(installation, invalid), 60)
    responses = traffic.send(5)
    expect(set(responses) == {original}, f"responses with the settings {dict(responses)}")
    ready = get_condition(installation.kubectl.get("revision", invalid)).get("status", "Unknown")
    expect(ready != "True", "the invalid revision is ready")
    _change_setting(installation, original)
    wait_until("the corrected revision", lambda: _new_revision(installation, known | {invalid}), 30)
    installation.wait_until_ready()
    return {"log of the invalid revision": line, "its condition Ready": ready, "requests": "served by the previous one"}


def split_traffic(installation: Installation) -> Figures:
    """Split the traffic between two revisions by percentage, and route all of it back to the older one."""
    kubectl, traffic = installation.kubectl, _Traffic(installation)
    original, old = traffic.current_setting(), _latest_revision(installation)
    _route(installation, {old: 100})
    _change_setting(installation, "300")
    new = wait_until("the new revision", lambda: _new_revision(installation, {old}), 30)
    wait_until("the new revision ready", lambda: is_ready(kubectl.get("revision", new)), 120)
    expect(set(traffic.send(5)) == {original}, "the new revision got traffic that is pinned to the old one")
    _route(installation, {old: 50, new: 50})
    wait_until("responses of both revisions", lambda: len(traffic.send(10)) == 2, 60)
    shares = traffic.send(_REQUESTS)
    started = time.monotonic()
    _route(installation, {old: 100})
    wait_until("responses of the old revision only", lambda: set(traffic.send(10)) == {original}, 60)
    seconds = time.monotonic() - started
    latest = [{"latestRevision": True, "percent": 100}]
    kubectl.patch("ksvc", _SERVICE, {"spec": {"traffic": latest}})
    installation.wait_until_ready()
    return {
        "pinned to the old revision": "no requests to the new one",
        f"{_REQUESTS} requests at 50 %": f"{shares['300']} to the new revision",
        "rollback": f"{seconds:.1f} s",
    }


class _Traffic:
    """Requests for a completed job. The lifetime of its presigned URL identifies the revision that responds."""

    def __init__(self, installation: Installation) -> None:
        functions = Functions(installation)
        [job_id] = functions.submit()
        functions.wait_for_jobs([job_id])
        self._request = {"method": "GET", "url": f"{functions.urls['status']}/api/distance/jobs/{job_id}"}
        self._caller = installation.caller

    def send(self, count: int) -> Counter[str]:
        """Send requests concurrently and count the responses by the revision's setting."""
        settings: Counter[str] = Counter()
        for response in self._caller.send_all([self._request] * count):
            expect(response.status == 200, f"{response.status} from status")
            url = response.json()["result"]["csv_download_url"]
            settings.update(parse_qs(urlsplit(url).query)["X-Amz-Expires"])
        return settings

    def current_setting(self) -> str:
        """Send one request and return the setting of the revision that responds."""
        return next(iter(self.send(1)))


def _change_setting(installation: Installation, value: str) -> None:
    """Create a revision with another value of the setting."""
    env = _service(installation)["spec"]["template"]["spec"]["containers"][0]["env"]
    changed = [variable for variable in env if variable["name"] != _SETTING] + [{"name": _SETTING, "value": value}]
    change = [{"op": "replace", "path": "/spec/template/spec/containers/0/env", "value": changed}]
    installation.kubectl.patch("ksvc", _SERVICE, change)


def _route(installation: Installation, shares: dict[str, int]) -> None:
    """Route percentages of the traffic to revisions, and wait until the route is ready."""
    traffic = [{"revisionName": name, "percent": share} for name, share in shares.items()]
    installation.kubectl.patch("ksvc", _SERVICE, {"spec": {"traffic": traffic}})
    installation.wait_until_ready()


def _service(installation: Installation) -> Resource:
    return installation.kubectl.get("ksvc", _SERVICE) or {}


def _latest_revision(installation: Installation) -> str:
    return str(_service(installation)["status"]["latestCreatedRevisionName"])


def _new_revision(installation: Installation, known: set[str]) -> str:
    """Return the latest revision, or "" if it is one of `known`."""
    latest = _latest_revision(installation)
    return "" if latest in known else latest


def _find_error(installation: Installation, revision: str) -> str:
    """Return the line of a revision's log that names the setting, or ""."""
    pods = installation.kubectl.list_resources("pods", f"serving.knative.dev/revision={revision}")
    logs = [installation.kubectl.logs(pod["metadata"]["name"], "user-container") for pod in pods]
    lines = [line for log in logs for line in log.splitlines() if line.startswith(_SETTING)]
    return lines[0] if lines else ""
