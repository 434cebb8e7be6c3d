"""Isolation: visibility, authentication, network policies, and the rights of a function's process."""

import json
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from tests.cluster.checks import Figures
from tests.cluster.functions import Functions, expect
from tests.cluster.installation import FUNCTIONS, Installation
from tests.cluster.kubectl import KubectlError, wait_until

_SCRIPT = """
import json, os, socket, sys
def is_reachable(address):
    try:
        socket.create_connection(tuple(address), 3).close()
        return True
    except OSError:
        return False
def is_writable(path):
    try:
        open(path, "w").close()
        return True
    except OSError:
        return False
addresses = json.load(sys.stdin)
print(json.dumps({
    "uid": os.getuid(),
    "token": os.path.exists("/var/run/secrets/kubernetes.io/serviceaccount/token"),
    "writable": [path for path in ("/app/x", "/packages/x", "/etc/x") if is_writable(path)],
    "capabilities": [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")][0],
    "reachable": {name: is_reachable(address) for name, address in addresses.items()},
}))
"""


def check_visibility(installation: Installation) -> Figures:
    """Check that private functions have cluster-local names, which the public gateway does not route."""
    private = [name for name in FUNCTIONS if name == "calculate" or not _is_public(installation, f"distance-{name}")]
    hosts = {urlsplit(installation.url(f"distance-{name}", outside=True)).hostname or "" for name in private}
    expect(all(host.endswith(".svc.cluster.local") for host in hosts), f"hosts: {sorted(hosts)}")
    gateway = installation.options.public_gateway
    if not gateway:
        return {"hosts": "cluster-local", "skipped": "PUBLIC_GATEWAY is not set"}
    for host in hosts:
        response = installation.caller.send("GET", f"{gateway}/healthz", headers={"Host": host})
        expect(response.status == 404, f"{response.status} from the public gateway for {host}")
    return {"hosts": "cluster-local", "public gateway": "404 for each host"}


def _is_public(installation: Installation, name: str) -> bool:
    services = [resource for resource in installation.rendered if resource["kind"] == "Service"]
    (service,) = (service for service in services if service["metadata"]["name"] == name)
    return "networking.knative.dev/visibility" not in service["metadata"].get("labels", {})


def check_authentication(installation: Installation) -> Figures:
    """With the component access: check that submit, status and list require an API key, and calculate does not."""
    resources = [one for one in installation.rendered if "API_KEYS" in json.dumps(one.get("spec", {}))]
    if not resources:
        return {"skipped": "this overlay does not require API keys"}
    urls = Functions(installation).urls
    paths = {"submit": "/api/distance/calculate", "status": "/api/distance/jobs/unknown", "list": "/api/distance/jobs"}
    statuses = {}
    for name, path in paths.items():
        method = "POST" if name == "submit" else "GET"
        keys = (installation.api_key, "", "x" * 48)
        statuses[name] = [
            installation.caller.send(method, urls[name] + path, headers={"X-API-Key": key}).status for key in keys
        ]
    expected = {"submit": [400, 401, 401], "status": [404, 401, 401], "list": [200, 401, 401]}
    expect(statuses == expected, f"with the key, without a key, with an invalid key: {statuses}")
    sweep = installation.caller.send("POST", f"{urls['calculate']}/sweep", headers={"X-API-Key": ""}).status
    expect(sweep == 204, f"{sweep} for the sweep")
    names = sorted(resource["metadata"]["name"] for resource in resources)
    return {"with the key, without a key, with an invalid key": str(statuses), "keys required by": ", ".join(names)}


def check_confinement(installation: Installation) -> Figures:
    """Check user, token, writable paths, capabilities and network access of each function's process."""
    enforced = _are_policies_enforced(installation)
    for name in FUNCTIONS:
        process = wait_until(f"a pod of {name}", partial(_inspect_process, installation, name), 60)
        expect(process["uid"] == 65532, f"{name} runs as {process['uid']}")
        expect(not process["token"], f"{name} has a Kubernetes API token")
        expect(not process["writable"], f"{name} can write {process['writable']}")
        expect(int(process["capabilities"], 16) == 0, f"{name} has capabilities {process['capabilities']}")
        if enforced and installation.database:
            reachable = process["reachable"]["database"]
            expect(reachable == (name == "calculate"), f"{name} can reach the database: {reachable}")
        if enforced and installation.options.deploys_storage:
            reachable = process["reachable"]["storage"]
            expect(reachable == (name != "web"), f"{name} can reach the storage: {reachable}")
    return {
        "user, token, writable paths, capabilities": "65532, none, none, none",
        "network policies": "enforced" if enforced else "not enforced by this cluster's network",
    }


def _inspect_process(installation: Installation, name: str) -> Any:
    """Return the findings of a process in a function's pod, or None if its pods have terminated meanwhile."""
    functions = Functions(installation)
    installation.caller.send("GET", functions.urls[name] + "/healthz")
    addresses = json.dumps({"database": ["postgres", 5432], "storage": ["minio", 9000]})
    for pod in functions.running_pods(name):
        with suppress(KubectlError):
            command = ("python3", "-c", _SCRIPT)
            return json.loads(installation.kubectl.execute(pod, *command, stdin=addresses, container="user-container"))
    return None


def _are_policies_enforced(installation: Installation) -> bool:
    """Return whether a policy without egress rules blocks a pod's connections."""
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
    except KubectlError:
        return True
    finally:
        kubectl.run("label", "pod/caller", "run-")
        kubectl.delete("networkpolicy", "probe")
    return False
