"""What a resource names must be there: applied with it, or known to be in the cluster already."""

from collections.abc import Iterator, Sequence

from manifests.knative.containers import containers_of, pod_of
from manifests.resources import BROKER, CONFIG_MAP, SECRET, TRIGGER, Field, Resource
from manifests.rules import ANY_KIND, Faults, Rules

RULES = Rules()
_REFERENCES = ("ref", "subject", "config")
_IN_EVERY_NAMESPACE = {("ServiceAccount", "default"), (CONFIG_MAP, "kube-root-ca.crt")}


def _objects(place: Field) -> Iterator[Field]:
    """References to objects of any kind: those that name kind and name, however deep."""
    for name, child in place.items():
        if name in _REFERENCES and child["kind"].text and child["name"].text:
            yield child
        yield from _objects(child)
    for child in place:
        yield from _objects(child)


def _lacking(place: Field, kind: str, namespace: str, resources: Sequence[Resource]) -> str:
    """Why what `place` names is not there, or ""; a namespace that nothing is applied to is somebody else's."""
    name = place.text
    if (kind, name) in _IN_EVERY_NAMESPACE or (namespace and namespace not in {one.namespace for one in resources}):
        return ""
    found = [one.namespace for one in resources if one.qualified_kind == kind and one.name == name]
    if not found:
        return f"there is no {kind} {name} in what is applied"
    return "" if {namespace, ""} & set(found) else f"{kind} {name} is in namespace {found[0]}, and this is not"


@RULES.among(ANY_KIND)
def reference_to_an_object(root: Field, resources: Sequence[Resource]) -> Faults:
    if not root.resource.group.endswith(".knative.dev"):
        return
    for place in _objects(root["spec"]):
        group, kind = place["apiVersion"].text.rpartition("/")[0], place["kind"].text
        namespace = place["namespace"].text or root.resource.namespace
        lacking = _lacking(place["name"], f"{kind}.{group}" if group else kind, namespace, resources)
        if lacking:
            yield place["name"], lacking


@RULES.among(TRIGGER)
def reference_to_a_broker(root: Field, resources: Sequence[Resource]) -> Faults:
    place = root["spec"]["broker"]
    lacking = _lacking(place, BROKER, root.resource.namespace, resources) if place.text else ""
    if lacking:
        yield place, lacking


@RULES.among(ANY_KIND)
def reference_of_a_pod(root: Field, resources: Sequence[Resource]) -> Faults:
    for kind, place in _named_by(root):
        lacking = _lacking(place, kind, root.resource.namespace, resources) if place.text else ""
        if lacking:
            yield place, lacking


def _named_by(root: Field) -> Iterator[tuple[str, Field]]:
    """The kind and the place of each name that a pod needs to start."""
    pod = pod_of(root)
    yield "ServiceAccount", pod["serviceAccountName"]
    for entry in pod["imagePullSecrets"]:
        yield SECRET, entry["name"]
    for volume in pod["volumes"]:
        yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
        for kind, source, name in ((CONFIG_MAP, "configMap", "name"), (SECRET, "secret", "secretName")):
            if volume[source]["optional"].value is not True:
                yield kind, volume[source][name]
        for projected in volume["projected"]["sources"]:
            for kind, source in ((CONFIG_MAP, "configMap"), (SECRET, "secret")):
                if projected[source]["optional"].value is not True:
                    yield kind, projected[source]["name"]
    for kind, place, _ in _variables(root):
        yield kind, place


def _variables(root: Field) -> Iterator[tuple[str, Field, Field]]:
    """The ConfigMaps and Secrets of the environment that must be there: kind, place of the name, place of the key."""
    for container in containers_of(root):
        sources = [(entry["configMapRef"], entry["secretRef"]) for entry in container["envFrom"]]
        sources += [
            (entry["valueFrom"]["configMapKeyRef"], entry["valueFrom"]["secretKeyRef"]) for entry in container["env"]
        ]
        for both in sources:
            for kind, place in zip((CONFIG_MAP, SECRET), both, strict=True):
                if place.given and place["optional"].value is not True:
                    yield kind, place["name"], place["key"]


@RULES.among(ANY_KIND)
def key_of_a_variable(root: Field, resources: Sequence[Resource]) -> Faults:
    for kind, name, key in _variables(root):
        for held in resources:
            known = {name for part in ("data", "stringData") for name, _ in held.root[part].items()}
            if (held.qualified_kind, held.name) == (kind, name.text) and known and key.text and key.text not in known:
                yield key, f"{kind} {name.text} has no {key.text}"
