"""Validation of DATABASE_URL by libpq."""

import re

from psycopg import Error, conninfo, pq

from shared.config import libpq, urls
from shared.errors import SettingsError

_NO_SERVER = {"host": "/nonexistent", "hostaddr": "", "port": "5432"}  # set, so that no PG… variable replaces them
_ENCODE = "percent-encode special characters in the password, as %40 for @ and %2F for /"


def check(text: str) -> None:
    """Raise SettingsError unless libpq accepts the URL or connection string `text`.

    Removes libpq's variables from this process first, because libpq would merge them. Does not connect.
    """
    libpq.remove_other_variables()
    try:
        parameters = {name: str(value) for name, value in conninfo.conninfo_to_dict(text).items()}
    except Error:
        hint = f" ({_ENCODE})" if "://" in text else ""
        raise SettingsError(f"DATABASE_URL: expected a PostgreSQL connection URL{hint}") from None
    hosts, ports = parameters.get("host", "").split(","), parameters.get("port", "").split(",")
    # After an unescaped / in the password, the remaining password and the host are part of the database name.
    split_early = "://" in text and "@" in text.partition("://")[2].partition("/")[2].partition("?")[0]
    if split_early or not all(map(_is_host, hosts)) or not all(not port or urls.is_port(port) for port in ports):
        hint = f": {_ENCODE}" if "://" in text else ""
        raise SettingsError(f"DATABASE_URL: expected a valid host and port{hint}")
    if len(ports) not in (1, len(hosts)):
        raise SettingsError("DATABASE_URL: expected one port, or as many as hosts")
    if not parameters.get("user") and "service" not in parameters:
        raise SettingsError("DATABASE_URL: expected a user name")
    _check_parameters(parameters)


def _is_host(text: str) -> bool:
    return not text or text.startswith("/") or urls.is_host_name(text) or urls.is_ipv6(text.partition("%")[0])


def _check_parameters(parameters: dict[str, str]) -> None:
    """Let libpq validate the parameters, as it does before it connects. The socket does not exist."""
    gssencmode = parameters.get("gssencmode", "disable")
    overrides = _NO_SERVER | {"gssencmode": "prefer" if gssencmode == "require" else gssencmode}  # sockets lack GSSAPI
    connection = pq.PGconn.connect_start(conninfo.make_conninfo("", **(parameters | overrides)).encode())
    message = connection.get_error_message()
    connection.finish()
    if not message.startswith("connection to server on socket"):
        match = re.match(r"invalid (\w+) value", message)
        parameter = f" {match[1]}" if match else "s"
        raise SettingsError(f"DATABASE_URL: libpq does not accept its parameter{parameter}")
