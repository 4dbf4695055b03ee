"""The measures of code count what they say they count, on a package small enough to count by hand."""

import sys
from pathlib import Path
from textwrap import dedent

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "scripts"))

import code_features
import code_trees
import measure_code


@pytest.fixture
def tree(tmp_path):
    """Writes files of a package called vlmrm, and gives back their syntax trees."""

    def write(**files):
        (tmp_path / "pyproject.toml").write_text('[project.scripts]\nrun = "vlmrm.cli:entered"\n')
        (tmp_path / "README.md").write_text("")
        for name, text in files.items():
            path = tmp_path / "vlmrm" / f"{name}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(dedent(text))
        return code_trees.parse(tmp_path, "vlmrm")

    return write


def test_a_circle_needs_imports_at_module_level_that_run(tree):
    trees = tree(
        a="import vlmrm.b",
        b="from vlmrm import c",
        c="from vlmrm.a import x",
        d="from vlmrm.a import x",
        e="if TYPE_CHECKING:\n    from vlmrm.f import g",
        f="def g():\n    from vlmrm.e import g",
        h="from vlmrm.i import j",
        i="def j():\n    import vlmrm.h",
    )
    assert measure_code.circles(trees, inner=False) == "1 / 3"
    assert measure_code.circles(trees, inner=True) == "2 / 5"


def test_type_checks_are_counted_on_own_classes_however_they_are_written(tree):
    trees = tree(
        a="""
        class Ours:
            field: int

        isinstance(x, Ours | dict), isinstance(x, dict), hasattr(x, "field"), hasattr(x, "foreign")
        getattr(x, "field", 0), getattr(x, "field"), type(x) is Ours, type(x) is dict
        match x:
            case Ours():
                pass
            case dict():
                pass
        """
    )
    assert measure_code.type_checks(trees) == 5


def test_a_class_of_another_package_is_not_ours_though_one_of_ours_has_its_name(tree):
    trees = tree(
        a="class Box: ...\nclass Ours: ...",
        b="from gymnasium import spaces\nisinstance(x, spaces.Box)",
        c="from vlmrm.a import Box\nisinstance(x, Box)",
        d="from gymnasium.spaces import Box\nfrom vlmrm.a import Ours\nisinstance(x, Box), isinstance(x, Ours)",
    )
    assert measure_code.type_checks(trees) == 2


def test_an_attribute_of_another_packages_object_is_not_ours_though_one_of_ours_has_its_name(tree):
    trees = tree(
        a="""
        class Ours:
            bias: float

        def theirs(model: Any, agent: BaseAlgorithm):
            inner: Any = model.inner
            return getattr(model, "bias", 0), hasattr(agent, "bias"), hasattr(inner, "bias")

        def ours(one: Ours | None, unknown):
            return getattr(one, "bias", 0), hasattr(unknown, "bias"), hasattr(one.part, "bias")
        """
    )
    assert measure_code.type_checks(trees) == 3


def test_only_words_of_a_specification_count_as_comparisons(tree):
    trees = tree(
        a="""
        CLIP = "clip"
        spec.head == "softmax", "window" != kind, table["kind"] == CLIP, table.get("method") in ("lora", "svd")
        kind == "tensor", other == "softmax", head in HEADS, head is None
        match self.kind:
            case "window" | "clip":
                pass
            case _:
                pass
        """
    )
    assert measure_code.comparisons(trees) == 5


def test_a_feature_is_known_where_code_names_it_and_not_where_a_text_does(tree):
    trees = tree(
        a='"""Milestones."""\nx = "no milestones here"  # milestones',
        b="from vlmrm.milestones import y",
        c='kinds = {"milestones": 1}',
        milestones="y = 1",
    )
    known = [{word for word, _ in code_trees.words(of)} for of in trees.values()]
    assert ["milestones" in " ".join(found) for found in known] == [False, True, True, False]


def test_a_word_with_another_meaning_in_a_room_is_no_knowledge_of_the_feature_there():
    said = {
        "vlmrm/rewards/features/views.py": {"ViewsOptions"},
        "vlmrm/rewards/spec.py": {"views"},
        "vlmrm/rlcf/views.py": {"views"},
        "vlmrm/rlcf/policy.py": {"vlmrm.rlcf.views", "views"},
        "vlmrm/search/rewards.py": {"vlmrm.rewards.features.views", "views"},
        "vlmrm/metrics/tally.py": {"clip"},
    }
    assert code_features.knowing("views", said) == ["vlmrm/rewards/spec.py", "vlmrm/search/rewards.py"]
    assert code_features.knowing("clips", said) == []


def test_a_field_docstring_is_a_fragment_where_it_leans_on_the_name(tree):
    trees = tree(
        a='''
        class A:
            size: int
            """Of the file in bytes."""
            seed_number: int
            """The seed number."""
            share: float
            """Its share."""
            path: str
            """Path of the file with the posterior."""
            bare: int
        '''
    )
    assert measure_code.fragments(trees) == "3 of 4"


def test_code_that_only_tests_use_is_found_by_name(tree, tmp_path):
    trees = tree(
        a="""
        def used(): ...
        def recursive():
            recursive()
        def in_a_table(): ...
        def entered(): ...
        def _private(): ...
        class Own:
            def forgotten(self):
                pass
        class OfAFramework(gym.Env):
            def step(self): ...
        """,
        b="from vlmrm.a import Own, OfAFramework\nused()",
        __init__="from vlmrm.a import recursive, in_a_table\nKINDS = {'b': in_a_table}",
    )
    found = measure_code.only_for_tests(tmp_path, trees)
    assert found == {"vlmrm/a.py: recursive": 2, "vlmrm/a.py: forgotten": 2}


def test_what_a_template_names_is_used_and_what_the_docs_show_is_for_users(tree, tmp_path):
    trees = tree(a="def filled(): ...\ndef shown(): ...\ndef told(): ...\n")
    (tmp_path / "vlmrm" / "page.html").write_text("<p>told {{ report.filled }}</p>")
    (tmp_path / "README.md").write_text("It has `shown(x)`, and told is a word.")
    found = measure_code.only_for_tests(tmp_path, trees)
    assert found == {"vlmrm/a.py: shown": 1, "vlmrm/a.py: told": 1}
    assert measure_code.for_users(tmp_path, found) == {"vlmrm/a.py: shown": 1}


def test_the_step_cycle_is_where_both_keys_are_written(tree):
    trees = tree(
        a='info |= {"env_reward": 1, "vlm_reward": 2}',
        b='OWN = "env_reward"\ninfo[OWN], info["vlm_reward"] = 1, 2',
        c='info["env_reward"] = info["vlm_reward"]',
        d='FIRST, SECOND = "env_reward", "vlm_reward"\ninfo[FIRST], info[SECOND] = 1, 2',
    )
    assert measure_code.step_cycles(trees) == 3


def test_sizes_are_those_of_a_file_counted_by_hand(tree, tmp_path):
    trees = tree(
        a='''
        class Base:
            """Top."""

        class Deep(Base):
            def work(self, one: int, *, two: int) -> int:
                """Docstring that does not count."""
                three = one
                return three + two

            def plain(self, one):
                return one
        ''',
        b="x = 1\n",
    )
    found = code_trees.sizes(tmp_path, trees)
    assert (found["largest class"], found["most parameters"], found["inheritance depth"]) == (8, 2, 2)
    assert (found["fully annotated functions"], found["public code with a docstring"]) == ("50.0%", "50.0%")
    assert (found["files of vlmrm"], found["lines of vlmrm"]) == (2, 13)
    assert found["lines of a function, median / p90 / most"].endswith("/ 2")


def test_public_code_is_what_others_can_name(tree, tmp_path):
    trees = tree(
        a='''
        def documented():
            """Has a function of its own."""
            def inside(): ...

        class _Private:
            def method(self): ...
        ''',
        b="",
    )
    assert code_trees.sizes(tmp_path, trees)["public code with a docstring"] == "100.0%"


def test_two_trees_stand_side_by_side_also_where_one_cannot_be_run(tree, tmp_path, capsys, monkeypatch):
    tree(__init__="", a="class A:\n    x: int\n    def f(self): ...\n    def g(self): ...\n")
    monkeypatch.setattr(sys, "argv", ["measure_code.py", "--root", str(tmp_path), "--root", str(tmp_path), "--names"])
    measure_code.main()
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["files", "of", "vlmrm", "2", "2"] for line in lines)
    (parses,) = [line for line in lines if line.startswith("parses of")]
    assert parses.count("failed: ImportError") == 2
    assert lines[-3:] == ["vlmrm/a.py: A", "vlmrm/a.py: f", "vlmrm/a.py: g"]
