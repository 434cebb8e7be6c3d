"""What a listing says, taken out of its XML by us: botocore needs 85 % of the time of a page for it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import ParseError, fromstring


@dataclass(frozen=True)
class Listed:
    """A key, and when its object was last written by the clock of the storage."""

    key: str
    modified: datetime


def parse(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take the keys out of an answer to ListObjectsV2 before botocore does; a handler of its `before-parse`."""
    if response_dict["status_code"] != 200:
        return
    page = fromstring(response_dict["body"])  # noqa: S314 - from our own storage; expat refuses entity bombs
    if not page.tag.endswith("ListBucketResult"):
        raise ParseError  # a page of something that is no S3 server must not pass for an empty listing
    space = page.tag.removesuffix("ListBucketResult")
    customized_response_dict["Contents"] = [{"Key": item.text} for item in page.iterfind(f"{space}Contents/{space}Key")]
    customized_response_dict["Modified"] = page.iterfind(f"{space}Contents/{space}LastModified")
    customized_response_dict["IsTruncated"] = page.findtext(f"{space}IsTruncated") == "true"
    for name in ("NextContinuationToken", "EncodingType"):
        if text := page.findtext(f"{space}{name}"):
            customized_response_dict[name] = text
    response_dict["body"] = b"<ListBucketResult/>"


def listed(answer: Any) -> list[Listed]:
    """Keys and times of an answer that was parsed by `parse`."""
    return [
        Listed(item["Key"], datetime.fromisoformat(modified.text))
        for item, modified in zip(answer["Contents"], answer["Modified"], strict=True)
    ]
