"""`python -m benchmarks.accuracy [--seeds 1-10]`: score the analysis of a day on weeks of known truth.

Prints the tables of docs/concepts/accuracy.md. `make accuracy` runs it with the libraries that are compared.
"""

import argparse
import sys
from importlib.metadata import PackageNotFoundError, version

from benchmarks.accuracy import page, pictures, real_tracks, runs
from benchmarks.accuracy.tables import tables

PUBLISHED_SEEDS = range(1, 11)
_LIBRARIES = ("trackintel", "movingpandas", "gpxpy")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--seeds", type=_seeds, default=PUBLISHED_SEEDS, help="a number or a range, such as 1-10")
    parser.add_argument("--own", action="store_true", help="run only the methods of this project, without libraries")
    parser.add_argument("--tracks", action="store_true", help="only check the analysis on the recorded tracks of gpxpy")
    parser.add_argument("--publish", action="store_true", help="write the results, the page and its pictures")
    options = parser.parse_args(arguments)
    if options.publish and (options.own or options.seeds != PUBLISHED_SEEDS):
        parser.error("--publish needs all methods and the published seeds")
    try:
        versions = {} if options.own else {name: version(name) for name in _LIBRARIES}
    except PackageNotFoundError as exc:
        parser.error(f"{exc.name} is not installed: run `make accuracy`, or use --own")
    tracks = [] if options.own else real_tracks.check_all()
    print("\n".join(real_tracks.table_of(tracks)))
    if options.tracks:
        return 0
    methods = runs.own_methods()
    if not options.own:
        from benchmarks.accuracy import libraries  # noqa: PLC0415 - installed by make accuracy only

        methods |= libraries.METHODS
    results = runs.run(options.seeds, methods, report=lambda text: print(text, file=sys.stderr, flush=True))
    for name, lines in tables(results).items():
        print("\n".join(["", name, *lines]))
    if options.publish:
        runs.store(results, versions)
        page.write(results, versions, tracks, pictures.draw_all(results))
    return 0


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
