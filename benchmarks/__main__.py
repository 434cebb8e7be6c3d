"""Run the benchmarks: `python -m benchmarks [part …]`. Prints a table and writes the same figures as JSON."""

import sys
from collections.abc import Callable

from benchmarks import (
    access,
    backlog,
    bench_stack,
    bulk,
    day,
    http,
    listing,
    memory,
    page,
    pipeline,
    report,
    rows,
    s3_clients,
    start,
    telemetry,
    variants,
)
from local import environment

_PARTS: dict[str, Callable[[bench_stack.BenchStack], list[report.Figure]]] = {
    "day": day.measure,  # first, while the table is small
    "backlog": backlog.measure,
    "start": start.measure,
    "clients": s3_clients.measure,
    "http": http.measure,
    "list": listing.measure,
    "rows": rows.measure,
    "access": access.measure,
    "page": page.measure,
    "memory": memory.measure,
    "pipeline": pipeline.measure,
    "bulk": bulk.measure,
    "digest": variants.measure_digest,
    "analysis": variants.measure_analysis,
    "telemetry": telemetry.measure,
}


def main(names: list[str]) -> int:
    if unknown := set(names) - set(_PARTS):
        print(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(_PARTS)}", file=sys.stderr)
        return 2
    figures: list[report.Figure] = []
    try:
        with bench_stack.start() as stack:
            for name, measure in _PARTS.items():
                if name in names or not names:
                    print(f"measuring {name}", file=sys.stderr, flush=True)
                    figures += measure(stack)
    finally:  # a part that fails does not discard the others
        print(report.table(figures))
    print(f"\n{report.write(figures, is_complete=not names)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    environment.restrict_process_environment()
    sys.exit(main(sys.argv[1:]))
