"""Planted bugs: a module is imported with part of its syntax tree replaced, and no file changes."""

import ast
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import EllipsisType, ModuleType

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Bug:
    """A change of one function.

    `target` is `module:function`, `module:Class.method`, or a module for code outside of functions. `old` and `new` are
    expressions or sequences of statements. `old` must occur exactly once in the target. In it, `...` matches any
    expression and `f(...)` any arguments, so that a bug depends on few names. Formatting and comments do not matter.
    """

    name: str
    target: str
    old: str
    new: str
    breaks: str

    @property
    def module(self) -> str:
        return self.target.partition(":")[0]

    @property
    def path(self) -> Path:
        return ROOT / f"{self.module.replace('.', '/')}.py"

    def apply(self) -> ast.Module:
        """Return the module's syntax tree with the bug. Raises ValueError if the bug does not fit the code."""
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        scope = _find(tree, self.target.partition(":")[2])
        if scope is None:
            raise ValueError(f"{self.name}: {self.target} does not exist")
        replacement = _Replacement(self.old, self.new)
        replacement.visit(scope)
        if replacement.count != 1:
            raise ValueError(f"{self.name}: `old` occurs {replacement.count} times in {self.target}")
        return ast.fix_missing_locations(tree)


def _find(tree: ast.AST, qualified_name: str) -> ast.AST | None:
    """Return the function or class with a qualified name, or the tree itself for an empty name."""
    node: ast.AST | None = tree
    for name in filter(None, qualified_name.split(".")):
        definitions = (ast.FunctionDef, ast.ClassDef)
        children = ast.iter_child_nodes(node) if node else ()
        node = next((child for child in children if isinstance(child, definitions) and child.name == name), None)
    return node


class _Replacement(ast.NodeTransformer):
    """Replaces an expression or consecutive statements, and counts the occurrences."""

    def __init__(self, old: str, new: str) -> None:
        self._old, self._new = ast.parse(old).body, ast.parse(new).body
        self.count = 0

    def visit(self, node: ast.AST) -> ast.AST:
        match self._old, self._new:
            case [ast.Expr(old)], [ast.Expr(new)]:
                if _matches(old, node):
                    self.count += 1
                    return new
            case _:
                for block in (getattr(node, name, None) for name in ("body", "orelse", "finalbody")):
                    if isinstance(block, list):
                        self._replace_statements(block)
        return self.generic_visit(node)

    def _replace_statements(self, block: list[ast.stmt]) -> None:
        length = len(self._old)
        for start in range(len(block) - length, -1, -1):
            if all(map(_matches, self._old, block[start : start + length])):
                self.count += 1
                block[start : start + length] = self._new


def _matches(pattern: object, node: object) -> bool:
    """Compare two syntax trees, with the wildcards of Bug.old in the pattern."""
    match pattern, node:
        case ast.Constant(value=EllipsisType()), _:
            return True
        case ast.Call(func=function, args=[ast.Constant(value=EllipsisType())], keywords=[]), ast.Call():
            return _matches(function, node.func)
        case ast.AST(), ast.AST():
            fields = [(getattr(pattern, name, None), getattr(node, name, None)) for name in pattern._fields]
            return type(pattern) is type(node) and all(_matches(*pair) for pair in fields)
        case [*_], [*_]:
            return len(pattern) == len(node) and all(map(_matches, pattern, node))
    return pattern == node


class _Loader(Loader):
    """Compiles a module from the changed syntax tree. Coverage ignores it, because its code is in no file."""

    def __init__(self, bug: Bug) -> None:
        self._code = compile(bug.apply(), f"<{bug.name}>", "exec")

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, vars(module))


class _Finder(MetaPathFinder):
    def __init__(self, bug: Bug) -> None:
        self._bug = bug
        self._loader = _Loader(bug)

    def find_spec(self, fullname: str, _: Sequence[str] | None, __: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != self._bug.module:
            return None
        return spec_from_file_location(fullname, self._bug.path, loader=self._loader)


def plant(bug: Bug) -> None:
    """Import the bug's module with the bug from now on. Raises RuntimeError if it has been imported already."""
    if bug.module in sys.modules:
        raise RuntimeError(f"{bug.module} is already imported")
    sys.meta_path.insert(0, _Finder(bug))


@contextmanager
def imported_again(package: str, bug: Bug | None) -> Iterator[None]:
    """Import the modules of a package again inside the context, with a bug or without.

    Objects that were imported before have no bug, inside and afterwards.
    """
    parent, _, name = package.rpartition(".")
    before, attribute = _forget(package), getattr(sys.modules[parent], name)
    finders = [_Finder(bug)] if bug else []
    sys.meta_path[:0] = finders
    try:
        yield
    finally:
        for finder in finders:
            sys.meta_path.remove(finder)
        _forget(package)
        sys.modules.update(before)
        setattr(sys.modules[parent], name, attribute)


def _forget(package: str) -> dict[str, ModuleType]:
    """Remove the modules of a package from sys.modules and return them."""
    names = [name for name in sys.modules if f"{name}.".startswith(f"{package}.")]
    return {name: sys.modules.pop(name) for name in names}
