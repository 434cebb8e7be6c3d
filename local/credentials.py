"""Random secrets of the parts, kept under the data folder so that a restart keeps them."""

import os
import secrets
from pathlib import Path


def kept(data_dir: Path, name: str) -> Path:
    """The file (0600) that holds the secret `name`; made at the first call."""
    folder = data_dir / "credentials"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    if not path.exists():
        unfinished = folder / f".{name}.new"
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_hex(20))
        unfinished.rename(path)
    return path


def secret(data_dir: Path, name: str) -> str:
    return kept(data_dir, name).read_text(encoding="ascii")
