"""Copy a query as CSV to S3 without this project: `python -m benchmarks.upload_by_hand PSQL DATABASE_URL QUERY BUCKET`.

psql is piped into boto3's `upload_fileobj`, both with their defaults. Prints the seconds from the start of psql to the
end of the upload, and the size of the object in bytes. The S3 server and its keys are those of the environment.
"""

import subprocess
import sys
import time

import boto3

_KEY = "csv/by_hand.csv"


def main(psql: str, database: str, query: str, bucket: str) -> None:
    s3 = boto3.client("s3", region_name="us-east-1")
    started = time.perf_counter()
    copy = f"\\copy ({' '.join(query.split())}) to stdout csv header"
    with subprocess.Popen([psql, "-X", "-q", "-c", copy, database], stdout=subprocess.PIPE) as process:
        if process.stdout is None:
            raise ValueError("no pipe")
        s3.upload_fileobj(process.stdout, bucket, _KEY)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "psql")
    seconds = time.perf_counter() - started
    print(seconds, s3.head_object(Bucket=bucket, Key=_KEY)["ContentLength"])


if __name__ == "__main__":
    main(*sys.argv[1:])
