"""Measure one S3 client in a process of its own: `python -m benchmarks.run_s3_client CLIENT BUCKET`.

Prints milliseconds from the import to the first object, resident MB after it, and processor milliseconds of a GET and a
PUT. The candidate that signs with botocore's signer is only here.
"""

import importlib
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

_REQUESTS = 400
_KEY, _BODY = "jobs/1.json", b"." * 900

Call = Callable[[], object]


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
    status = Path("/proc/self/status").read_text(encoding="ascii")
    memory = int(re.findall(r"VmRSS:\s*(\d+) kB", status)[0]) * 1024 / 1e6
    print(seconds * 1000, memory, _processor_ms(get), _processor_ms(put))


if __name__ == "__main__":
    main(*sys.argv[1:])
