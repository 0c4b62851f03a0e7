"""numpy's element-wise functions for what is asked of many series at once, or of one alone.

The cost of a numpy call on an array of one element is all overhead. So formulas are written once, for arrays with an
element per series, and hold for numbers as they are: where `rows` is one row number instead of an array, a column gives
numpy's scalar, a table of bins gives an array of bins, and the functions here stand in for numpy's. What they return
has the type that numpy would give it, so that both ways agree to the last bit.

`**` is left to numpy (`power`), which does not compute it as Python does; a square is a product.
"""

import math
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import NOBODY, Rows
from proxy.engine.results import Floats

Mask = NDArray[np.bool_]
# Of any type: what numpy makes of two of them is decided while it runs.
Numbers = NDArray[Any] | float
Array = TypeVar("Array", bound=NDArray[Any])
# Compared with the class of what comes: isinstance takes several times as long.
_ARRAY: Any = np.ndarray
_DOUBLE: Any = np.float64
_ZERO: Any = np.float64(0.0)
# The position of one series in itself.
_ALL = np.zeros(1, np.intp)
# (type chosen, type left out) -> what both make together, where that is not the type chosen.
_PROMOTED: dict[tuple[type, type], Any] = {
    (float, float): np.float64,
    (float, np.float32): np.float32,
    (float, np.float16): np.float16,
    (float, np.float64): np.float64,
    (np.uint8, float): np.float64,
    (np.uint8, np.float32): np.float32,
    (np.uint8, np.float64): np.float64,
    (np.float16, np.float32): np.float32,
    (np.float16, np.float64): np.float64,
    (np.float32, np.float64): np.float64,
}


def is_one(x: NDArray[np.generic]) -> bool:
    """Whether this is of a series alone: a number, no array."""
    return x.__class__ is not _ARRAY


def _promoted(chosen: Any, other: Any) -> Any:
    kind = _PROMOTED.get((chosen.__class__, other.__class__))
    return chosen if kind is None else kind(chosen)


def where(is_so: Mask | bool, yes: Numbers, no: Numbers) -> Floats:
    """`yes` or `no`, element by element."""
    if is_so.__class__ is _ARRAY:
        return np.where(is_so, yes, no)
    chosen: Any
    if is_so:
        chosen, other = yes, no
    else:
        chosen, other = no, yes
    # Here and below written out: a call of its own takes as long as all the rest.
    if chosen.__class__ is not _DOUBLE:
        chosen = _DOUBLE(chosen) if other.__class__ is _DOUBLE else _promoted(chosen, other)
    number: Floats = chosen
    return number


def maximum(a: Numbers, b: Numbers) -> Floats:
    """The greater one; NaN where either is."""
    if a.__class__ is _ARRAY or b.__class__ is _ARRAY:
        return np.maximum(a, b)
    chosen: Any
    if a >= b or a != a:
        chosen, other = a, b
    else:
        chosen, other = b, a
    if chosen.__class__ is not _DOUBLE:
        chosen = _DOUBLE(chosen) if other.__class__ is _DOUBLE else _promoted(chosen, other)
    number: Floats = chosen
    return number


def minimum(a: Numbers, b: Numbers) -> Floats:
    """The lesser one; NaN where either is."""
    if a.__class__ is _ARRAY or b.__class__ is _ARRAY:
        return np.minimum(a, b)
    chosen: Any
    if a <= b or a != a:
        chosen, other = a, b
    else:
        chosen, other = b, a
    if chosen.__class__ is not _DOUBLE:
        chosen = _DOUBLE(chosen) if other.__class__ is _DOUBLE else _promoted(chosen, other)
    number: Floats = chosen
    return number


def clip(x: Numbers, least: Numbers, most: Numbers) -> Floats:
    """x, not below `least` and not above `most`, which is no less than that."""
    if x.__class__ is _ARRAY or most.__class__ is _ARRAY:
        # Of a few series np.clip takes three times as long.
        return np.minimum(np.maximum(x, least), most)
    chosen: Any = least if x < least else most if x > most else x
    if x.__class__ is not _DOUBLE:
        chosen = _promoted(_promoted(_promoted(chosen, x), least), most)
    elif chosen.__class__ is not _DOUBLE:
        chosen = _DOUBLE(chosen)
    number: Floats = chosen
    return number


def root(x: Any) -> Floats:
    """The square root."""
    found: Floats = _DOUBLE(math.sqrt(x)) if x.__class__ is _DOUBLE else np.sqrt(x)
    return found


def double(x: Any) -> Floats:
    """x in double precision: a copy."""
    copied: Floats = x if x.__class__ is _DOUBLE else x.astype(_DOUBLE) if x.__class__ is _ARRAY else _DOUBLE(x)
    return copied


def indicator(is_so: Mask) -> Floats:
    """1 where it is so, else 0; in single precision, as shares are stored."""
    found: Floats = is_so.astype(np.float32) if is_so.__class__ is _ARRAY else np.float32(is_so)  # type: ignore[assignment]
    return found


def zeros(rows: Rows) -> Floats:
    """0 for each of these series."""
    return np.zeros(len(rows)) if rows.__class__ is _ARRAY else _ZERO


def anywhere(is_so: Mask) -> bool:
    """Whether it is so for any series."""
    return bool(is_so.any()) if is_so.__class__ is _ARRAY else bool(is_so)


def everywhere(is_so: Mask) -> bool:
    """Whether it is so for all series."""
    return bool(is_so.all()) if is_so.__class__ is _ARRAY else bool(is_so)


def positions(is_so: Mask) -> Rows:
    """The positions of the series for which it is so."""
    if is_so.__class__ is _ARRAY:
        return np.flatnonzero(is_so)
    return _ALL if is_so else NOBODY


def of(x: Array, chosen: Rows | Mask) -> Array:
    """Those chosen of x, which has an element per series; what is of one series stays as it is and must be chosen."""
    each: Any = x
    some: Array = each[chosen] if x.__class__ is _ARRAY else each
    return some


def listed(x: Array, is_chosen: Mask) -> Array:
    """An array of those chosen of x, which has an element per series: for what seldom happens and may take longer."""
    each: Any = x if x.__class__ is _ARRAY else np.array([x])
    some: Array = each[is_chosen if x.__class__ is _ARRAY else slice(int(is_chosen))]
    return some


def column(each: Array, rows: Rows) -> Array:
    """Several numbers that go with an array of several x series."""
    numbers: Any = each
    shaped: Array = numbers[:, None] if rows.__class__ is _ARRAY else numbers
    return shaped


def put(x: Floats, at: Rows, new: Numbers) -> Floats:
    """x with others at these positions, of which there is at least one."""
    if x.__class__ is not _ARRAY:
        number: Any = new
        alone: Floats = number
        return alone
    out = x.copy()
    out[at] = new
    return out
