"""Slotted dataclasses that nobody changes: for what every bucket makes a dozen of.

That nobody does is proved by the type checker alone. Dataclasses that prove it while they run take nine times as long
to make, a part of twenty of all that a series alone takes.
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True)
def frozen(cls: type[Class]) -> type[Class]:
    """The class as a dataclass whose fields are set once."""
    return dataclass(slots=True)(cls)
