"""Heads and ways over time of other packages stand in a spec as ours do."""

import json

import pytest
import torch

from tests.plugins import Plugins
from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import SpecError

HEAD = """
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from vlmrm.errors import SpecError
from vlmrm.rewards.protocols import Head, HeadOptions


@dataclass(frozen=True, kw_only=True)
class SquareOptions(HeadOptions):
    factor: float = 1.0

    def __post_init__(self):
        if self.factor <= 0:
            raise SpecError(f"factor must be above 0; got {self.factor}.")

    def build(self, encoder, prompts, alpha):
        return Square(encoder.embed_texts(list(prompts.goal))[0], self.factor)


@dataclass(frozen=True, eq=False)
class Square(Head):
    goal: torch.Tensor
    factor: float

    def columns(self, embeddings):
        return {"cosine": embeddings @ self.goal}

    def __call__(self, embeddings):
        return self.factor * (embeddings @ self.goal) ** 2
"""
TIME = '''
from dataclasses import dataclass

from vlmrm.rewards.protocols import OverTime, TimeOptions


@dataclass(frozen=True, kw_only=True)
class FirstOptions(TimeOptions):
    def build(self, context):
        return First(context.score)


@dataclass(frozen=True, eq=False)
class First(OverTime):
    """What the first frame was worth, in every step."""

    score: object
    needs_history: bool = True

    def start(self, seen):
        return self.score(seen)[:, None]

    def advance(self, state, seen, terminated):
        return state, state[:, 0]
'''
FRAMES = torch.tensor([(153, 0, 0), (255, 0, 0), (0, 0, 255)], dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install one package, until the test ends."""
    monkeypatch.syspath_prepend(str(tmp_path))
    entered = []

    def add(group, name, place, code):
        plugins = Plugins(tmp_path, group).__enter__()
        entered.append(plugins)
        plugins.add(place.partition(":")[0], {name: place}, code)

    yield add
    for plugins in entered:
        plugins.__exit__(None, None, None)


def test_a_head_of_another_package_is_named_checked_written_and_explained(install):
    install("vlmrm.heads", "square", "plugin_square:SquareOptions", HEAD)
    said = {"encoder": "colour", "prompts": {"goal": "red"}, "head": "square", "options": {"factor": 2.0}}
    spec = RewardSpec.from_dict(said)
    assert RewardSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    columns = RewardModel(ColourEncoder(), spec).explain(FRAMES)
    assert columns["score"].tolist() == pytest.approx([0.72, 2, 0])
    assert columns["cosine"].tolist() == pytest.approx([0.6, 1, 0])
    with pytest.raises(SpecError, match=r"options.factor must be above 0; got 0"):
        RewardSpec.from_dict(said | {"options": {"factor": 0.0}})
    with pytest.raises(SpecError, match=r"unknown key options.factr. Near: factor"):
        RewardSpec.from_dict(said | {"options": {"factr": 1.0}})


def test_a_way_over_time_of_another_package_is_named_written_and_pays(install):
    install("vlmrm.over_time", "first", "plugin_first:FirstOptions", TIME)
    spec = RewardSpec(encoder="colour", prompts=PromptSet("red"), over_time={"kind": "first"})
    assert spec.to_dict()["over_time"] == {"kind": "first"}
    assert RewardSpec.from_dict(spec.to_dict()) == spec
    assert RewardModel(ColourEncoder(), spec).score_episode(FRAMES).tolist() == pytest.approx([0.6, 0.6])


def test_a_head_of_a_package_that_is_gone_is_unknown():
    with pytest.raises(SpecError, match="unknown head 'square'"):
        RewardSpec(encoder="colour", prompts=PromptSet("red"), head="square")
