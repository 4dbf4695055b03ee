"""The checks that run beside the tests refuse what they should, at a price that a suite can bear."""

import jaxtyping
import numpy as np
import pytest
from beartype import beartype
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import Float, TypeCheckError

from tests.shape_checks import spare_functions_without_arrays
from vlmrm.metrics import border


def as_the_hook_does(fn):
    return jaxtyping.jaxtyped(typechecker=beartype)(fn)


@as_the_hook_does
def weighted(values: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"]) -> float:
    return float(values @ weights)


@as_the_hook_does
def longest(names: list[str], *, at_least: int = 0) -> int:
    return max(map(len, names), default=at_least)


@as_the_hook_does
def first(names: "list[NotImportedHere]") -> "NotImportedHere":  # noqa: F821  # as under TYPE_CHECKING
    return names[0]


def test_sizes_of_one_name_must_agree():
    assert weighted(np.ones(2), np.ones(2)) == 2
    with pytest.raises(TypeCheckError, match="weights"):
        weighted(np.ones(2), np.ones(3))


def test_types_are_checked_where_there_are_no_arrays():
    assert longest(["a", "bcd"]) == 3
    for wrong in (lambda: longest("abc"), lambda: longest(["a"], at_least=0.5)):
        with pytest.raises(BeartypeCallHintViolation):
            wrong()


def test_what_is_known_to_type_checkers_alone_is_taken_as_it_is():
    assert first([3]) == 3


def test_only_functions_with_arrays_pay_for_shapes():
    def wrapped_by(fn):
        return "jaxtyping" if "jaxtyping" in fn.__code__.co_filename else "beartype"

    assert (wrapped_by(weighted), wrapped_by(longest)) == ("jaxtyping", "beartype")
    assert (wrapped_by(border._border), wrapped_by(border.border_scores)) == ("jaxtyping", "beartype")
    assert longest.__annotations__ == {"names": list[str], "at_least": int, "return": int}
    assert spare_functions_without_arrays.__module__ == "tests.shape_checks"
