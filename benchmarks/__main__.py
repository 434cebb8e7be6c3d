"""`python -m benchmarks [part …]`: measures, prints a table, writes the same as JSON."""

import sys
from collections.abc import Callable

from benchmarks import access, day, digest, http, listing, memory, pipeline, report, rows, stage, telemetry
from local import environment

_PARTS: dict[str, Callable[[stage.Stage], list[report.Figure]]] = {
    "day": day.measured,  # before millions of fixes lie in the table
    "http": http.measured,
    "list": listing.measured,
    "rows": rows.measured,
    "access": access.measured,
    "memory": memory.measured,
    "pipeline": pipeline.measured,
    "digest": digest.measured,
    "telemetry": telemetry.measured,
}


def main(names: list[str]) -> int:
    if unknown := set(names) - set(_PARTS):
        print(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(_PARTS)}", file=sys.stderr)
        return 2
    figures: list[report.Figure] = []
    with stage.running() as ground:
        for name, part in _PARTS.items():
            if name in names or not names:
                print(f"measuring {name}", file=sys.stderr, flush=True)
                figures += part(ground)
    print(report.table(figures))
    print(f"\n{report.write(figures)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    environment.restrict_process_environment()
    sys.exit(main(sys.argv[1:]))
