"""Tables become records and records tables; registries of records, those of other packages included."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest

from vlmrm.atomic import write_json
from vlmrm.errors import PromptError, SpecError
from vlmrm.prompts import PromptSet
from vlmrm.tables import OrTable, join, plain, read_kind, read_table, write_table
from vlmrm.values import (
    read_names,
    require_above_0,
    require_choice,
    require_finite_numbers,
    require_number,
    require_share,
    require_whole,
)


@dataclass(frozen=True, kw_only=True)
class Wheel:
    radius_m: float
    spokes: int = 12
    material: str = "steel"

    def __post_init__(self) -> None:
        require_above_0("radius_m", self.radius_m)
        require_whole("spokes", self.spokes)
        require_choice("material", self.material, ("steel", "wood"))
        if self.spokes > 99:
            raise SpecError("a wheel of so many spokes is a disc.")


def _metres(value, path):
    if not isinstance(value, str) or not value.endswith(" m"):
        raise SpecError(f"{path} is a text such as '2 m'; got {value!r}.")
    return float(value.removesuffix(" m"))


@dataclass(frozen=True, kw_only=True)
class Cart:
    wheel: OrTable[Wheel]
    spare: OrTable[Wheel] | None = None
    load: Mapping[str, int] = field(default_factory=dict)
    length_m: float = field(default=2.0, metadata={"read": _metres, "write": lambda value: f"{value:g} m"})
    names: tuple[str, ...] = ()
    secret: int = field(default=7, init=False)


def cart(**changes):
    return read_table(Cart, {"wheel": {"radius_m": 0.5}} | changes, where="cart")


def test_tables_within_tables_become_the_records_that_the_fields_ask_for():
    made = cart(spare={"radius_m": 0.25, "spokes": 3}, load={"hay": 2}, length_m="3.5 m")
    assert made == Cart(wheel=Wheel(radius_m=0.5), spare=Wheel(radius_m=0.25, spokes=3), load={"hay": 2}, length_m=3.5)


def test_records_and_none_are_taken_as_they_are():
    wheel = Wheel(radius_m=0.5)
    made = read_table(Cart, {"wheel": wheel, "spare": None}, where="cart")
    assert made.wheel is wheel
    assert made.spare is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weel": 1}, "^unknown key cart.weel. Near: wheel"),
        ({"secret": 1}, "^unknown key cart.secret"),
        ({"wheel": {"radius_m": 0.5, "spoke": 1}}, "^unknown key cart.wheel.spoke. Near: spokes"),
        ({"spare": {}}, "^cart.spare.radius_m is missing; the keys of cart.spare are radius_m, spokes, material"),
        ({"wheel": 3}, "^cart.wheel must be a table of keys and values; got 3"),
        ({"wheel": {"radius_m": 0}}, "^cart.wheel.radius_m must be above 0; got 0"),
        ({"spare": {"radius_m": 1.0, "spokes": 0}}, "^cart.spare.spokes must be a whole number of at least 1; got 0"),
        ({"spare": {"radius_m": 1.0, "material": "wod"}}, "^unknown cart.spare.material 'wod'. Near: wood"),
        ({"wheel": {"radius_m": 1.0, "spokes": 100}}, "^cart.wheel: a wheel of so many spokes is a disc"),
        ({"length_m": 3}, "^cart.length_m is a text such as '2 m'; got 3"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_full_path(changes, message):
    with pytest.raises(SpecError, match=message):
        cart(**changes)


def test_a_key_that_must_be_given_is_named_with_all_that_there_are():
    with pytest.raises(SpecError, match=r"^cart.wheel is missing; the keys of cart are wheel, spare, load, length_m"):
        read_table(Cart, {}, where="cart")


def test_the_whole_of_a_file_has_no_path():
    with pytest.raises(SpecError, match=r"^unknown key spoke. Near: spokes"):
        read_table(Wheel, {"radius_m": 1.0, "spoke": 3})
    with pytest.raises(SpecError, match=r"^radius_m is missing; the keys of this table are"):
        read_table(Wheel, {})
    with pytest.raises(SpecError, match=r"^this must be a table of keys and values; got 3"):
        read_table(Wheel, 3)
    with pytest.raises(SpecError, match=r"^radius_m must be above 0; got -1"):
        read_table(Wheel, {"radius_m": -1})


def test_a_record_without_fields_says_that_it_has_no_options():
    @dataclass(frozen=True, kw_only=True)
    class Nothing:
        pass

    assert read_table(Nothing, {}, where="way") == Nothing()
    with pytest.raises(SpecError, match="way has no options; got 'speed'"):
        read_table(Nothing, {"speed": 1}, where="way")


def test_an_error_has_the_class_that_was_asked_for_or_that_of_the_record():
    with pytest.raises(PromptError, match=r"^unknown key prompts.gaol. Near: goal"):
        read_table(PromptSet, {"gaol": "a car"}, where="prompts", error=PromptError)
    with pytest.raises(PromptError, match=r"^prompts.goal has an empty sentence"):
        read_table(PromptSet, {"goal": ""}, where="prompts")


KINDS = {"wheel": Wheel, "cart": Cart}


def test_one_key_of_a_table_says_which_record_it_is():
    table = {"kind": "wheel", "radius_m": 0.5}
    assert read_kind(KINDS, table, key="kind", where="part") == Wheel(radius_m=0.5)
    assert table == {"kind": "wheel", "radius_m": 0.5}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"radius_m": 0.5}, "^part.kind is missing: one of wheel, cart. Got {'radius_m': 0.5}"),
        ({"kind": "weel"}, "^unknown part.kind 'weel'. Near: wheel"),
        ({"kind": "wheel", "radus_m": 1}, "^unknown key part.radus_m. Near: radius_m"),
        ({"kind": "wheel"}, "^part.radius_m is missing"),
        ({"kind": "wheel", "radius_m": 0}, "^part.radius_m must be above 0"),
        ("wheel", "^part must be a table of keys and values; got 'wheel'"),
    ],
)
def test_a_kind_that_cannot_be_meant_is_refused_by_its_full_path(table, message):
    with pytest.raises(SpecError, match=message):
        read_kind(KINDS, table, key="kind", where="part")


def test_a_table_has_what_differs_from_the_defaults_as_plain_values():
    assert write_table(Wheel(radius_m=0.5, spokes=12)) == {"radius_m": 0.5}
    whole = Cart(wheel=Wheel(radius_m=0.5), spare=Wheel(radius_m=1.0, spokes=3), names=("a", "b"), length_m=2.5)
    assert write_table(whole) == {
        "wheel": {"radius_m": 0.5},
        "spare": {"radius_m": 1.0, "spokes": 3},
        "names": ["a", "b"],
        "length_m": "2.5 m",
    }


@pytest.mark.parametrize(
    "record",
    [
        Wheel(radius_m=0.5),
        Wheel(radius_m=0.5, spokes=3, material="wood"),
        Cart(wheel=Wheel(radius_m=0.5)),
        Cart(wheel=Wheel(radius_m=0.5), spare=Wheel(radius_m=1.0), load={"hay": 2}, length_m=2.5),
        PromptSet("a"),
        PromptSet(["a", "b"], "c", ["d"]),
    ],
)
def test_what_was_written_is_read_again(record):
    assert read_table(type(record), write_table(record)) == record


def test_plain_values_go_through_mappings_and_lists():
    assert plain({"a": (Wheel(radius_m=0.5), 1), "b": None}) == {"a": [{"radius_m": 0.5}, 1], "b": None}


def test_a_path_is_joined_by_dots():
    assert (join("a.b", "c"), join("", "c")) == ("a.b.c", "c")


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (require_number, math.nan, "x must be a number; got nan"),
        (require_number, math.inf, "x must be a number; got inf"),
        (require_number, True, "x must be a number; got True"),
        (require_number, "1", "x must be a number; got '1'"),
        (require_above_0, 0, "x must be above 0; got 0"),
        (require_above_0, math.nan, "x must be a number; got nan"),
        (require_share, 1.01, "x must lie in 0 to 1; got 1.01"),
        (require_share, -0.01, "x must lie in 0 to 1; got -0.01"),
        (require_whole, 1.0, "x must be a whole number of at least 1; got 1.0"),
        (require_whole, 0, "x must be a whole number of at least 1; got 0"),
        (require_whole, True, "x must be a whole number of at least 1; got True"),
    ],
)
def test_a_value_that_is_no_such_number_is_refused(check, value, message):
    with pytest.raises(SpecError, match=message):
        check("x", value)


def test_values_at_the_edge_are_taken():
    require_share("x", 0)
    require_share("x", 1)
    require_whole("x", 1)
    require_above_0("x", 1.2e-38)


@dataclass(frozen=True, kw_only=True)
class Scales:
    share: int | float = 0.5
    limit: float | None = None
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"share": True}, r"scales\.share must be a number; got True"),
        ({"share": "half"}, r"scales\.share must be a number; got 'half'"),
        ({"limit": math.inf}, r"scales\.limit must be a number; got inf"),
        ({"share": 10**400}, r"scales\.share must be a number from -3\.4e\+38 to 3\.4e\+38"),
        ({"limit": -1e300}, r"scales\.limit must be a number from -3\.4e\+38"),
        ({"bounds": {"x": [0, math.nan]}}, r"scales\.bounds\.x\[1\] must be a number; got nan"),
    ],
)
def test_a_number_is_finite_and_true_is_not_one_wherever_a_field_holds_numbers(values, message):
    with pytest.raises(SpecError, match=message):
        read_table(Scales, values, where="scales")


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int64, np.uint8, Fraction])
def test_a_number_of_another_kind_is_read_and_written_as_pythons_own(kind, tmp_path):
    """Bounds of an observation space are NumPy's, and no JSON or TOML file holds those."""
    made = read_table(Scales, {"share": kind(1), "limit": kind(3), "bounds": {"x": (kind(0), kind(2))}})
    assert type(made.share) in (int, float)
    written = write_table(made)
    assert [type(value) for value in written["bounds"]["x"]] == [type(made.share)] * 2
    write_json(tmp_path / "scales.json", {"made": written, "as given": [kind(2)]})
    assert json.loads((tmp_path / "scales.json").read_text()) == {
        "made": {"share": 1, "limit": 3, "bounds": {"x": [0, 2]}}, "as given": [2]
    }  # fmt: skip


@pytest.mark.parametrize("value", [np.float32(np.nan), np.float16(np.inf), np.bool_(True), np.ones(1), 1j])
def test_what_is_no_finite_number_is_none_in_numpy_either(value):
    with pytest.raises(SpecError, match="x must be a number; got"):
        require_number("x", value)


def test_a_divisor_that_makes_rewards_infinite_is_refused():
    with pytest.raises(SpecError, match=r"x must be above 0, by at least 1\.2e-38, .*; got 1e-320"):
        require_above_0("x", 1e-320)


def test_a_word_that_is_not_known_is_refused_with_the_nearest():
    require_choice("way", "corners", ("centre", "corners"))
    with pytest.raises(SpecError, match=r"unknown way 'corner'. Near: corners"):
        require_choice("way", "corner", ("centre", "corners"))


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_that_json_cannot_hold_is_refused_with_its_path(number):
    require_finite_numbers("", {"train": {"steps": 5, "rates": [0.1, 1e300]}, "name": "inf"})
    with pytest.raises(SpecError, match=rf"train\.rates must be a finite number.*got {number}"):
        require_finite_numbers("", {"train": {"rates": [0.1, number]}})


def test_names_are_one_or_a_list():
    assert read_names("a:b", "wrappers") == ("a:b",)
    assert read_names(["a:b", "c:d"], "wrappers") == ("a:b", "c:d")
    for wrong in (3, ["a:b", 3], {"a:b": 1}):
        with pytest.raises(SpecError, match=r"wrappers must be a name or a list of names; got"):
            read_names(wrong, "wrappers")
