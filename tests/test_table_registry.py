"""Registries: records by the names that a spec may give, those of other packages included."""

import sys
from itertools import count

import pytest

from tests.plugins import Plugins
from vlmrm.errors import SpecError
from vlmrm.prompts import PromptSet
from vlmrm.rendering import Camera
from vlmrm.tables import Registry

_NUMBERS = count()


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    with Plugins(tmp_path, f"vlmrm.test{next(_NUMBERS)}") as found:
        yield found


RECORD = "class Options:\n    pass\n"
OURS = {"prompts": "vlmrm.prompts:PromptSet"}


def registry(plugins, rows):
    return Registry("part", plugins.group, rows)


def test_a_name_stands_for_the_record_of_its_row(plugins):
    parts = registry(plugins, OURS)
    assert parts["prompts"] is PromptSet
    assert parts.named("prompts") is PromptSet
    assert parts.name_of(PromptSet) == "prompts"
    assert (list(parts), len(parts), "prompts" in parts) == (["prompts"], 1, True)


def test_a_record_of_another_package_is_found_by_its_entry_point(plugins):
    plugins.add("plugin_of_axles", {"axle": "plugin_of_axles:Options"}, RECORD)
    parts = registry(plugins, OURS)
    assert list(parts) == ["prompts", "axle"]
    assert parts["axle"].__module__ == "plugin_of_axles"
    assert parts.name_of(parts["axle"]) == "axle"


def test_a_record_may_be_named_by_a_module_that_re_exports_it(plugins):
    plugins.add("plugin_inside", {}, RECORD)
    plugins.add("plugin_outside", {"axle": "plugin_outside:Options"}, "from plugin_inside import Options\n")
    parts = registry(plugins, OURS)
    assert parts["axle"].__module__ == "plugin_inside"
    assert parts.name_of(parts["axle"]) == "axle"


def test_nothing_is_imported_before_it_is_named(plugins):
    plugins.add("plugin_of_brakes", {"brake": "plugin_of_brakes:Options"}, RECORD)
    plugins.add("plugin_of_hubs", {}, RECORD)
    parts = registry(plugins, OURS | {"hub": "plugin_of_hubs:Options"})
    assert (list(parts), len(parts), "hub" in parts) == (["prompts", "hub", "brake"], 3, True)
    assert not {"plugin_of_brakes", "plugin_of_hubs"} & set(sys.modules)
    assert parts["hub"].__module__ == "plugin_of_hubs"
    assert "plugin_of_hubs" in sys.modules
    assert "plugin_of_brakes" not in sys.modules


def test_a_name_that_two_packages_offer_is_refused_with_both(plugins):
    plugins.add("plugin_one", {"axle": "plugin_one:Options"}, RECORD)
    plugins.add("plugin_two", {"axle": "plugin_two:Options"}, RECORD)
    parts = registry(plugins, OURS)
    both = "part 'axle' is offered by more than one package: plugin_one:Options, plugin_two:Options"
    with pytest.raises(SpecError, match=both):
        parts.named("axle")
    assert parts["prompts"] is PromptSet


def test_a_package_cannot_take_a_name_of_ours(plugins):
    plugins.add("plugin_that_takes", {"prompts": "plugin_that_takes:Options"}, RECORD)
    both = "part 'prompts' is offered by more than one package: vlmrm.prompts:PromptSet, plugin_that_takes:Options"
    with pytest.raises(SpecError, match=both):
        registry(plugins, OURS)["prompts"]


@pytest.mark.parametrize("code", ["import nowhere_at_all\n", "class Other:\n    pass\n"])
def test_a_record_that_cannot_be_loaded_is_refused_when_it_is_named(plugins, code):
    plugins.add("plugin_that_breaks", {"axle": "plugin_that_breaks:Options"}, code)
    parts = registry(plugins, OURS)
    assert "axle" in parts
    with pytest.raises(SpecError, match="part 'axle' of 'plugin_that_breaks:Options' cannot be loaded"):
        parts.named("axle")


def test_a_name_that_nobody_offers_is_refused_with_the_nearest(plugins):
    plugins.add("plugin_of_wheels", {"wheel": "plugin_of_wheels:Options"}, RECORD)
    parts = registry(plugins, OURS)
    with pytest.raises(SpecError, match=r"unknown part 'weel'. Near: wheel"):
        parts.named("weel")
    with pytest.raises(SpecError, match="unknown part 3"):
        parts.named(3)
    with pytest.raises(KeyError):
        parts["weel"]
    assert "weel" not in parts


def test_a_record_without_a_name_says_where_it_could_get_one(plugins):
    with pytest.raises(SpecError, match=rf"Camera is not registered as a part; see the group {plugins.group}"):
        registry(plugins, OURS).name_of(Camera)
