"""The reference of the commands `otel-worker` and `python -m admin`, from their own parsers."""

import argparse
from collections.abc import Iterator
from typing import Any

import typer.main
from otel_worker_client.cli.commands import app

from admin.__main__ import make_parser
from tools.docs.regions import table


def client() -> list[str]:
    """Return a section for each command of `otel-worker`."""
    group: Any = typer.main.get_command(app)  # of the click that typer brings
    lines: list[str] = []
    for name, command in group.commands.items():
        context = command.context_class(command, info_name=f"otel-worker {name}")
        usage = command.get_usage(context).removeprefix("Usage: ")
        lines += ["", f"### otel-worker {name}", "", command.help or "", "", "```", " ".join(usage.split()), "```"]
        rows = [_parameter(parameter) for parameter in command.params]
        lines += table(["argument", "default", "meaning"], rows)[:-1]
    return [*lines, ""]


def _parameter(parameter: Any) -> list[str]:
    meaning = getattr(parameter, "help", None) or ""
    if parameter.param_type_name == "argument":
        name = (parameter.metavar or parameter.name.upper()).replace("|", " or ")  # a pipe ends a table's cell
        return [f"`{name}`", "", meaning]
    is_switch = parameter.is_flag
    value = "" if is_switch else f" {parameter.metavar or parameter.opts[0].lstrip('-').upper()}"
    default = "" if is_switch or parameter.default in (None, "") else f"`{parameter.default}`"
    environment = f" Environment variable: `{parameter.envvar}`." if parameter.envvar else ""
    return [f"`{parameter.opts[0]}{value}`", default, f"{meaning}{environment}"]


def administration() -> list[str]:
    """Return a section for each command of `python -m admin`."""
    lines: list[str] = []
    for name, summary, command in _subcommands(make_parser()):
        usage = " ".join(command.format_usage().removeprefix("usage: ").split())
        title = summary[:1].upper() + summary[1:]
        lines += ["", f"### python -m admin {name}", "", f"{title}.", "", "```", usage.replace("[-h] ", ""), "```"]
        options = [action for action in command._actions if action.option_strings and action.dest != "help"]  # noqa: SLF001 - below
        rows = [
            [f"`{' '.join([option.option_strings[-1], *_value(option)])}`", option.help or ""] for option in options
        ]
        lines += table(["argument", "meaning"], rows)[:-1] if rows else []
    return [*lines, ""]


def _value(option: argparse.Action) -> list[str]:
    return [] if option.nargs == 0 else [str(option.metavar or option.dest.upper())]


def _subcommands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Yield each command with its summary and parser; argparse has no public way to list them."""
    commands: Any = next(action for action in parser._actions if action.choices)  # noqa: SLF001
    for action in commands._choices_actions:  # noqa: SLF001
        yield action.dest, action.help or "", commands.choices[action.dest]
