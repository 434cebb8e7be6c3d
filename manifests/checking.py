"""All that is wrong with resources that are applied together: their shapes, then the rules."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from manifests import project
from manifests.knative import RULES as KNATIVE
from manifests.rendering import documents
from manifests.resources import Finding, Resource, finding
from manifests.structure import function_faults, misshapen

RULES = (*KNATIVE, *project.RULES)
SHAPE = "schema"


def findings(resources: Sequence[Resource], given: Sequence[Resource] = ()) -> list[Finding]:
    """Everything that is wrong, in the order of files, resources and places; `given` is in the cluster already."""
    known = (*resources, *given, *project.installed())
    return sorted({told for resource in resources for told in _of(resource, known)})


def _of(resource: Resource, resources: Sequence[Resource]) -> Iterator[Finding]:
    explained = set()  # what a rule explains the schema need not
    for rule in RULES:
        if rule.about(resource):
            for place, message in rule.check(resource.root, resources):
                explained.add(place.path)
                yield finding(place, message, rule.name)
    for place, message in misshapen(resource):
        if place.path not in explained:
            yield finding(place, message, SHAPE)


def function_findings(path: Path) -> list[Finding]:
    """What is wrong with the func.yaml at `path`."""
    (manifest,) = documents(path.read_text(encoding="utf-8"))
    return [
        Finding(str(path), "func", place.path, message, SHAPE)
        for place, message in function_faults(manifest, str(path))
    ]
