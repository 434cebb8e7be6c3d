"""A container of a revision, or of any pod: its environment, port, probes, image and resources."""

from collections.abc import Iterator

from manifests.resources import CONFIGURATION, KSERVICE, Field
from manifests.rules import ANY_KIND, Faults, Rules
from manifests.values import is_image, is_pinned, quantity

RULES = Rules()
_RESERVED = {"K_SERVICE", "K_CONFIGURATION", "K_REVISION"}
_RESERVED_PORTS = {8008, 8012, 8013, 8022, 9090, 9091}
_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")


def pod_of(root: Field) -> Field:
    """The pod's spec in any resource that makes pods; a place where nothing is in others."""
    kind, spec = root.resource.kind, root["spec"]
    if kind == "Pod":
        return spec
    if kind == "CronJob":
        return spec["jobTemplate"]["spec"]["template"]["spec"]
    return spec["template"]["spec"]


def containers_of(root: Field) -> Iterator[Field]:
    pod = pod_of(root)
    yield from pod["initContainers"]
    yield from pod["containers"]


def _served(root: Field) -> tuple[Field, Field | None]:
    """The containers of a revision, and the one that takes its requests."""
    containers = root["spec"]["template"]["spec"]["containers"]
    every = list(containers)
    serving = every[0] if len(every) == 1 else next((one for one in every if list(one["ports"])), None)
    return containers, serving


@RULES.of(KSERVICE, CONFIGURATION)
def reserved_variable(root: Field) -> Faults:
    containers, serving = _served(root)
    for container in containers:
        reserved = _RESERVED | ({"PORT"} if serving and container.way == serving.way else set())
        for entry in container["env"]:
            if entry["name"].text in reserved:
                yield entry["name"], f"{entry['name'].text} is Knative's: it sets it, and refuses it from others"


@RULES.of(KSERVICE, CONFIGURATION)
def variable_from_the_pod(root: Field) -> Faults:
    for container in root["spec"]["template"]["spec"]["containers"]:
        for entry in container["env"]:
            for name in ("fieldRef", "resourceFieldRef"):
                if name in entry["valueFrom"]:
                    yield (
                        entry["valueFrom"][name],
                        "Knative refuses it unless its feature kubernetes.podspec-fieldref is on",
                    )


@RULES.of(ANY_KIND)
def variables_from_nowhere(root: Field) -> Faults:
    for container in containers_of(root):
        for entry in container["envFrom"]:
            if ("configMapRef" in entry) == ("secretRef" in entry):
                yield entry, "one of configMapRef and secretRef is expected"


@RULES.of(KSERVICE, CONFIGURATION)
def port_of_a_revision(root: Field) -> Faults:
    for container in root["spec"]["template"]["spec"]["containers"]:
        port = container["ports"][0]
        if port["name"].text not in ("", "h2c", "http1"):
            yield port["name"], "the name says the protocol: h2c or http1"
        if port["protocol"].text not in ("", "TCP"):
            yield port["protocol"], "requests come by TCP"
        number = port["containerPort"].number
        if number in _RESERVED_PORTS or (number is not None and not 0 <= number <= 65535):
            yield port["containerPort"], f"{number} is taken by queue-proxy, or no port"


@RULES.of(KSERVICE, CONFIGURATION)
def probe_of_a_revision(root: Field) -> Faults:
    _, serving = _served(root)
    if serving is None:
        return
    for name in _PROBES:
        probe = serving[name]
        handlers = [handler for handler in _HANDLERS if handler in probe]
        if len(handlers) > 1:
            yield probe, f"one way to probe is expected, not {' and '.join(handlers)}"
        if probe.given and not handlers and name != "readinessProbe":
            yield probe, f"one of {', '.join(_HANDLERS)} is expected"
        for handler in handlers:
            port = probe[handler]["port"]
            if port.text and port.text != (serving["ports"][0]["name"].text or "http"):
                yield port, "the name of another port than the container's: leave the port out"


@RULES.of(KSERVICE, CONFIGURATION)
def probe_without_a_period(root: Field) -> Faults:
    """Without periodSeconds queue-proxy probes as fast as it can, and counts nothing."""
    _, serving = _served(root)
    probe = serving["readinessProbe"] if serving else root["no"]
    if not probe["periodSeconds"].number:
        for name in ("failureThreshold", "timeoutSeconds"):
            if probe[name].number:
                yield probe[name], "Knative refuses it without periodSeconds: queue-proxy probes by itself then"


@RULES.of(KSERVICE, CONFIGURATION)
def probe_of_a_sidecar(root: Field) -> Faults:
    containers, serving = _served(root)
    for container in containers:
        if serving and container.way != serving.way:
            for name in _PROBES:
                if name in container:
                    yield (
                        container[name],
                        "Knative refuses it beside another container unless its feature multi-container-probing is on",
                    )


@RULES.of(ANY_KIND)
def image_not_pinned(root: Field) -> Faults:
    for container in containers_of(root):
        place = container["image"]
        if not place.text:
            yield place, "a container needs an image"
        elif not is_image(place.text):
            yield place, f"{place.text} is no name of an image"
        elif not is_pinned(place.text):
            yield place, f"{place.text} is another image tomorrow: give a version, or better a digest"


@RULES.of(ANY_KIND)
def resources_of_a_container(root: Field) -> Faults:
    for container in containers_of(root):
        resources = container["resources"]
        for part in ("requests", "limits"):
            for place in resources[part].values():
                if quantity(place.value) is None:
                    yield place, f"{place.value} is no quantity, as 250m or 256Mi"
        for name, place in resources["requests"].items():
            least, most = quantity(place.value), quantity(resources["limits"][name].value)
            if least is not None and most is not None and least > most:
                yield place, f"{place.value} is more than the limit of {resources['limits'][name].value}: no pod starts"


@RULES.of(ANY_KIND)
def capabilities_misspelt(root: Field) -> Faults:
    for container in containers_of(root):
        for place in container["securityContext"]["capabilities"]["drop"]:
            if place.text != place.text.upper():
                yield place, f"{place.text} drops nothing: capabilities are spelt in capitals"


@RULES.of(KSERVICE, CONFIGURATION)
def privilege_added(root: Field) -> Faults:
    for container in root["spec"]["template"]["spec"]["containers"]:
        context = container["securityContext"]
        if context["capabilities"]["add"].value:
            place = context["capabilities"]["add"]
            yield place, "Knative refuses it unless its feature kubernetes.containerspec-addcapabilities is on"
        if context["privileged"].value is True:
            yield context["privileged"], "Knative takes only false"
