from dataclasses import dataclass
@dataclass(frozen=True)
class Case:
    name: str
    apply: str = ""
    delete: tuple[str, ...] = ()
    hurts: str = ""
