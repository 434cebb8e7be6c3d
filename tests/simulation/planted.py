"""Planting a bug: a module is read with one text replaced, and no file is changed."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Bug:
    """`old` of `file` becomes `new`; `breaks` says what that makes wrong."""

    name: str
    file: str
    old: str
    new: str
    breaks: str

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").replace("/", ".")

    def source(self) -> str:
        """The file's text with the bug in it; ValueError where the old text does not stand exactly once."""
        text = (ROOT / self.file).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: its text stands {text.count(self.old)} times in {self.file}")
        return text.replace(self.old, self.new)


class _Loader(SourceFileLoader):
    """Gives the mutated text, and neither reads nor writes byte code."""

    def __init__(self, bug: Bug) -> None:
        super().__init__(bug.module, str(ROOT / bug.file))
        self._source = bug.source().encode()

    def path_stats(self, path: str) -> dict[str, int]:
        raise OSError(path)

    def get_data(self, _: str) -> bytes:
        return self._source


class _Finder(MetaPathFinder):
    def __init__(self, bug: Bug) -> None:
        self._bug = bug

    def find_spec(self, fullname: str, _: Sequence[str] | None, __: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != self._bug.module:
            return None
        return spec_from_file_location(fullname, ROOT / self._bug.file, loader=_Loader(self._bug))


def plant(bug: Bug) -> None:
    """From here on the bug is what is imported; RuntimeError if its module has been already."""
    bug.source()
    if bug.module in sys.modules:
        raise RuntimeError(f"{bug.module} is imported already")
    sys.meta_path.insert(0, _Finder(bug))
