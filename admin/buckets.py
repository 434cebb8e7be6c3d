"""The two buckets, the lifecycle rule that aborts incomplete multipart uploads, and the CORS rule for pages."""

from typing import TYPE_CHECKING, Any

from admin.s3 import translate_errors
from shared.errors import Unavailable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_RULE_ID = "otel-worker-unfinished-uploads"
_EXPIRY_DAYS = 1
_CORS_RULE: Any = {
    "ID": "otel-worker-downloads",
    "AllowedMethods": ["GET", "HEAD"],
    "AllowedOrigins": ["*"],  # a presigned URL is the permission, whichever page has it
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 600,
}


def ensure_bucket(s3: "S3Client", bucket: str, region: str) -> bool:
    """Create the bucket if it is missing; return whether it was. Raises Unavailable."""
    try:
        # A failed HEAD request has no error code.
        translate_errors(lambda: s3.list_objects_v2(Bucket=bucket, MaxKeys=1))
    except Unavailable as exc:
        if exc.cause != "NoSuchBucket":
            raise
    else:
        return False
    location: Any = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    # us-east-1 is the only region that must not be named here.
    translate_errors(lambda: s3.create_bucket(Bucket=bucket, **({} if region == "us-east-1" else location)))
    return True


def ensure_upload_expiry(s3: "S3Client", bucket: str) -> str:
    """Add a rule that aborts multipart uploads after a day, and keep all other rules; return the result as text."""
    try:
        rules = _lifecycle_rules(s3, bucket)
        if any("AbortIncompleteMultipartUpload" in rule for rule in rules):
            return "aborted by an existing rule"
        rule = {
            "ID": _RULE_ID,
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _EXPIRY_DAYS},
        }
        configuration: Any = {"Rules": [*rules, rule]}
        translate_errors(
            lambda: s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=configuration)
        )
        if any("AbortIncompleteMultipartUpload" in rule for rule in _lifecycle_rules(s3, bucket)):
            return "aborted after a day by a new rule"
    except Unavailable as exc:
        return f"not aborted, object storage rejected the rule ({exc.cause})"
    return "not aborted, object storage ignored the rule"


def _lifecycle_rules(s3: "S3Client", bucket: str) -> list[Any]:
    try:
        return list(translate_errors(lambda: s3.get_bucket_lifecycle_configuration(Bucket=bucket))["Rules"])
    except Unavailable as exc:
        if exc.cause == "NoSuchLifecycleConfiguration":
            return []
        raise


def ensure_cors(s3: "S3Client", bucket: str) -> str:
    """Add a rule that lets pages read objects by presigned URLs, and keep all other rules; return the result as text.

    An existing rule for GET is kept instead. Servers without such rules have a configuration of their own.
    """
    try:
        rules = _cors_rules(s3, bucket)
        if any("GET" in rule["AllowedMethods"] for rule in rules):
            return "allowed by an existing rule"
        configuration: Any = {"CORSRules": [*rules, _CORS_RULE]}
        translate_errors(lambda: s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=configuration))
    except Unavailable as exc:
        return f"as the server is configured, object storage rejected the rule ({exc.cause})"
    return "allowed by a new rule"


def _cors_rules(s3: "S3Client", bucket: str) -> list[Any]:
    try:
        return list(translate_errors(lambda: s3.get_bucket_cors(Bucket=bucket))["CORSRules"])
    except Unavailable as exc:
        if exc.cause == "NoSuchCORSConfiguration":
            return []
        raise
