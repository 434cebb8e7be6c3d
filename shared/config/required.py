"""Settings that a function requires, which depend on the others."""

from collections.abc import Mapping

_OTHER_CREDENTIALS = (
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


def required(target: str, values: Mapping[str, str]) -> list[str]:
    """Return the names of the settings that function `target` requires, given the present `values`."""
    if target == "web":  # has no credentials
        return []
    names = []
    keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    if any(name in values for name in keys) or not any(name in values for name in _OTHER_CREDENTIALS):
        names += keys
    if target == "submit":
        names.append("K_SINK")
    if "AUTH_ISSUER" in values:
        names.append("AUTH_AUDIENCE")  # rejects tokens for other services of the issuer
    if target == "calculate" and "DATABASE_URL" not in values:
        names += ["POSTGRES_USER", "POSTGRES_PASSWORD"]
    return names
