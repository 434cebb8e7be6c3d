import os

import pytest
from psycopg import pq

from shared.config import database_url
from shared.config.libpq import remove_other_variables, security_variables

SECURITY = {"channel_binding", "require_auth", "gssencmode"}


@pytest.mark.parametrize(
    ("variable", "keyword"),
    [(option.envvar.decode(), option.keyword.decode()) for option in pq.Conninfo.get_defaults() if option.envvar],
)
def test_only_security_variables_are_kept(variable: str, keyword: str) -> None:
    environ = {variable: "text", "PATH": "/bin"}
    is_security = keyword.startswith("ssl") or keyword in SECURITY

    assert security_variables(environ) == ({variable: "text"} if is_security else {})
    remove_other_variables(environ)
    assert environ.keys() == ({variable, "PATH"} if is_security else {"PATH"})


@pytest.mark.parametrize("variable", ["PGSERVICEFILE", "PGTZ", "PGDATESTYLE", "PGGEQO", "PGSYSCONFDIR", "PGLOCALEDIR"])
def test_variables_of_sessions_and_files_are_removed(variable: str) -> None:
    environ = {variable: "text"}

    remove_other_variables(environ)

    assert environ == {}


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PGSERVICE", "missing"), ("PGHOSTADDR", "nonsense"), ("PGGSSENCMODE", "require"), ("PGTARGETSESSIONATTRS", "x")],
)
def test_libpq_variables_do_not_affect_validation_of_database_url(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    database_url.check("postgresql://reader:secret@db:5432/owntracks")
    assert variable == "PGGSSENCMODE" or variable not in os.environ


@pytest.mark.parametrize("mode", ["disable", "prefer", "require"])
def test_url_may_set_gssencmode(mode: str) -> None:
    database_url.check(f"postgresql://reader@db/owntracks?gssencmode={mode}")
