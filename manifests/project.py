"""The rules of this project: what the manifests name is what the code has.

manifests/knative/ has the rules of any project.
"""

import ast
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from manifests.knative.containers import containers_of
from manifests.knative.delivery import destinations
from manifests.knative.revisions import timeout
from manifests.resources import CONFIG_MAP, KSERVICE, SECRET, SINK_BINDING, TRIGGER, Field, Resource
from manifests.rules import ANY_KIND, Faults, Rules
from shared import events
from shared.config import settings
from shared.errors import SettingsError

RULES = Rules()
ROOT = Path(__file__).resolve().parent.parent
BROKER_NAME = "otel-worker"
EVENT_TYPES = (events.REQUESTED, events.COMPLETED, events.FAILED)
ROUTES = {"distance-calculate": ("/", "/dead-letter", "/sweep")}  # what takes a POST; a test holds it against the code
DRAINED_SECONDS = 30  # queue-proxy waits so long without a request before SIGTERM
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
SECRETS = {
    "distance-submit": _KEYS,
    "distance-calculate": (*_KEYS, "DATABASE_URL"),
    "distance-status": _KEYS,
    "distance-list": _KEYS,
    "distance-storage-admin": _KEYS,
    "otel-worker-access": ("API_KEYS",),
}
_STAND_INS = {  # for what is in a Secret
    "DATABASE_URL": "postgresql://reader@database/owntracks",
    "API_KEYS": "k" * 32,
    "RATE_LIMIT_STORE": "redis://store",
    "SENTRY_DSN": "https://key@sentry.example/1",
    "OTEL_EXPORTER_OTLP_HEADERS": "name=key",
}
_OF_THE_IMAGE = {"FUNCTION_TARGET", "FUNCTION_SOURCE", "BIND_HOST", "HOME", "PYTHONPATH", "TZ"}
_OF_LIBRARIES = ("OTEL_", "AWS_", "PG")


def installed() -> list[Resource]:
    """The Secrets that every installation brings, and this repository never holds."""
    return [
        Resource(
            {
                "apiVersion": "v1",
                "kind": SECRET,
                "metadata": {"name": name},
                "stringData": {key: _stand_in(key) for key in keys},
            }
        )
        for name, keys in SECRETS.items()
    ]


def _stand_in(key: str) -> str:
    return _STAND_INS.get(key, "key")


def _function(container: Field) -> dict[str, Field]:
    """The variables that a container is given by name, if it runs one of the functions."""
    said = {entry["name"].text: entry["value"] for entry in container["env"]}
    return said if "FUNCTION_TARGET" in said or "FUNCTION_SOURCE" in said else {}


@RULES.of(ANY_KIND)
def function_that_is_not_there(root: Field) -> Faults:
    for container in containers_of(root):
        said = _function(container)
        if not said:
            continue
        target, source = (said.get(name, container["env"]) for name in ("FUNCTION_TARGET", "FUNCTION_SOURCE"))
        if not (ROOT / source.text).is_file() or not source.text:
            yield source, f'FUNCTION_SOURCE "{source.text}" is no file of the project'
        elif target.text not in _defined(ROOT / source.text):
            yield target, f'FUNCTION_TARGET "{target.text}" is not defined in {source.text}'


@cache
def _defined(path: Path) -> frozenset[str]:
    """What a module defines or assigns at its top."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assigned = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    functions = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    return frozenset(functions | {name.id for name in assigned if isinstance(name, ast.Name)})


@RULES.among(ANY_KIND)
def variable_that_nothing_reads(root: Field, resources: Sequence[Resource]) -> Faults:
    for container in containers_of(root):
        if _function(container):
            named = [(entry["name"].text, entry["name"]) for entry in container["env"]]
            named += [(name, entry) for entry in container["envFrom"] for name in _from(entry, resources)]
            for name, place in named:
                known = name in settings.Settings.model_fields or name in _OF_THE_IMAGE
                if not known and not name.startswith(_OF_LIBRARIES):
                    yield place, f"{name} is no setting of the functions (README.md has them)"


def _from(entry: Field, resources: Sequence[Resource]) -> dict[str, str]:
    """The variables of an entry of envFrom, with a stand-in for what only the installation knows."""
    held = {(one.qualified_kind, one.name): one.root for one in resources}
    values: dict[str, str] = {}
    for reference, kind in (("configMapRef", CONFIG_MAP), ("secretRef", SECRET)):
        root = held.get((kind, entry[reference]["name"].text))
        for key, place in (*root["data"].items(), *root["stringData"].items()) if root else ():
            values[entry["prefix"].text + key] = place.text if kind == CONFIG_MAP else _stand_in(key)
    return values


@RULES.among(KSERVICE)
def setting_that_the_function_refuses(root: Field, resources: Sequence[Resource]) -> Faults:
    """What would stop the process at its start, before it is applied."""
    for container in containers_of(root):
        said = _function(container)
        target = said["FUNCTION_TARGET"].text if "FUNCTION_TARGET" in said else ""
        if target:
            given = _values(container, resources) | _bound(root, resources)
            try:
                settings.read(given, target)
            except SettingsError as exc:
                yield container["env"], f"{target} would not start: {exc}"
            if target == "calculate" and "K_SINK" not in given:
                yield container["env"], "its sweep publishes: K_SINK is missing, a SinkBinding gives it"


def _values(container: Field, resources: Sequence[Resource]) -> dict[str, str]:
    """The environment that a container starts with."""
    values: dict[str, str] = {}
    for entry in container["envFrom"]:
        values |= _from(entry, resources)
    for entry in container["env"]:
        name = entry["name"].text
        values[name] = entry["value"].text if entry["value"].given else _stand_in(name)
    return values


def _bound(root: Field, resources: Sequence[Resource]) -> dict[str, str]:
    """What a SinkBinding gives."""
    subjects = [one.root["spec"]["subject"] for one in resources if one.qualified_kind == SINK_BINDING]
    bound = any(one["kind"].text == "Service" and one["name"].text == root.resource.name for one in subjects)
    return {"K_SINK": "http://broker.example"} if bound else {}


@RULES.of(KSERVICE)
def grace_longer_than_the_pod(root: Field) -> Faults:
    """A pod is killed timeoutSeconds after its deletion, and SIGTERM comes after the drain."""
    spec = root["spec"]["template"]["spec"]
    for container in spec["containers"]:
        place = _function(container).get("GRACE_SECONDS")
        if place and place.text.isdecimal() and DRAINED_SECONDS + int(place.text) >= timeout(spec):
            yield (
                place,
                f"SIGTERM after {DRAINED_SECONDS} s and {place.text} s more: the pod is killed at {timeout(spec)} s",
            )


@RULES.of(TRIGGER)
def event_type_that_nobody_sends(root: Field) -> Faults:
    place = root["spec"]["filter"]["attributes"]["type"]
    if root["spec"]["broker"].text == BROKER_NAME and place.text and place.text not in EVENT_TYPES:
        yield place, f"{place.text} is none of {', '.join(EVENT_TYPES)}"


@RULES.of(ANY_KIND)
def route_that_is_not_there(root: Field) -> Faults:
    for place in destinations(root):
        name, uri = place["ref"]["name"].text, place["uri"].text or "/"
        if place["ref"]["kind"].text == "Service" and uri not in ROUTES.get(name, (uri,)):
            yield place["uri"], f"{name} takes events at {', '.join(ROUTES[name])}"
