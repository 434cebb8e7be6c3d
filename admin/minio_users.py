"""The functions' users and their policies on MinIO, which has an interface of its own for them."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import urllib3
from minio.credentials.providers import StaticProvider
from minio.error import MinioAdminException
from minio.minioadmin import MinioAdmin
from urllib3.exceptions import HTTPError

from admin.keys import Keys
from admin.rights import Rights, policy
from shared.config.settings import Settings
from shared.errors import SettingsError, Unavailable
from shared.storage.bucket import Bucket, client
from shared.storage.client import DEPENDENCY

_CODE = re.compile(r'"Code":"(\w+)"')  # the exception keeps it to itself; other servers than MinIO answer in XML


class Users:
    """The users of one MinIO; every failure of it is Unavailable, told by MinIO's code."""

    def __init__(self, settings: Settings, admin: Keys) -> None:
        self._settings = settings
        if settings.AWS_ENDPOINT_URL_S3 is None:
            raise SettingsError("AWS_ENDPOINT_URL_S3: this setting is missing")
        parts = urlsplit(settings.AWS_ENDPOINT_URL_S3)
        self._minio = MinioAdmin(
            endpoint=parts.netloc,
            credentials=StaticProvider(admin.access, admin.secret),
            region=settings.AWS_REGION,
            secure=parts.scheme == "https",
            http_client=urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=10), retries=False),
        )

    def policy(self, name: str, granted: Rights) -> bool:
        """Whether the policy had to be made or changed."""
        wanted = policy(granted)
        there = _asked(lambda: json.loads(self._minio.policy_list())).get(name)
        if _sorted(there) == _sorted(wanted):
            return False
        _asked(lambda: self._minio.policy_add(name, policy=wanted))
        return True

    def user(self, keys: Keys, policy_name: str) -> bool:
        """Whether the user had to be made or changed; it has these keys and this one policy now."""
        changed = self._policy_of(keys.access) != policy_name or not self._signs_in(keys)
        if changed:
            _asked(lambda: self._minio.user_add(keys.access, keys.secret))
            _asked(lambda: self._minio.policy_set(policy_name, user=keys.access))
        return changed

    def _policy_of(self, access: str) -> str:
        """The policies of the user as MinIO joins them; "" when it has none, or isn't there."""
        try:
            return str(_asked(lambda: json.loads(self._minio.user_info(access))).get("policyName", ""))
        except Unavailable as exc:
            if exc.cause != "XMinioAdminNoSuchUser":
                raise
            return ""

    def _signs_in(self, keys: Keys) -> bool:
        """Whether MinIO takes the secret, which it tells nobody; every function may list what `ping` lists."""
        try:
            Bucket(client(self._settings, keys=(keys.access, keys.secret)), self._settings.JOBS_BUCKET).ping()
        except Unavailable:
            return False
        return True


def _asked(request: Callable[[], Any]) -> Any:
    try:
        return request()
    except MinioAdminException as exc:
        code = _CODE.search(str(exc))
        if code is None:
            raise SettingsError("AWS_ENDPOINT_URL_S3: what answers there is no MinIO") from exc
        raise Unavailable(DEPENDENCY, code[1]) from exc
    except (HTTPError, ValueError) as exc:
        raise Unavailable(DEPENDENCY, type(exc).__name__) from exc


def _sorted(document: Any) -> Any:
    """The document with its lists in an order of ours: MinIO gives a policy's back in any."""
    if isinstance(document, dict):
        return {name: _sorted(value) for name, value in document.items()}
    if isinstance(document, list):
        return sorted((_sorted(value) for value in document), key=repr)
    return document
