"""The two buckets, and the rule that ends uploads in parts which nobody completed."""

from typing import TYPE_CHECKING, Any

from shared.errors import Unavailable
from shared.storage.client import asked

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_RULE = "otel-worker-unfinished-uploads"
_DAYS = 1


def made(s3: "S3Client", bucket: str, region: str) -> bool:
    """Whether the bucket was missing; it is there now, or Unavailable tells why not."""
    try:
        asked(lambda: s3.list_objects_v2(Bucket=bucket, MaxKeys=1))  # HEAD would give no code for refused keys
    except Unavailable as exc:
        if exc.cause != "NoSuchBucket":
            raise
    else:
        return False
    place: Any = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    # us-east-1 is the one region that refuses its own name here.
    asked(lambda: s3.create_bucket(Bucket=bucket, **({} if region == "us-east-1" else place)))
    return True


def uploads_expire(s3: "S3Client", bucket: str) -> str:
    """Make the storage abort uploads that are a day old; in words what came of it. Other rules stay as they are."""
    try:
        rules = _rules(s3, bucket)
        if any("AbortIncompleteMultipartUpload" in rule for rule in rules):
            return "aborted by a rule that is there already"
        ours = {
            "ID": _RULE,
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _DAYS},
        }
        wanted: Any = {"Rules": [*rules, ours]}
        asked(lambda: s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=wanted))
        if any("AbortIncompleteMultipartUpload" in rule for rule in _rules(s3, bucket)):
            return "aborted after a day, by a new rule"
    except Unavailable as exc:
        return f"the storage takes no rule for them ({exc.cause})"
    return "the storage drops the rule for them"


def _rules(s3: "S3Client", bucket: str) -> list[Any]:
    try:
        return list(asked(lambda: s3.get_bucket_lifecycle_configuration(Bucket=bucket))["Rules"])
    except Unavailable as exc:
        if exc.cause == "NoSuchLifecycleConfiguration":
            return []
        raise
