"""What stands in for numpy's functions, asked of numbers, against numpy asked of arrays of one element."""

from itertools import product

import numpy as np
import pytest

from proxy.engine import elementwise

SIZES = (0.1, -2.5, 0.0, np.nan, np.inf)
TYPES = (np.float64, np.float32, np.float16, float)
NUMBERS = [kind(size) for kind, size in product(TYPES, SIZES)]


def as_array(number):
    """Python's numbers are left to adapt, as numpy lets them."""
    return number if isinstance(number, float) and not isinstance(number, np.float64) else np.array([number])


def assert_alike(found, wanted):
    wanted = np.asarray(wanted)
    assert np.asarray(found).dtype == wanted.dtype
    assert np.array_equal(np.asarray(found), wanted.reshape(()), equal_nan=True)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_the_greater_and_the_lesser_of_two_numbers_are_those_of_numpy(name):
    for a, b in product(NUMBERS, NUMBERS):
        assert_alike(getattr(elementwise, name)(a, b), getattr(np, name)(as_array(a), as_array(b)))


def test_one_of_two_numbers_is_what_numpy_takes():
    for a, b, is_so in product(NUMBERS, NUMBERS, (np.True_, np.False_)):
        assert_alike(elementwise.where(is_so, a, b), np.where(np.array([is_so]), as_array(a), as_array(b)))


def test_a_number_is_kept_within_bounds_as_by_numpy():
    for x, most in product(NUMBERS[: 3 * len(SIZES)], [np.float64(0.05), np.float32(1.5), np.float16(3.0), 0.2]):
        least = -most
        assert_alike(elementwise.clip(x, least, most), np.clip(*(as_array(each) for each in (x, least, most))))


@pytest.mark.parametrize("is_so", [True, False])
def test_what_is_chosen_of_one_series_is_what_is_chosen_of_an_array(is_so):
    number, mask = np.float32(0.1), np.bool_(is_so)
    array, masks = np.array([number]), np.array([mask])
    assert elementwise.positions(mask).tolist() == elementwise.positions(masks).tolist()
    assert elementwise.listed(number, mask).tolist() == elementwise.listed(array, masks).tolist()
    assert elementwise.anywhere(mask) == elementwise.everywhere(mask) == elementwise.anywhere(masks) == is_so
    assert elementwise.indicator(mask).dtype == elementwise.indicator(masks).dtype
    if is_so:
        assert elementwise.put(number, np.array([0]), 2.0) == elementwise.put(array, np.array([0]), 2.0)[0]
        assert elementwise.of(number, mask) == elementwise.of(array, masks)[0]
