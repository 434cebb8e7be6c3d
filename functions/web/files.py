"""The files of the page, from the folder page/.

The files have one version, a hash of all of them. It is part of their paths, so that browsers may cache them forever
and a module never imports a file of another version.
"""

import zlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path

INDEX = "index.html"
STATIC_PATH = "assets"  # Flask serves /static itself
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOLDER = Path(__file__).with_name("page")
_STATIC_PLACEHOLDER = b"{{static}}"
_HASH_LENGTH = 16  # hexadecimal digits
_GZIP_LEVEL = 6
_GZIP_FORMAT = 31  # wbits of zlib


class StaticFile:
    """One file of the page: its content and its content type."""

    def __init__(self, name: str, content: bytes) -> None:
        self.content = content
        self.content_type = CONTENT_TYPES[Path(name).suffix]

    @cached_property
    def compressed(self) -> bytes:
        """The content in gzip format, compressed on first use."""
        return zlib.compress(self.content, _GZIP_LEVEL, _GZIP_FORMAT)


class Page:
    """The index document, in which `{{static}}` stands for the path of the static files, and those files by name."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.version = _hash(files)
        index = files[INDEX].replace(_STATIC_PLACEHOLDER, f"{STATIC_PATH}/{self.version}".encode())
        self.index = StaticFile(INDEX, index)
        self.static = {name: StaticFile(name, content) for name, content in files.items() if name != INDEX}


def load_page(folder: Path = _FOLDER) -> Page:
    """Read the files of the page. Raises FileNotFoundError without the index document."""
    return Page({INDEX: (folder / INDEX).read_bytes(), **dict(_folder_files(folder))})


def _folder_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file that a browser loads, in subfolders too."""
    for path in folder.rglob("*"):
        if path.suffix in CONTENT_TYPES:
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _hash(files: Mapping[str, bytes]) -> str:
    digest = sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:_HASH_LENGTH]
