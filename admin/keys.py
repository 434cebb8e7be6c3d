"""Access keys of the functions' storage users, read from files; they are never arguments or output."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.errors import SettingsError


@dataclass(frozen=True)
class KeyPair:
    """The access key id and secret access key of one user."""

    access: str
    secret: str


def read_key_files(folder: Path, functions: Iterable[str]) -> dict[str, KeyPair]:
    """Read FOLDER/FUNCTION/AWS_ACCESS_KEY_ID and …/AWS_SECRET_ACCESS_KEY of each function; raises SettingsError.

    The functions' Kubernetes Secrets, mounted into one folder, have this layout.
    """
    keys = {
        function: KeyPair(
            _read(folder / function / "AWS_ACCESS_KEY_ID"), _read(folder / function / "AWS_SECRET_ACCESS_KEY")
        )
        for function in functions
    }
    if len({pair.access for pair in keys.values()}) < len(keys):
        raise SettingsError(f"{folder}: two functions have the same AWS_ACCESS_KEY_ID")
    return keys


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{path}: this file cannot be read") from exc
    if not text:
        raise SettingsError(f"{path}: this file is empty")
    return text
