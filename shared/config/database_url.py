"""The settings of PostgreSQL as libpq parses them, and whether they mean a server that it can connect to."""

import re

from psycopg import Error, conninfo, pq

from shared.config import libpq, urls
from shared.config.settings import Settings
from shared.errors import SettingsError

_NOWHERE = {"host": "/nonexistent", "hostaddr": "", "port": "5432"}  # no variable PG… takes the place of one of them
_ENCODE = "percent-encode special characters in the password, as %40 for @ and %2F for /"


def connection_string(settings: Settings) -> str:
    """A connection string for libpq, or SettingsError where it would not accept DATABASE_URL; connects nowhere.

    libpq's own variables are removed from this process first: they would be taken for parameters of the setting.
    """
    libpq.remove_other_variables()
    if settings.DATABASE_URL is not None:
        text = settings.DATABASE_URL.get_secret_value()
        _check(text)
        return text
    password = settings.POSTGRES_PASSWORD
    return conninfo.make_conninfo(
        host=settings.POSTGRES_HOST,
        port=settings.POSTGRES_PORT,
        dbname=settings.POSTGRES_DB,
        user=settings.POSTGRES_USER,
        password=password.get_secret_value() if password else None,
    )


def _check(text: str) -> None:
    try:
        parameters = {name: str(value) for name, value in conninfo.conninfo_to_dict(text).items()}
    except Error:
        hint = f" ({_ENCODE})" if "://" in text else ""
        raise SettingsError(f"DATABASE_URL: this is not a PostgreSQL connection URL{hint}") from None
    hosts, ports = parameters.get("host", "").split(","), parameters.get("port", "").split(",")
    # An unescaped / ends host and port: the rest of password and host is in the name of the database.
    split_early = "://" in text and "@" in text.partition("://")[2].partition("/")[2].partition("?")[0]
    if split_early or not all(map(_is_host, hosts)) or not all(not port or urls.is_port(port) for port in ports):
        hint = f": {_ENCODE}" if "://" in text else ""
        raise SettingsError(f"DATABASE_URL: host or port is not valid{hint}")
    if len(ports) not in (1, len(hosts)):
        raise SettingsError("DATABASE_URL: as many ports as hosts are expected, or one")
    if not parameters.get("user") and "service" not in parameters:
        raise SettingsError("DATABASE_URL: a user name is expected")
    _check_parameters(parameters)


def _is_host(text: str) -> bool:
    return not text or text.startswith("/") or urls.is_host_name(text) or urls.is_ipv6(text.partition("%")[0])


def _check_parameters(parameters: dict[str, str]) -> None:
    """Let libpq itself check its parameters, as it does before it connects: to a socket that is not there."""
    gssencmode = parameters.get("gssencmode", "disable")
    nowhere = _NOWHERE | {"gssencmode": "prefer" if gssencmode == "require" else gssencmode}  # sockets have no GSSAPI
    connection = pq.PGconn.connect_start(conninfo.make_conninfo("", **(parameters | nowhere)).encode())
    message = connection.get_error_message()
    connection.finish()
    if not message.startswith("connection to server on socket"):
        named = re.match(r"invalid (\w+) value", message)
        parameter = f" {named[1]}" if named else "s"
        raise SettingsError(f"DATABASE_URL: libpq does not accept its parameter{parameter}")
