"""The keys of the functions' users, as their owner gives them: files, never arguments or output."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.errors import SettingsError


@dataclass(frozen=True)
class Keys:
    """One user's pair."""

    access: str
    secret: str


def read(folder: Path, functions: Iterable[str]) -> dict[str, Keys]:
    """Each function's keys out of FOLDER/FUNCTION/AWS_ACCESS_KEY_ID and …/AWS_SECRET_ACCESS_KEY, or SettingsError.

    The layout is that of the functions' Kubernetes Secrets, mounted side by side.
    """
    found = {
        function: Keys(_of(folder / function / "AWS_ACCESS_KEY_ID"), _of(folder / function / "AWS_SECRET_ACCESS_KEY"))
        for function in functions
    }
    if len({keys.access for keys in found.values()}) < len(found):
        raise SettingsError(f"{folder}: two functions have the same AWS_ACCESS_KEY_ID")
    return found


def _of(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{path}: this file cannot be read") from exc
    if not text:
        raise SettingsError(f"{path}: this file is empty")
    return text
