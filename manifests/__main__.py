"""`python -m manifests check`, `render`, `schemas` and `samples`: manifests seen before they are applied."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from manifests.checking import findings, function_findings
from manifests.crds import write_schemas
from manifests.rendering import KUSTOMIZATION_FILES, NotRendered, is_component, rendered, written
from manifests.resources import Finding, Resource
from manifests.samples import samples
from manifests.structure import SCHEMAS, shape_known

FUNCTION_FILE = Path("func.yaml")


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; 1 when something is wrong with the manifests, or they can't be rendered."""
    asked = _arguments(arguments)
    run: Callable[[argparse.Namespace], int] = asked.run
    try:
        return run(asked)
    except NotRendered as exc:
        print(exc, file=sys.stderr)
        return 1


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m manifests", description="docs/development.md has more.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="all that is wrong in kustomizations, a line each")
    check.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", help="default: all of knative/, and func.yaml"
    )
    check.add_argument(
        "--given",
        action="append",
        type=_given,
        default=[],
        metavar="KIND/NAME",
        help="is in the cluster already, as Secret/pull or Broker.eventing.knative.dev/default",
    )
    check.set_defaults(run=_check)

    render = commands.add_parser("render", help="a kustomization as it would be applied")
    render.add_argument("folder", type=Path, metavar="FOLDER")
    render.set_defaults(run=_render)

    schemas = commands.add_parser("schemas", help="the schemas of manifests/ made anew from CRDs and func's schema")
    schemas.add_argument("folder", type=Path, metavar="FOLDER", help="where they lie, however deep")
    schemas.add_argument("--into", type=Path, default=SCHEMAS, metavar="FOLDER")
    schemas.set_defaults(run=_schemas)

    broken = commands.add_parser("samples", help="the broken samples, a JSON object a line: name, refused, manifest")
    broken.set_defaults(run=_samples)
    return parser.parse_args(arguments)


def _given(text: str) -> Resource:
    qualified, _, name = text.partition("/")
    kind, _, group = qualified.partition(".")
    if not (kind and name):
        raise argparse.ArgumentTypeError(f"{text}: KIND/NAME is expected")
    return Resource({"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, "metadata": {"name": name}})


def _check(asked: argparse.Namespace) -> int:
    found: dict[Finding, list[str]] = {}
    unknown: set[str] = set()
    folders = asked.folders or kustomizations(Path("knative"))
    for folder in folders:
        resources = rendered(folder)
        unknown |= {f"{one.api_version} {one.kind}" for one in resources if not shape_known(one)}
        for told in findings(resources, asked.given):
            found.setdefault(told, []).append(str(folder))
    if not asked.folders and FUNCTION_FILE.is_file():
        found |= {told: list(map(str, folders)) for told in function_findings(FUNCTION_FILE)}
    for told, where in sorted(found.items()):
        print(told if len(where) == len(folders) else f"{told}, only in {', '.join(where)}")
    if unknown:
        print(f"no schema here, taken as they are: {', '.join(sorted(unknown))}", file=sys.stderr)
    return 1 if found else 0


def kustomizations(root: Path) -> list[Path]:
    """Every folder under `root` that can be applied by itself: components can't."""
    found = [path for name in KUSTOMIZATION_FILES for path in root.rglob(name)]
    return sorted(path.parent for path in found if not is_component(path))


def _render(asked: argparse.Namespace) -> int:
    print(written(rendered(asked.folder)), end="")
    return 0


def _schemas(asked: argparse.Namespace) -> int:
    made = write_schemas(asked.folder, asked.into)
    for path in made:
        print(path)
    return 0 if made else 1


def _samples(_: argparse.Namespace) -> int:
    for sample in samples():
        shown = {"name": sample.name, "refused": sample.refused, "manifest": sample.manifest}
        print(json.dumps(shown))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
