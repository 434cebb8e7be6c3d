"""What of a pod a revision may say: some fields need a feature of the cluster, some are Knative's own."""

from manifests.resources import CONFIGURATION, KSERVICE, Field
from manifests.rules import Faults, Rules

RULES = Rules()
_FEATURES = {
    "affinity": "affinity",
    "dnsConfig": "dnsconfig",
    "dnsPolicy": "dnspolicy",
    "hostAliases": "hostaliases",
    "hostIPC": "hostipc",
    "hostNetwork": "hostnetwork",
    "hostPID": "hostpid",
    "initContainers": "init-containers",
    "nodeSelector": "nodeselector",
    "priorityClassName": "priorityclassname",
    "runtimeClassName": "runtimeclassname",
    "schedulerName": "schedulername",
    "securityContext": "securitycontext",
    "shareProcessNamespace": "shareprocessnamespace",
    "tolerations": "tolerations",
    "topologySpreadConstraints": "topologyspreadconstraints",
}
_ITS_OWN = {
    "activeDeadlineSeconds": "Knative ends pods by itself",
    "nodeName": "Knative leaves the node to the scheduler",
    "restartPolicy": "Knative's pods are always started again",
    "terminationGracePeriodSeconds": "it is timeoutSeconds",
}
_ITS_OWN_OF_A_CONTAINER = {
    "lifecycle": "queue-proxy drains the pod before SIGTERM",
    "stdin": "no terminal is attached",
    "tty": "no terminal is attached",
    "volumeDevices": "no block devices",
}


@RULES.of(KSERVICE, CONFIGURATION)
def needs_a_feature(root: Field) -> Faults:
    """Off by default: the cluster's administrator decides in the ConfigMap config-features of knative-serving."""
    spec = root["spec"]["template"]["spec"]
    for name, feature in _FEATURES.items():
        if spec[name].value not in (None, [], {}, False):
            yield spec[name], f"Knative refuses it unless its feature kubernetes.podspec-{feature} is on"


@RULES.of(KSERVICE, CONFIGURATION)
def left_to_knative(root: Field) -> Faults:
    spec = root["spec"]["template"]["spec"]
    for name, reason in _ITS_OWN.items():
        if name in spec:
            yield spec[name], f"it can't be set: {reason}"
    for container in spec["containers"]:
        for name, reason in _ITS_OWN_OF_A_CONTAINER.items():
            if name in container:
                yield container[name], f"it can't be set: {reason}"


@RULES.of(KSERVICE, CONFIGURATION)
def token_of_an_account(root: Field) -> Faults:
    place = root["spec"]["template"]["spec"]["automountServiceAccountToken"]
    if place.value is True:
        yield place, "Knative takes only false: true is what a pod has without it"


@RULES.of(KSERVICE, CONFIGURATION)
def one_port_in_all(root: Field) -> Faults:
    containers = root["spec"]["template"]["spec"]["containers"]
    ports = [port for container in containers for port in container["ports"]]
    if len(ports) > 1:
        yield ports[1], "a revision has one port in all its containers: the one that takes its requests"
    if len(list(containers)) > 1 and not ports:
        yield containers, "of several containers one must have a port, so that Knative knows which takes the requests"


@RULES.of(KSERVICE, CONFIGURATION)
def no_container(root: Field) -> Faults:
    containers = root["spec"]["template"]["spec"]["containers"]
    if not list(containers):
        yield containers, "a revision needs a container"
