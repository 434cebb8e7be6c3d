"""Who gets in and out: visibility, network policies, and what a function's process may do in its pod."""

import json
from urllib.parse import urlsplit

from cluster.functions import Functions, expect
from cluster.installation import FUNCTIONS, Installation
from cluster.kubectl import Refused
from cluster.proofs.way import Figures

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
    """The functions have names of the cluster only, and its public gateway knows none of them."""
    functions = Functions(installation)
    hosts = {urlsplit(url).hostname or "" for url in functions.urls.values()}
    expect(all(host.endswith(".svc.cluster.local") for host in hosts), f"hosts: {sorted(hosts)}")
    gateway = installation.options.public_gateway
    if not gateway:
        return {"hosts": "cluster-local", "skipped": "PUBLIC_GATEWAY names no gateway to try from outside"}
    for host in hosts:
        answer = installation.caller.asks("GET", f"{gateway}/healthz", headers={"Host": host})
        expect(answer.status == 404, f"the public gateway answers for {host} with {answer.status}")
    return {"hosts": "cluster-local", "the public gateway": "404 for each of them"}


def confinement(installation: Installation) -> Figures:
    """A function's process is nobody, writes nowhere, holds no token, and reaches what its policies name."""
    functions = Functions(installation)
    kubectl = installation.kubectl
    enforced = _enforced(installation)
    for name in FUNCTIONS:
        installation.caller.asks("GET", functions.urls[name] + "/healthz")
        [pod, *_] = functions.running(name)
        addresses = {"storage": ["minio", 9000], "database": ["postgres", 5432], "API": ["kubernetes.default", 443]}
        given = json.dumps(addresses)
        text = kubectl.execute(pod, "python3", "-c", _PROBE, given=given, container="user-container")
        found = json.loads(text)
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
