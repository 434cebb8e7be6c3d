"""The command `otel-worker`, from the extra `cli`."""

import sys


def main() -> None:
    """Run the command; exit with a hint if the extra is not installed."""
    try:
        from otel_worker_client.cli import commands, output  # noqa: PLC0415 - needs the extra `cli`
    except ModuleNotFoundError as exc:
        sys.exit(f"{exc.name} is missing: install otel-worker-client with the extra cli")
    output.run(commands.app)
