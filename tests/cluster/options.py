"""Options of the cluster test, from the environment. docs/contributing/cluster-tests.md lists them."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.version import VERSION

OVERLAYS = Path(__file__).parents[2] / "knative" / "overlays"
_STORAGE = ("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_POSTGRES = (
    "docker.io/library/postgres:18.1-bookworm@sha256:cc9f4143a8d2fa8cf3749d0cb4d26ecf2d53a77a2ac807e9ebd67ae22426221a"
)


class BadOption(Exception):
    """An option is invalid. The text names it."""


@dataclass(frozen=True)
class Options:
    """Image, overlay, namespace, database and storage of a run."""

    image: str = f"dev.local/otel-worker:{VERSION}"
    overlay: str = "in-memory"
    namespace: str = "otel-worker-test"
    database_url: str | None = None
    postgres_image: str = _POSTGRES
    rabbitmq_image: str | None = None
    storage: Mapping[str, str] = field(default_factory=dict)
    public_gateway: str | None = None
    keep: bool = False
    only: tuple[str, ...] = ()

    @property
    def deploys_database(self) -> bool:
        """Whether the run deploys a PostgreSQL."""
        return self.database_url is None

    @property
    def deploys_storage(self) -> bool:
        """Whether the run deploys a MinIO."""
        return not self.storage


def read(environ: Mapping[str, str]) -> Options:
    """Read the options. Empty variables count as unset. Raises BadOption."""
    variables = {name: text for name, text in environ.items() if text}
    storage = {name: variables[name] for name in _STORAGE if name in variables}
    if storage and len(storage) < len(_STORAGE):
        missing = ", ".join(name for name in _STORAGE if name not in storage)
        raise BadOption(f"{missing}: missing, but {min(storage)} is set")
    overlay = variables.get("OVERLAY", Options.overlay)
    if overlay not in [file.parent.name for file in OVERLAYS.glob("*/kustomization.yaml")]:
        raise BadOption(f"OVERLAY: no such overlay in {OVERLAYS}")
    # A new name each time, because Knative's controllers cache the content of a deleted namespace for a while.
    namespace = variables.get("NAMESPACE", f"{Options.namespace}-{secrets.token_hex(2)}")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", namespace):
        raise BadOption("NAMESPACE: expected at most 40 lower-case letters, digits and hyphens")
    return Options(
        image=variables.get("IMAGE", Options.image),
        overlay=overlay,
        namespace=namespace,
        database_url=variables.get("DATABASE_URL"),
        postgres_image=variables.get("POSTGRES_IMAGE", _POSTGRES),
        rabbitmq_image=variables.get("RABBITMQ_IMAGE"),
        storage=storage,
        public_gateway=variables.get("PUBLIC_GATEWAY"),
        keep="KEEP" in variables,
        only=tuple(variables.get("ONLY", "").split()),
    )
