"""Users and policies in SeaweedFS's configuration file (`-s3.config`), which the server reads at start."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from admin.iam_policies import Permissions, iam_policy
from admin.keys import KeyPair
from shared.errors import SettingsError

_PREFIX = "otel-worker-"


def configuration(
    permissions: Mapping[str, Permissions], users: Mapping[str, KeyPair], admin: KeyPair, existing: Any = None
) -> Any:
    """Return the content of the file: a user per function, an administrator, and the rest of `existing`."""
    current = {} if existing is None else existing
    names = {f"{_PREFIX}{function}" for function in permissions}
    identities: list[Any] = [
        {
            "name": f"{_PREFIX}{function}",
            "credentials": [_credentials(users[function])],
            "policyNames": [f"{_PREFIX}{function}"],
        }
        for function in permissions
    ]
    identities += [item for item in current.get("identities", []) if item.get("name") not in names]
    access_keys = {pair.get("accessKey") for item in identities for pair in item.get("credentials", [])}
    if admin.access not in access_keys:
        identities.append({"name": "admin", "credentials": [_credentials(admin)], "actions": ["Admin"]})
    policies: list[Any] = [
        {"name": f"{_PREFIX}{function}", "content": json.dumps(iam_policy(granted))}
        for function, granted in permissions.items()
    ]
    policies += [item for item in current.get("policies", []) if item.get("name") not in names]
    return {**current, "identities": identities, "policies": policies}


def update_file(
    path: Path, permissions: Mapping[str, Permissions], users: Mapping[str, KeyPair], admin: KeyPair
) -> bool:
    """Add or replace the functions' users and keep all others; return whether the file changed."""
    try:
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        after = configuration(permissions, users, admin, before)
    except (OSError, ValueError, AttributeError, TypeError) as exc:
        raise SettingsError(f"{path}: this is not a file of identities") from exc
    if before == after:
        return False
    write_file(path, after)
    return True


def write_file(path: Path, content: Any) -> None:
    """Write the file atomically, with mode 0600."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            json.dump(content, file, indent=1)
        temporary.rename(path)
    except OSError as exc:
        raise SettingsError(f"{path}: this file cannot be written") from exc


def _credentials(keys: KeyPair) -> dict[str, str]:
    return {"accessKey": keys.access, "secretKey": keys.secret}
