"""S3 clients in comparison: from the import to the first object, memory, and processor time of a small request.

`python -m benchmarks.s3_clients CLIENT BUCKET` measures one client in its own process. The candidate that signs with
botocore's signer is only here.
"""

import importlib
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

from benchmarks.bench_stack import BenchStack
from benchmarks.report import Figure

_BUCKET = "bench-clients"
_ROUNDS = 5
_REQUESTS = 400
_KEY, _BODY = "jobs/1.json", b"." * 900

Call = Callable[[], object]


def measure(stack: BenchStack) -> list[Figure]:
    """Alternate between processes with one client each. This project's client is compared with boto3's."""
    stack.bucket(_BUCKET)
    samples: dict[str, list[list[float]]] = {name: [] for name in _CLIENTS}
    for _ in range(_ROUNDS):
        for name, results in samples.items():
            command = [sys.executable, "-m", "benchmarks.s3_clients", name, _BUCKET]
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


def _boto3(bucket: str) -> tuple[Call, Call]:
    import boto3  # noqa: PLC0415 - its import is measured
    from botocore.config import Config  # noqa: PLC0415

    config = Config(signature_version="s3v4", request_checksum_calculation="when_required")
    s3 = boto3.client("s3", config=config)
    return (
        lambda: s3.get_object(Bucket=bucket, Key=_KEY)["Body"].read(),  # noqa: PLW0108 - a request for each call
        lambda: s3.put_object(Bucket=bucket, Key=_KEY, Body=_BODY),
    )


def _botocore_signer(bucket: str) -> tuple[Call, Call]:
    import os  # noqa: PLC0415

    import urllib3  # noqa: PLC0415 - its import is measured
    from botocore.auth import S3SigV4Auth  # noqa: PLC0415
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    keys = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    signer = S3SigV4Auth(keys, "s3", "us-east-1")
    url = f"{os.environ['AWS_ENDPOINT_URL_S3']}/{bucket}/{_KEY}"
    http = urllib3.PoolManager()

    def send(method: str, body: bytes) -> bytes:
        request = AWSRequest(method, url, data=body)
        signer.add_auth(request)
        response = http.request(method, url, body=body or None, headers=dict(request.headers))
        if response.status != 200:
            raise ValueError(response.status)
        return response.data

    return lambda: send("GET", b""), lambda: send("PUT", _BODY)


def _own(bucket: str) -> tuple[Call, Call]:
    settings = importlib.import_module("shared.config.settings").load("status")
    s3 = importlib.import_module("shared.storage.client").client(settings)
    return (
        lambda: s3.get_object(bucket, _KEY),
        lambda: s3.put_object(bucket, _KEY, _BODY, "application/json"),
    )


_CLIENTS = {"boto3": _boto3, "botocore's signer on urllib3": _botocore_signer, "this project's": _own}


def _processor_ms(call: Call) -> float:
    """Return the processor time of a call, the mean of many."""
    call()
    started = time.process_time()
    for _ in range(_REQUESTS):
        call()
    return (time.process_time() - started) / _REQUESTS * 1000


def main(client: str, bucket: str) -> None:
    started = time.perf_counter()
    get, put = _CLIENTS[client](bucket)
    put()
    seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(seconds * 1000, memory, _processor_ms(get), _processor_ms(put))


if __name__ == "__main__":
    main(*sys.argv[1:])
