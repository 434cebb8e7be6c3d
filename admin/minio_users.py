"""The functions' users and policies on MinIO, by its admin API."""

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

from admin.iam_policies import Permissions, iam_policy
from admin.keys import KeyPair
from shared.config.settings import Settings
from shared.errors import SettingsError, Unavailable
from shared.storage.bucket import Bucket, client
from shared.storage.credentials import static
from shared.storage.errors import DEPENDENCY

_ERROR_CODE = re.compile(r'"Code":"(\w+)"')  # the exception has no attribute for it; other servers answer in XML


class MinioUsers:
    """The users of one MinIO. Methods raise Unavailable with MinIO's error code."""

    def __init__(self, settings: Settings, admin: KeyPair) -> None:
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

    def ensure_policy(self, name: str, permissions: Permissions) -> bool:
        """Create or replace the policy if necessary; return whether it changed."""
        policy = iam_policy(permissions)
        current = _translate_errors(lambda: json.loads(self._minio.policy_list())).get(name)
        if _normalized(current) == _normalized(policy):
            return False
        _translate_errors(lambda: self._minio.policy_add(name, policy=policy))
        return True

    def ensure_user(self, keys: KeyPair, policy_name: str) -> bool:
        """Create or change the user, so that it has these keys and this policy only; return whether it changed."""
        changed = self._policy_name(keys.access) != policy_name or not self._can_sign_in(keys)
        if changed:
            _translate_errors(lambda: self._minio.user_add(keys.access, keys.secret))
            _translate_errors(lambda: self._minio.policy_set(policy_name, user=keys.access))
        return changed

    def _policy_name(self, access: str) -> str:
        """Return the user's policies, joined by MinIO; "" if there is no such user, or it has none."""
        try:
            return str(_translate_errors(lambda: json.loads(self._minio.user_info(access))).get("policyName", ""))
        except Unavailable as exc:
            if exc.cause != "XMinioAdminNoSuchUser":
                raise
            return ""

    def _can_sign_in(self, keys: KeyPair) -> bool:
        """Return whether MinIO accepts the secret, which it does not disclose; every function may list records."""
        try:
            Bucket(client(self._settings, static(keys.access, keys.secret)), self._settings.JOBS_BUCKET).ping()
        except Unavailable:
            return False
        return True


def _translate_errors(request: Callable[[], Any]) -> Any:
    try:
        return request()
    except MinioAdminException as exc:
        code = _ERROR_CODE.search(str(exc))
        if code is None:
            raise SettingsError("AWS_ENDPOINT_URL_S3: the server there is not MinIO") from exc
        raise Unavailable(DEPENDENCY, code[1]) from exc
    except (HTTPError, ValueError) as exc:
        raise Unavailable(DEPENDENCY, type(exc).__name__) from exc


def _normalized(document: Any) -> Any:
    """Return the document with its lists sorted: MinIO returns those of a policy in any order."""
    if isinstance(document, dict):
        return {name: _normalized(value) for name, value in document.items()}
    if isinstance(document, list):
        return sorted((_normalized(value) for value in document), key=repr)
    return document
