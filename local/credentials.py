"""Random secrets of the local system, stored in the data folder."""

import os
import secrets
from pathlib import Path


def secret_file(data_dir: Path, name: str) -> Path:
    """Return the file (mode 0600) that contains the secret `name`; generates the secret on first use."""
    folder = data_dir / "credentials"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    if not path.exists():
        temporary = folder / f".{name}.new"
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_hex(20))
        temporary.rename(path)
    return path


def read_secret(data_dir: Path, name: str) -> str:
    return secret_file(data_dir, name).read_text(encoding="ascii")
