"""What the cluster test is told by its environment (docs/cluster.md has the table)."""

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
    """An option that can't be used, named."""


@dataclass(frozen=True)
class Options:
    """Where the image, the database and the storage of a run come from."""

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
    def own_database(self) -> bool:
        """Whether the namespace gets a PostgreSQL of its own."""
        return self.database_url is None

    @property
    def own_storage(self) -> bool:
        """Whether the namespace gets a MinIO of its own."""
        return not self.storage


def read(environ: Mapping[str, str]) -> Options:
    """The options, or BadOption; an empty one counts as absent."""
    given = {name: text for name, text in environ.items() if text}
    storage = {name: given[name] for name in _STORAGE if name in given}
    if storage and len(storage) < len(_STORAGE):
        raise BadOption(f"{', '.join(name for name in _STORAGE if name not in storage)}: missing beside {min(storage)}")
    overlay = given.get("OVERLAY", Options.overlay)
    if overlay not in [found.parent.name for found in OVERLAYS.glob("*/kustomization.yaml")]:
        raise BadOption(f"OVERLAY: there is none of that name in {OVERLAYS}")
    # Never the same twice: Knative's controllers remember for a while what was in a namespace that is gone.
    namespace = given.get("NAMESPACE", f"{Options.namespace}-{secrets.token_hex(2)}")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", namespace):
        raise BadOption("NAMESPACE: lower case, digits and hyphens are expected, 40 at most")
    return Options(
        image=given.get("IMAGE", Options.image),
        overlay=overlay,
        namespace=namespace,
        database_url=given.get("DATABASE_URL"),
        postgres_image=given.get("POSTGRES_IMAGE", _POSTGRES),
        rabbitmq_image=given.get("RABBITMQ_IMAGE"),
        storage=storage,
        public_gateway=given.get("PUBLIC_GATEWAY"),
        keep="KEEP" in given,
        only=tuple(given.get("ONLY", "").split()),
    )
