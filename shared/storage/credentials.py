"""The credentials of requests: the keys of the settings, or those that botocore's credential chain finds."""

from collections.abc import Callable

from shared.config.settings import Settings
from shared.errors import SettingsError
from shared.storage.errors import S3Error
from shared.storage.signature import Credentials

CredentialSource = Callable[[], Credentials]


def of_settings(settings: Settings) -> CredentialSource:
    """Return a source of the settings' keys, or of botocore's chain if the settings have none.

    With keys, no profile and no file of AWS tools is read, and botocore is not imported. Raises SettingsError if
    botocore rejects one of its variables or files.
    """
    if settings.AWS_ACCESS_KEY_ID is None or settings.AWS_SECRET_ACCESS_KEY is None:
        return _botocore_chain()
    token = settings.AWS_SESSION_TOKEN
    return static(
        settings.AWS_ACCESS_KEY_ID,
        settings.AWS_SECRET_ACCESS_KEY.get_secret_value(),
        None if token is None else token.get_secret_value(),
    )


def static(access_key: str, secret_key: str, session_token: str | None = None) -> CredentialSource:
    """Return a source of these keys."""
    credentials = Credentials(access_key, secret_key, session_token)
    return lambda: credentials


def _botocore_chain() -> CredentialSource:
    """Return a source that asks botocore: profiles, web identities, container and instance roles.

    botocore renews temporary credentials before they expire.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound  # noqa: PLC0415 - 200 ms that keys save
    from botocore.session import Session  # noqa: PLC0415

    try:
        chain = Session().get_credentials()
    except (BotoCoreError, ValueError) as exc:
        variable = "AWS_PROFILE" if isinstance(exc, ProfileNotFound) else "AWS_…"
        raise SettingsError(
            f"{variable}: botocore does not accept its variables or files ({type(exc).__name__})"
        ) from None

    def current() -> Credentials:
        if chain is None:
            raise S3Error(0, "NoCredentialsError")
        try:
            found = chain.get_frozen_credentials()
        except ClientError as exc:  # of the service that issues credentials
            raise S3Error(0, exc.response["Error"].get("Code") or "ClientError") from exc
        except (BotoCoreError, OSError, ValueError, RuntimeError) as exc:
            raise S3Error(0, type(exc).__name__) from exc
        return Credentials(found.access_key or "", found.secret_key or "", found.token)

    return current
