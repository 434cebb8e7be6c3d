"""A faster parser for ListObjectsV2 responses: botocore's takes 85 % of the time of a page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import ParseError, fromstring


@dataclass(frozen=True)
class ObjectSummary:
    """The key of an object and its last modification, by the clock of the storage."""

    key: str
    last_modified: datetime


def parse_list_response(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Parse a ListObjectsV2 response before botocore does, a handler of its event `before-parse`.

    Raises ParseError if the body is not a listing.
    """
    if response_dict["status_code"] != 200:
        return
    page = fromstring(response_dict["body"])  # noqa: S314 - from our own storage; expat refuses entity bombs
    if not page.tag.endswith("ListBucketResult"):
        raise ParseError  # a page of a server that is not S3 must not count as an empty listing
    namespace = page.tag.removesuffix("ListBucketResult")
    customized_response_dict["Contents"] = [
        {"Key": item.text} for item in page.iterfind(f"{namespace}Contents/{namespace}Key")
    ]
    customized_response_dict["Modified"] = page.iterfind(f"{namespace}Contents/{namespace}LastModified")
    customized_response_dict["IsTruncated"] = page.findtext(f"{namespace}IsTruncated") == "true"
    for name in ("NextContinuationToken", "EncodingType"):
        if text := page.findtext(f"{namespace}{name}"):
            customized_response_dict[name] = text
    response_dict["body"] = b"<ListBucketResult/>"


def object_summaries(response: Any) -> list[ObjectSummary]:
    """Return the objects of a response that `parse_list_response` has parsed."""
    return [
        ObjectSummary(item["Key"], datetime.fromisoformat(modified.text))
        for item, modified in zip(response["Contents"], response["Modified"], strict=True)
    ]
