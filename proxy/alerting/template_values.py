"""The values that templates see: texts, numbers, lists and objects that have nothing but what they hold.

The template engine reads attributes and calls what can be called; so it is given no plain Python values, whose methods
a template would reach. Lists know their ``length`` and their ``asJSON`` as in Kibana, and count how often they are
walked through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import orjson

# Walking through lists again and again costs time in proportion to the template each time.
_MAX_WALKED_CHARACTERS = 4 * 1024 * 1024
_MAX_ITERATIONS = 10_000


class TooMuch(Exception):
    """A template asks for more work than a message is worth."""


class Budget:
    """What one rendering may still cost."""

    def __init__(self, template_length: int, max_characters: int) -> None:
        self._iterations = min(_MAX_ITERATIONS, _MAX_WALKED_CHARACTERS // max(1, template_length))
        self._characters = max_characters

    def step(self) -> None:
        self._iterations -= 1
        if self._iterations < 0:
            raise TooMuch("its sections are repeated too often")

    def spent_on(self, stringify: Callable[[Any], str]) -> Callable[[Any], str]:
        """The function, until its results together are longer than a message may be."""

        def bounded(value: Any) -> str:
            text = stringify(value)
            self._characters -= len(text)
            if self._characters < 0:
                raise TooMuch("its values are too long")
            return text

        return bounded


class _Leaf:
    """A text, a number, a flag or nothing."""

    __slots__ = ("value",)

    def __init__(self, value: str | int | float | bool | None) -> None:
        self.value = value

    def __bool__(self) -> bool:
        return bool(self.value)

    def __getitem__(self, name: str) -> NoReturn:
        raise KeyError(name)

    def __str__(self) -> str:
        if self.value is None:
            return ""
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        if isinstance(self.value, float) and self.value.is_integer():
            return str(int(self.value))
        return str(self.value)


class _Items(list[Any]):
    """A list with what Kibana's templates ask of it."""

    def __init__(self, plain: list[Any], budget: Budget) -> None:
        super().__init__(wrapped(value, budget) for value in plain)
        self._plain = plain
        self._budget = budget

    def __iter__(self) -> Iterator[Any]:
        for value in super().__iter__():
            self._budget.step()
            yield value

    def __getitem__(self, name: Any) -> Any:
        if name == "length":
            return _Leaf(len(self))
        if name == "asJSON":
            return _Leaf(_json(self._plain))
        if isinstance(name, str) and name.isdecimal() and int(name) < len(self):
            return super().__getitem__(int(name))
        raise KeyError(name)

    def __str__(self) -> str:
        return ",".join(text_of(value) for value in self)


class _Object(dict[str, Any]):
    """An object, which as a text is its JSON."""

    def __init__(self, plain: Mapping[str, Any], budget: Budget) -> None:
        super().__init__((str(name), wrapped(value, budget)) for name, value in plain.items())
        self._plain = plain

    def __missing__(self, name: str) -> Any:
        if name == "asJSON":
            return _Leaf(_json(self._plain))
        raise KeyError(name)

    def __str__(self) -> str:
        return _json(self._plain)


def wrapped(value: Any, budget: Budget) -> Any:
    """A value of JSON as templates see it."""
    if isinstance(value, Mapping):
        return _Object(value, budget)
    if isinstance(value, list | tuple):
        return _Items(list(value), budget)
    if value is None or isinstance(value, str | int | float):
        return _Leaf(value)
    raise TypeError(f"[{type(value).__name__}] is no value for a template")


def text_of(value: Any) -> str:
    return str(value)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
