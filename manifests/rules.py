"""The register of rules: each is a function whose name is the rule's, for the kinds that it is about."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from manifests.resources import Field, Resource

Faults = Iterator[tuple[Field, str]]
ANY_KIND = "*"


@dataclass(frozen=True)
class Rule:
    """`check` yields the places that break the rule, each with what is wrong and why."""

    name: str
    kinds: frozenset[str]
    check: Callable[[Field, Sequence[Resource]], Faults]

    def about(self, resource: Resource) -> bool:
        return ANY_KIND in self.kinds or resource.qualified_kind in self.kinds


class Rules(list[Rule]):
    """The rules of one subject, in the order of their file."""

    def of(self, *kinds: str) -> Callable[[Callable[[Field], Faults]], Callable[[Field], Faults]]:
        """A rule that looks at one resource by itself."""

        def taken(check: Callable[[Field], Faults]) -> Callable[[Field], Faults]:
            self.append(Rule(_named(check.__name__), frozenset(kinds), lambda root, _: check(root)))
            return check

        return taken

    def among(self, *kinds: str) -> Callable[[Callable[[Field, Sequence[Resource]], Faults]], None]:
        """A rule that looks at one resource and at those that are applied with it."""

        def taken(check: Callable[[Field, Sequence[Resource]], Faults]) -> None:
            self.append(Rule(_named(check.__name__), frozenset(kinds), check))

        return taken


def _named(function: str) -> str:
    return function.strip("_").replace("_", "-")
