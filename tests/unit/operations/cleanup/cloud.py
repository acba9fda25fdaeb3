"""An account of a few kinds in memory, with what AWS makes hard: refusals, delays, things that keep others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from operations.cleanup import Kind, LabIdentity, Resource
from operations.cleanup.ownership import nameless

LAB = LabIdentity("myeks", "ap-northeast-2")
TAGS = {"myeks:lab": LAB.id}


def no_client(service: str) -> Any:
    raise AssertionError(f"{service} is not asked here")


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{code} it is."}}, "Operation")


@dataclass
class Shelf:
    """The things of one kind."""

    name: str
    things: dict[str, Resource] = field(default_factory=dict[str, Resource])
    unanswered: str = ""
    """Error code of the question."""

    refused: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Id → error codes of the next attempts to delete it; the last one stays."""

    slow: dict[str, int] = field(default_factory=dict[str, int])
    """Id → how often it is still seen after its deletion was asked for."""

    log: list[str] = field(default_factory=list[str])
    """Ids in the order of the attempts."""

    going: set[str] = field(default_factory=set[str])

    def put(self, identifier: str, tags: dict[str, str] = TAGS, **more: Any) -> None:
        self.things[identifier] = Resource(identifier, tags=tags, **more)

    def find(self, client: Any, lab: LabIdentity) -> Iterator[Resource]:
        if self.unanswered:
            raise refusal(self.unanswered)
        for identifier in list(self.things):
            if identifier in self.going:
                self.slow[identifier] = self.slow.get(identifier, 0) - 1
                if self.slow[identifier] < 0:
                    del self.things[identifier]
                    continue
            yield self.things[identifier]

    def delete(self, client: Any, resource: Resource) -> None:
        self.log.append(resource.id)
        if codes := self.refused.get(resource.id):
            raise refusal(codes.pop(0) if len(codes) > 1 else codes[0])
        self.going.add(resource.id)

    def kind(self, patience: float = 5.0) -> Kind:
        return Kind(
            self.name,
            f"{self.name}s",
            "ec2",
            (f"ec2:Describe{self.name}",),
            "costs",
            self.find,
            self.delete,
            nameless,
            f"aws:{self.name}",
            patience=patience,
        )


def shelves(*names: str) -> tuple[list[Shelf], Sequence[Kind]]:
    """Empty shelves and their kinds, in the order of deletion."""
    made = [Shelf(name) for name in names]
    return made, [shelf.kind() for shelf in made]
