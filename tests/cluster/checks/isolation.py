"""Who gets in and out: visibility, network policies, and what a function's process may do in its pod."""

import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from tests.cluster.checks.end_to_end import Figures
from tests.cluster.functions import Functions, expect
from tests.cluster.installation import FUNCTIONS, Installation
from tests.cluster.kubectl import Refused, until

_PROBE = """
import json, os, socket, sys
def reached(address):
    try:
        socket.create_connection(tuple(address), 3).close()
        return True
    except OSError:
        return False
def writes(path):
    try:
        open(path, "w").close()
        return True
    except OSError:
        return False
given = json.load(sys.stdin)
print(json.dumps({
    "uid": os.getuid(),
    "token": os.path.exists("/var/run/secrets/kubernetes.io/serviceaccount/token"),
    "writes": [path for path in ("/app/x", "/packages/x", "/etc/x") if writes(path)],
    "capabilities": [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")][0],
    "reached": {name: reached(address) for name, address in given.items()},
}))
"""


def visibility(installation: Installation) -> Figures:
    """What the overlay does not publish has names of the cluster only, and its public gateway knows none of them."""
    local = [name for name in FUNCTIONS if name == "calculate" or not _published(installation, f"distance-{name}")]
    hosts = {urlsplit(installation.url(f"distance-{name}", outside=True)).hostname or "" for name in local}
    expect(all(host.endswith(".svc.cluster.local") for host in hosts), f"hosts: {sorted(hosts)}")
    gateway = installation.options.public_gateway
    if not gateway:
        return {"hosts": "cluster-local", "skipped": "PUBLIC_GATEWAY names no gateway to try from outside"}
    for host in hosts:
        answer = installation.caller.asks("GET", f"{gateway}/healthz", headers={"Host": host})
        expect(answer.status == 404, f"the public gateway answers for {host} with {answer.status}")
    return {"hosts": "cluster-local", "the public gateway": "404 for each of them"}


def _published(installation: Installation, name: str) -> bool:
    (found,) = (one for one in installation.rendered if one["kind"] == "Service" and one["metadata"]["name"] == name)
    return "networking.knative.dev/visibility" not in found["metadata"].get("labels", {})


def who_calls(installation: Installation) -> Figures:
    """With the access component: without a key nobody gets in, with one everybody, and the broker is not asked."""
    having = [one["metadata"]["name"] for one in installation.rendered if "API_KEYS" in json.dumps(one.get("spec", {}))]
    if not having:
        return {"keys": "not asked for in this overlay"}
    urls = Functions(installation).urls
    paths = {"submit": "/api/distance/calculate", "status": "/api/distance/jobs/nobody", "list": "/api/distance/jobs"}
    found = {}
    for name, path in paths.items():
        method = "POST" if name == "submit" else "GET"
        keys = (installation.key, "", "x" * 48)
        found[name] = [
            installation.caller.asks(method, urls[name] + path, headers={"X-API-Key": key}).status for key in keys
        ]
    wanted = {"submit": [400, 401, 401], "status": [404, 401, 401], "list": [200, 401, 401]}
    expect(found == wanted, f"with the key, without, and with another: {found}")
    sweep = installation.caller.asks("POST", f"{urls['calculate']}/sweep", headers={"X-API-Key": ""}).status
    expect(sweep == 204, f"the sweep was answered with {sweep}")
    return {"with the key, without, with another": str(found), "asked for by": ", ".join(sorted(having))}


def confinement(installation: Installation) -> Figures:
    """A function's process is nobody, writes nowhere, holds no token, and reaches what its policies name."""
    enforced = _enforced(installation)
    for name in FUNCTIONS:
        found = until(f"a pod of {name} to look into", lambda name=name: _seen_within(installation, name), 60)  # type: ignore[misc] # mypy knows no defaults of lambdas
        expect(found["uid"] == 65532, f"{name} runs as {found['uid']}")
        expect(not found["token"], f"{name} has a token of the Kubernetes API")
        expect(not found["writes"], f"{name} can write {found['writes']}")
        expect(int(found["capabilities"], 16) == 0, f"{name} has capabilities {found['capabilities']}")
        if enforced and installation.database:
            expect(
                found["reached"]["database"] == (name == "calculate"), f"{name} and the database: {found['reached']}"
            )
    return {
        "user, token, writable paths, capabilities": "65532, none, none, none",
        "network policies": "enforced" if enforced else "taken, not enforced by this cluster's network",
    }


def _seen_within(installation: Installation, name: str) -> Any:
    """What a process in a function's pod finds; None if the pod went away meanwhile."""
    functions = Functions(installation)
    installation.caller.asks("GET", functions.urls[name] + "/healthz")
    given = json.dumps({"database": ["postgres", 5432], "storage": ["minio", 9000]})
    for pod in functions.running(name):
        with suppress(Refused):
            command = ("python3", "-c", _PROBE)
            return json.loads(installation.kubectl.execute(pod, *command, given=given, container="user-container"))
    return None


def _enforced(installation: Installation) -> bool:
    """Whether a policy that lets nothing out holds a pod back."""
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "probe"},
        "spec": {"podSelector": {"matchLabels": {"run": "probe"}}, "policyTypes": ["Egress"]},
    }
    kubectl = installation.kubectl
    kubectl.apply([policy])
    kubectl.run("label", "pod/caller", "run=probe", "--overwrite")
    try:
        script = "import socket; socket.create_connection(('minio', 9000), 3)"
        kubectl.execute("caller", "python3", "-c", script)
    except Refused:
        return True
    finally:
        kubectl.run("label", "pod/caller", "run-")
        kubectl.delete("networkpolicy", "probe")
    return False
