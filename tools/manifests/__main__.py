"""`python -m tools.manifests`: check kustomizations, write those of a release, generate schemas."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tools.manifests.crds import SCHEMAS, write_schemas
from tools.manifests.project import check_functions, check_routes, check_services, check_triggers
from tools.manifests.references import check_object_references, check_pod_references, check_selectors
from tools.manifests.rendering import RenderError, find_kustomizations, render, render_release
from tools.manifests.resources import Resource
from tools.manifests.schemas import has_schema, validate, validate_function

KNATIVE = Path("knative")
FUNCTION_FILE = Path("func.yaml")
CHECKS = (
    check_functions,
    check_services,
    check_triggers,
    check_routes,
    check_pod_references,
    check_object_references,
    check_selectors,
)


def main(arguments: Sequence[str]) -> int:
    """Run a command. Return 1 if it finds an error."""
    options = _parse(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except RenderError as exc:
        print(exc, file=sys.stderr)
        return 1


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.manifests", description="Check and render manifests.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="print the errors of kustomizations, one per line")
    check.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", help="default: all of knative/, and func.yaml"
    )
    check.add_argument(
        "--existing",
        action="append",
        type=_existing,
        default=[],
        metavar="KIND/NAME",
        help="a resource that the cluster has already: Secret/pull, Broker.eventing.knative.dev/default",
    )
    check.set_defaults(run=_check)

    release = commands.add_parser("release", help="write each overlay into FOLDER, with IMAGE by its digest")
    release.add_argument("image", metavar="IMAGE", help="NAME@sha256:...")
    release.add_argument("folder", type=Path, metavar="FOLDER")
    release.set_defaults(run=lambda options: _write_release(KNATIVE / "overlays", options.image, options.folder))

    schemas = commands.add_parser("schemas", help="generate the schemas from Knative's releases")
    schemas.add_argument("folder", type=Path, metavar="FOLDER", help="the CRDs and func's schema, at any depth")
    schemas.add_argument("--into", type=Path, default=SCHEMAS, metavar="FOLDER")
    schemas.set_defaults(run=_write_schemas)
    return parser.parse_args(arguments)


def _existing(text: str) -> Resource:
    qualified, _, name = text.partition("/")
    kind, _, group = qualified.partition(".")
    if not (kind and name):
        raise argparse.ArgumentTypeError(f"{text} is not KIND/NAME")
    return Resource({"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, "metadata": {"name": name}})


def _check(options: argparse.Namespace) -> int:
    errors: dict[str, list[str]] = {}
    unchecked: set[str] = set()
    folders = options.folders or find_kustomizations(KNATIVE)
    for folder in folders:
        resources = render(folder)
        unchecked |= {f"{resource.api_version} {resource.kind}" for resource in resources if not has_schema(resource)}
        for error in find_errors(resources, options.existing):
            errors.setdefault(error, []).append(str(folder))
    if not options.folders:
        errors |= {error: list(map(str, folders)) for error in validate_function(FUNCTION_FILE)}
    for error, affected in sorted(errors.items()):
        print(error if len(affected) == len(folders) else f"{error} (only in {', '.join(affected)})")
    if unchecked:
        print(f"no schema, not validated: {', '.join(sorted(unchecked))}", file=sys.stderr)
    return 1 if errors else 0


def find_errors(resources: Sequence[Resource], existing: Sequence[Resource] = ()) -> list[str]:
    """Return the errors of resources that are applied together, each with file and resource.

    The checks of the project run only if every resource conforms to its schema.
    """
    return list(_errors(resources, validate)) or list(
        _errors(
            resources,
            lambda resource: (error for check in CHECKS for error in check(resource, [*resources, *existing])),
        )
    )


def _errors(resources: Sequence[Resource], check: Callable[[Resource], Iterator[str]]) -> Iterator[str]:
    for resource in resources:
        for error in check(resource):
            yield f"{resource.origin}: {resource.kind}/{resource.name}: {error}"


def _write_release(overlays: Path, image: str, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for overlay in find_kustomizations(overlays):
        path = folder / f"otel-worker-{overlay.name}.yaml"
        path.write_text(render_release(overlay, image), encoding="utf-8")
        print(path)
    return 0


def _write_schemas(options: argparse.Namespace) -> int:
    written = write_schemas(options.folder, options.into)
    for path in written:
        print(path)
    return 0 if written else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
