"""A rendered resource, the places in it, and what is found wrong there."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

KSERVICE = "Service.serving.knative.dev"
CONFIGURATION = "Configuration.serving.knative.dev"
ROUTE = "Route.serving.knative.dev"
DOMAIN_MAPPING = "DomainMapping.serving.knative.dev"
BROKER = "Broker.eventing.knative.dev"
TRIGGER = "Trigger.eventing.knative.dev"
SINK_BINDING = "SinkBinding.sources.knative.dev"
PING_SOURCE = "PingSource.sources.knative.dev"
CONFIG_MAP = "ConfigMap"
SECRET = "Secret"  # noqa: S105 - a kind
NETWORK_POLICY = "NetworkPolicy.networking.k8s.io"


@dataclass(frozen=True)
class Resource:
    """One resource of a render: its manifest, and the file it comes from."""

    manifest: dict[str, Any]
    origin: str = ""

    @property
    def group(self) -> str:
        """`serving.knative.dev` of `serving.knative.dev/v1`, "" of `v1`."""
        return self.api_version.rpartition("/")[0]

    @property
    def api_version(self) -> str:
        return str(self.manifest.get("apiVersion", ""))

    @property
    def kind(self) -> str:
        return str(self.manifest.get("kind", ""))

    @property
    def qualified_kind(self) -> str:
        """`Service.serving.knative.dev`, of whatever version; `ConfigMap` for the core group."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def name(self) -> str:
        return self.root["metadata"]["name"].text

    @property
    def namespace(self) -> str:
        """Empty where the manifest leaves it to whoever applies it."""
        return self.root["metadata"]["namespace"].text

    @property
    def root(self) -> "Field":
        return Field(self, (), self.manifest)


@dataclass(frozen=True)
class Field:
    """A place in a manifest; `value` is None where nothing is, so that a way may be followed to its end."""

    resource: Resource
    way: tuple[str | int, ...]
    value: Any = field(repr=False)

    def __getitem__(self, key: str | int) -> "Field":
        found = None
        if isinstance(key, str) and isinstance(self.value, dict):
            found = self.value.get(key)
        elif isinstance(key, int) and isinstance(self.value, list) and key < len(self.value):
            found = self.value[key]
        return Field(self.resource, (*self.way, key), found)

    def __iter__(self) -> Iterator["Field"]:
        """The items of a list; none where no list is."""
        return (self[index] for index in range(len(self.value) if isinstance(self.value, list) else 0))

    def items(self) -> Iterator[tuple[str, "Field"]]:
        """The entries of a mapping; none where no mapping is."""
        for key in self.value if isinstance(self.value, dict) else ():
            yield str(key), Field(self.resource, (*self.way, key), self.value[key])

    def values(self) -> Iterator["Field"]:
        """The places of a mapping's entries."""
        return (place for _, place in self.items())

    def __contains__(self, key: object) -> bool:
        return isinstance(self.value, dict) and key in self.value

    @property
    def given(self) -> bool:
        return self.value is not None

    @property
    def text(self) -> str:
        """The string there, or ""."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def number(self) -> int | None:
        """The integer there, or None."""
        return self.value if isinstance(self.value, int) and not isinstance(self.value, bool) else None

    @property
    def path(self) -> str:
        """`spec.containers[0].env` and the like; a key with a dot is quoted."""
        said = ""
        for key in self.way:
            if isinstance(key, int):
                said += f"[{key}]"
            elif "." in key:
                said += f'["{key}"]'
            else:
                said += f".{key}" if said else key
        return said


@dataclass(frozen=True, order=True)
class Finding:
    """One thing wrong: in which file and resource, where there, what and why, and which rule says so."""

    origin: str
    resource: str
    path: str
    message: str
    rule: str

    def __str__(self) -> str:
        where = f"{self.resource}: {self.path}" if self.path else self.resource
        return f"{self.origin}: {where}: {self.message} ({self.rule})"


def finding(place: Field, message: str, rule: str) -> Finding:
    """What `rule` says of `place`."""
    resource = place.resource
    return Finding(resource.origin, f"{resource.kind}/{resource.name}", place.path, message, rule)
