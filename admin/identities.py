"""The users of a server that reads them from a file when it starts: SeaweedFS's `-s3.config`."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from admin.keys import Keys
from admin.rights import Rights, policy
from shared.errors import SettingsError

_NAME = "otel-worker-"


def document(granted: Mapping[str, Rights], users: Mapping[str, Keys], admin: Keys, others: Any = None) -> Any:
    """The file's content: a user for each function, an admin, and whatever else `others`, such a content, has."""
    kept = {} if others is None else others
    names = {f"{_NAME}{function}" for function in granted}
    identities: list[Any] = [
        {"name": f"{_NAME}{function}", "credentials": [_pair(users[function])], "policyNames": [f"{_NAME}{function}"]}
        for function in granted
    ]
    identities += [one for one in kept.get("identities", []) if one.get("name") not in names]
    if not any(pair.get("accessKey") == admin.access for one in identities for pair in one.get("credentials", [])):
        identities.append({"name": "admin", "credentials": [_pair(admin)], "actions": ["Admin"]})
    policies: list[Any] = [
        {"name": f"{_NAME}{function}", "content": json.dumps(policy(rights))} for function, rights in granted.items()
    ]
    policies += [one for one in kept.get("policies", []) if one.get("name") not in names]
    return {**kept, "identities": identities, "policies": policies}


def written(path: Path, granted: Mapping[str, Rights], users: Mapping[str, Keys], admin: Keys) -> bool:
    """Whether the file had to be changed; it has these users now, and the others that it had."""
    try:
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        after = document(granted, users, admin, before)
    except (OSError, ValueError, AttributeError, TypeError) as exc:
        raise SettingsError(f"{path}: this is no file of identities") from exc
    if before == after:
        return False
    replace(path, after)
    return True


def replace(path: Path, content: Any) -> None:
    """The file with this content, for its owner's eyes only, whole at any time."""
    unfinished = path.with_name(f".{path.name}.new")
    try:
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            json.dump(content, file, indent=1)
        unfinished.rename(path)
    except OSError as exc:
        raise SettingsError(f"{path}: this file cannot be written") from exc


def _pair(keys: Keys) -> dict[str, str]:
    return {"accessKey": keys.access, "secretKey": keys.secret}
