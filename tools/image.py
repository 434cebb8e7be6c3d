"""`python3 tools/image.py FOLDER [LOCK]`: make the folders that the image contains, on any machine with pip.

FOLDER/packages has the packages of requirements/LOCK.txt (functions, or access with tokens and rate limits) without the
files that no function uses. FOLDER/app has the source. Both are byte-compiled for the Python that runs this script. The
Containerfile copies both folders. Uses only the standard library.
"""

import compileall
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

SOURCE = ("functions", "shared", "admin", "gunicorn.conf.py")
MAX_MEGABYTES = {"functions": 135, "access": 155}  # by lock
_ROOT = Path(__file__).resolve().parent.parent
_AWS_SERVICES = {"s3", "sts", "sso", "sso-oidc"}  # of botocore's 400; it gets credentials from the last three
_UNUSED = (
    "bin",  # scripts with the path of the builder's Python; the image starts everything with python3 -m
    "*/tests",
    "*/*/tests",
    "**/*.pyi",
    "numpy/f2py",
    "numpy/_core/include",
    "numpy/_core/lib",
    "grpc",  # OTLP is sent over HTTP
    "grpcio-*.dist-info",
    "opentelemetry/exporter/otlp/proto/grpc",
    "opentelemetry_exporter_otlp_proto_grpc-*.dist-info",
)


def main(arguments: list[str]) -> int:
    """Make the folders. Return 1 with a line on stderr if that fails or they are too large."""
    lock = arguments[1] if len(arguments) == 2 else "functions"
    if len(arguments) not in (1, 2) or Path(arguments[0]).exists() or lock not in MAX_MEGABYTES:
        sys.stderr.write(f"expected: a folder that does not exist, and optionally {' or '.join(MAX_MEGABYTES)}\n")
        return 1
    folder = Path(arguments[0]).resolve()
    packages, app = folder / "packages", folder / "app"
    _install(packages, _ROOT / "requirements" / f"{lock}.txt")
    _copy_source(app)
    for path in unused_files(packages):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    # Unchecked hashes, because copying into an image changes modification times but no content.
    mode = PycInvalidationMode.UNCHECKED_HASH
    if not all(compileall.compile_dir(path, quiet=1, workers=0, invalidation_mode=mode) for path in (packages, app)):
        return 1
    size = megabytes(folder)
    sys.stderr.write(f"{size:.0f} MB in {folder}\n")
    if size > MAX_MEGABYTES[lock]:
        sys.stderr.write(f"the limit is {MAX_MEGABYTES[lock]} MB: see what is new\n")
    return int(size > MAX_MEGABYTES[lock])


def megabytes(folder: Path) -> float:
    """Return the size of the files under `folder`, in MB of 10⁶ bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def unused_files(packages: Path) -> Iterator[Path]:
    """Yield the installed files and folders that no function reads."""
    for pattern in _UNUSED:
        yield from sorted(packages.glob(pattern))
    for path in sorted((packages / "botocore" / "data").iterdir()):
        if path.is_dir() and path.name not in _AWS_SERVICES:
            yield path


def _install(packages: Path, lock: Path) -> None:
    options = ["--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-compile"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(packages), "-r", str(lock)]
    subprocess.run(command, check=True)


def _copy_source(app: Path) -> None:
    app.mkdir(parents=True)
    for name in SOURCE:
        if (_ROOT / name).is_dir():
            shutil.copytree(_ROOT / name, app / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(_ROOT / name, app / name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
