"""Volumes of a revision and where they are mounted."""

import posixpath

from manifests.resources import CONFIGURATION, KSERVICE, Field
from manifests.rules import Faults, Rules

RULES = Rules()
_PLAIN = ("secret", "configMap", "projected", "emptyDir")
_FEATURES = {
    "csi": "podspec-volumes-csi",
    "ephemeral": "podspec-volumes-ephemeral",
    "hostPath": "podspec-volumes-hostpath",
    "image": "podspec-volumes-image",
    "persistentVolumeClaim": "podspec-persistent-volume-claim",
}
_TAKEN_PATHS = {"/", "/dev", "/dev/log"}


def _pod(root: Field) -> Field:
    return root["spec"]["template"]["spec"]


def _mounts(root: Field) -> list[Field]:
    return [mount for container in _pod(root)["containers"] for mount in container["volumeMounts"]]


@RULES.of(KSERVICE, CONFIGURATION)
def volume_needs_a_feature(root: Field) -> Faults:
    for volume in _pod(root)["volumes"]:
        for source, feature in _FEATURES.items():
            if source in volume:
                yield volume[source], f"Knative refuses it unless its feature kubernetes.{feature} is on"


@RULES.of(KSERVICE, CONFIGURATION)
def volume_of_one_source(root: Field) -> Faults:
    for volume in _pod(root)["volumes"]:
        sources = [name for name in (*_PLAIN, *_FEATURES) if name in volume]
        if len(sources) != 1:
            yield volume, f"one source is expected, as {', '.join(_PLAIN)}; there are {len(sources)}"


@RULES.of(KSERVICE, CONFIGURATION)
def volume_not_mounted(root: Field) -> Faults:
    mounted = {mount["name"].text for mount in _mounts(root)}
    for volume in _pod(root)["volumes"]:
        if volume["name"].text not in mounted:
            yield volume["name"], f"no container mounts {volume['name'].text}: Knative refuses such a volume"


@RULES.of(KSERVICE, CONFIGURATION)
def mount_without_a_volume(root: Field) -> Faults:
    volumes = {volume["name"].text for volume in _pod(root)["volumes"]}
    for mount in _mounts(root):
        if mount["name"].text not in volumes:
            yield mount["name"], f"there is no volume {mount['name'].text}"


@RULES.of(KSERVICE, CONFIGURATION)
def path_of_a_mount(root: Field) -> Faults:
    for container in _pod(root)["containers"]:
        seen: set[str] = set()
        for mount in container["volumeMounts"]:
            place = mount["mountPath"]
            path = posixpath.normpath(place.text) if place.text else ""
            if not path.startswith("/") or path in _TAKEN_PATHS:
                yield (
                    place,
                    f'"{place.text}": an absolute path is expected, and not one of {", ".join(sorted(_TAKEN_PATHS))}',
                )
            elif path in seen:
                yield place, f"{path} has a mount already"
            seen.add(path)
