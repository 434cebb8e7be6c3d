"""S3 clients in comparison: from the import to the first object, memory, and processor time of a small request."""

import subprocess
import sys
from statistics import median

from benchmarks.bench_stack import BenchStack
from benchmarks.report import Figure

_BUCKET = "bench-clients"
_ROUNDS = 5
_CLIENTS = ("boto3", "botocore's signer on urllib3", "this project's")


def measure(stack: BenchStack) -> list[Figure]:
    """Alternate between processes with one client each. This project's client is compared with boto3's."""
    stack.bucket(_BUCKET)
    samples: dict[str, list[list[float]]] = {name: [] for name in _CLIENTS}
    for _ in range(_ROUNDS):
        for name, results in samples.items():
            command = [sys.executable, "-m", "benchmarks.run_s3_client", name, _BUCKET]
            environment = stack.environment("calculate", _BUCKET)
            output = subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout
            results.append([float(text) for text in output.split()])
    figures = []
    for column, (what, unit) in enumerate(_MEASUREMENTS):
        medians = {name: median(result[column] for result in results) for name, results in samples.items()}
        figures += [
            Figure("clients", f"{what}, {name}", value, unit, "boto3", value / medians["boto3"])
            for name, value in medians.items()
        ]
    return figures


_MEASUREMENTS = (
    ("import to first object", "ms"),
    ("resident memory after it", "MB"),
    ("processor time of a GET", "ms"),
    ("processor time of a PUT", "ms"),
)
