"""`python3 image/tree.py FOLDER [LOCK]`: what the image holds besides its Python, made by any machine that has pip.

FOLDER/packages gets the packages of requirements/LOCK.txt (functions; or access, with tokens and limits), without what
no function uses; FOLDER/app the source; all of it byte-compiled for the Python that runs this. The Containerfile copies
both folders. Standard library only.
"""

import compileall
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

SOURCE = ("functions", "shared", "admin", "gunicorn.conf.py")
BUDGETS_MB = {"functions": 135, "access": 155}  # by lock
_ROOT = Path(__file__).resolve().parent.parent
# Of botocore's 400 services: ours, and those that it gets credentials from by itself.
_SERVICES = {"s3", "sts", "sso", "sso-oidc"}
_UNUSED = (
    "bin",  # scripts that name the builder's Python; everything here starts by python3 -m
    "*/tests",
    "*/*/tests",
    "**/*.pyi",
    "numpy/f2py",
    "numpy/_core/include",
    "numpy/_core/lib",
    "grpc",  # OTLP goes over HTTP
    "grpcio-*.dist-info",
    "opentelemetry/exporter/otlp/proto/grpc",
    "opentelemetry_exporter_otlp_proto_grpc-*.dist-info",
)


def main(arguments: list[str]) -> int:
    """Make the tree; 1 with a line that says why when it is not as it should be."""
    lock = arguments[1] if len(arguments) == 2 else "functions"
    if len(arguments) not in (1, 2) or Path(arguments[0]).exists() or lock not in BUDGETS_MB:
        sys.stderr.write(f"a folder is needed that is not there yet, and one of {', '.join(BUDGETS_MB)} or nothing\n")
        return 1
    folder = Path(arguments[0]).resolve()
    packages, app = folder / "packages", folder / "app"
    _install(packages, _ROOT / "requirements" / f"{lock}.txt")
    _copy(app)
    for path in unused(packages):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    # Unchecked: the times of files change on their way into an image, their content does not.
    mode = PycInvalidationMode.UNCHECKED_HASH
    if not all(compileall.compile_dir(path, quiet=1, workers=0, invalidation_mode=mode) for path in (packages, app)):
        return 1
    size = megabytes(folder)
    sys.stderr.write(f"{size:.0f} MB in {folder}\n")
    if size > BUDGETS_MB[lock]:
        sys.stderr.write(f"that is more than the {BUDGETS_MB[lock]} MB which it may have: see what is new in it\n")
    return int(size > BUDGETS_MB[lock])


def megabytes(folder: Path) -> float:
    """The files under `folder`, in MB of 10⁶ bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def unused(packages: Path) -> Iterator[Path]:
    """What no function reads, of the installed packages."""
    for pattern in _UNUSED:
        yield from sorted(packages.glob(pattern))
    for path in sorted((packages / "botocore" / "data").iterdir()):
        if path.is_dir() and path.name not in _SERVICES:
            yield path


def _install(packages: Path, lock: Path) -> None:
    options = ["--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-compile"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(packages), "-r", str(lock)]
    subprocess.run(command, check=True)


def _copy(app: Path) -> None:
    app.mkdir(parents=True)
    for name in SOURCE:
        if (_ROOT / name).is_dir():
            shutil.copytree(_ROOT / name, app / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(_ROOT / name, app / name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
