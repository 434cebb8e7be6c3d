"""Broken manifests: each a small change of a valid one, with the rule that it breaks (manifests/broken/)."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from manifests.rendering import documents
from manifests.resources import Resource

BROKEN = Path(__file__).with_name("broken")
VALID = BROKEN / "valid.yaml"


@dataclass(frozen=True)
class Sample:
    """`manifest` is the one that is changed, `applied` what it is applied with; `says` is a part of the finding's text.

    `refused`: whether a cluster with Knative refuses to create it; else it would be taken, and break later.
    """

    name: str
    rule: str
    says: str
    refused: bool
    manifest: dict[str, Any]
    applied: Sequence[Resource]


@cache
def valid() -> tuple[Resource, ...]:
    """What the samples are made of: a small system without a fault."""
    return tuple(Resource(manifest, VALID.name) for manifest in documents(VALID.read_text(encoding="utf-8")))


def samples() -> Iterator[Sample]:
    """Every sample; the files list them under the name of their rule."""
    for path in sorted(BROKEN.glob("*.yaml")):
        if path != VALID:
            (rules,) = documents(path.read_text(encoding="utf-8"))
            for rule, entries in rules.items():
                for number, entry in enumerate(entries, 1):
                    yield _sample(f"{rule}-{number}", rule, entry)


def _sample(name: str, rule: str, entry: dict[str, Any]) -> Sample:
    kind, _, called = entry["of"].partition("/")
    left = [one for one in valid() if f"{one.qualified_kind}/{one.name}" not in entry.get("without", ())]
    (changed,) = (one for one in left if (one.qualified_kind, one.name) == (kind, called))
    way = [int(key) if key.isdecimal() else key for key in entry.get("at", "").split(".") if key]
    manifest = _changed(changed.manifest, way, entry["with"])
    applied = [Resource(manifest, one.origin) if one is changed else one for one in left]
    return Sample(name, rule, entry["says"], entry.get("refused", False), manifest, applied)


def _changed(node: Any, way: Sequence[str | int], change: Any) -> Any:
    """`node` with `change` at the place where `way` leads: mappings are merged, null takes away."""
    if way:
        node = copy.deepcopy(node) if node is not None else {}
        here = node.get(way[0]) if isinstance(node, dict) else node[way[0]]
        node[way[0]] = _changed(here, way[1:], change)
        return node
    if not (isinstance(change, dict) and isinstance(node, dict)):
        return change
    merged = node | {key: _changed(node.get(key), (), value) for key, value in change.items()}
    return {key: value for key, value in merged.items() if value is not None}
