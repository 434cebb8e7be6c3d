"""What each function may do on the storage, and the policy that says so."""

from collections.abc import Mapping, Sequence

_GET, _PUT, _DELETE, _LIST = "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"
_ABORT, _UPLOADS = "s3:AbortMultipartUpload", "s3:ListBucketMultipartUploads"
_ON_BUCKETS = (_LIST, _UPLOADS)

Rights = Mapping[str, Sequence[str]]


def rights(jobs: str, csv: str) -> dict[str, Rights]:
    """Each function's actions by bucket/prefix; `jobs` and `csv` are the buckets' names."""
    everything = [_GET, _PUT, _DELETE, _LIST]
    # List on records too: without it AWS answers 403, not 404, for one that isn't there.
    return {
        "submit": {
            f"{jobs}/jobs/": [_GET, _PUT, _LIST],
            f"{jobs}/t/": everything,
        },
        "calculate": {
            f"{jobs}/jobs/": everything,
            f"{jobs}/t/": everything,
            f"{jobs}/x/": everything,
            f"{jobs}/d/": everything,
            f"{csv}/csv/": [*everything, _ABORT, _UPLOADS],
        },
        "status": {
            f"{jobs}/jobs/": [_GET, _PUT, _LIST],
            f"{jobs}/t/": everything,
            f"{jobs}/x/": [_GET, _LIST],
            f"{jobs}/d/": [_PUT],
            f"{csv}/csv/": [_GET, _DELETE, _LIST, _ABORT, _UPLOADS],
        },
        "list": {
            f"{jobs}/jobs/": [_GET, _LIST],
            f"{jobs}/t/": [_GET, _LIST],
            f"{jobs}/x/": [_GET, _LIST],
        },
    }


def policy(granted: Rights) -> dict[str, object]:
    """The rights as a policy in AWS's words, which MinIO and SeaweedFS read too."""
    statements: list[dict[str, object]] = []
    for place, actions in granted.items():
        bucket, prefix = place.split("/", 1)
        on_objects = sorted(set(actions) - set(_ON_BUCKETS))
        statements.append({"Effect": "Allow", "Action": on_objects, "Resource": [f"arn:aws:s3:::{place}*"]})
        of_bucket = [f"arn:aws:s3:::{bucket}"]
        if _LIST in actions:
            only = {"StringLike": {"s3:prefix": [f"{prefix}*"]}}
            statements.append({"Effect": "Allow", "Action": [_LIST], "Resource": of_bucket, "Condition": only})
        if _UPLOADS in actions:  # AWS knows no condition on the prefix here
            statements.append({"Effect": "Allow", "Action": [_UPLOADS], "Resource": of_bucket})
    return {"Version": "2012-10-17", "Statement": statements}
