"""Least-privilege permissions of each function on the object storage, and IAM policies for them."""

from collections.abc import Mapping, Sequence

_GET, _PUT, _DELETE, _LIST = "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"
_ABORT, _LIST_UPLOADS = "s3:AbortMultipartUpload", "s3:ListBucketMultipartUploads"
_BUCKET_ACTIONS = (_LIST, _LIST_UPLOADS)

Permissions = Mapping[str, Sequence[str]]


def function_permissions(jobs_bucket: str, csv_bucket: str) -> dict[str, Permissions]:
    """Return each function's permissions: actions by bucket and prefix, as "bucket/prefix/"."""
    read_write = [_GET, _PUT, _DELETE, _LIST]
    # ListBucket on records: without it AWS answers 403 instead of 404 for a missing object.
    return {
        "submit": {
            f"{jobs_bucket}/jobs/": [_GET, _PUT, _LIST],
            f"{jobs_bucket}/t/": read_write,
        },
        "calculate": {
            f"{jobs_bucket}/jobs/": read_write,
            f"{jobs_bucket}/t/": read_write,
            f"{jobs_bucket}/x/": read_write,
            f"{jobs_bucket}/d/": read_write,
            f"{csv_bucket}/csv/": [*read_write, _ABORT, _LIST_UPLOADS],
        },
        "status": {
            f"{jobs_bucket}/jobs/": [_GET, _PUT, _LIST],
            f"{jobs_bucket}/t/": read_write,
            f"{jobs_bucket}/x/": [_GET, _LIST],
            f"{jobs_bucket}/d/": [_PUT],
            f"{csv_bucket}/csv/": [_GET, _DELETE, _LIST, _ABORT, _LIST_UPLOADS],
        },
        "list": {
            f"{jobs_bucket}/jobs/": [_GET, _LIST],
            f"{jobs_bucket}/t/": [_GET, _LIST],
            f"{jobs_bucket}/x/": [_GET, _LIST],
        },
    }


def iam_policy(permissions: Permissions) -> dict[str, object]:
    """Return the permissions as a policy document of AWS IAM, which MinIO and SeaweedFS accept too."""
    statements: list[dict[str, object]] = []
    for location, actions in permissions.items():
        bucket, prefix = location.split("/", 1)
        object_actions = sorted(set(actions) - set(_BUCKET_ACTIONS))
        statements.append({"Effect": "Allow", "Action": object_actions, "Resource": [f"arn:aws:s3:::{location}*"]})
        resource = [f"arn:aws:s3:::{bucket}"]
        if _LIST in actions:
            condition = {"StringLike": {"s3:prefix": [f"{prefix}*"]}}
            statements.append({"Effect": "Allow", "Action": [_LIST], "Resource": resource, "Condition": condition})
        if _LIST_UPLOADS in actions:  # AWS supports no condition on the prefix for this action
            statements.append({"Effect": "Allow", "Action": [_LIST_UPLOADS], "Resource": resource})
    return {"Version": "2012-10-17", "Statement": statements}
