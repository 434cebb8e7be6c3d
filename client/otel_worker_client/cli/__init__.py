"""The command `otel-worker`, of the extra `cli`."""

import sys


def main() -> None:
    """Run it; without the extra, say how to get it."""
    try:
        from otel_worker_client.cli import commands, telling  # noqa: PLC0415 - it may not be there
    except ModuleNotFoundError as exc:
        sys.exit(f"{exc.name} is missing: install otel-worker-client with the extra cli")
    telling.run(commands.app)
