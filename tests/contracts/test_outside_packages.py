"""A head, a kind of `over_time` and a family of encoders from a package that is not ours, each one file and one row."""

import sys
import textwrap

import pytest
import torch

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec, registry
from vlmrm.encoders import load_encoder
from vlmrm.errors import SpecError

HEAD = """
    from dataclasses import dataclass

    from vlmrm.rewards.heads.projection import embed, unit_mean
    from vlmrm.rewards.protocols import Head, HeadOptions


    @dataclass(frozen=True, kw_only=True)
    class PowerOptions(HeadOptions):
        \"\"\"Options of the head ``power``.\"\"\"

        exponent: float = 2.0
        \"\"\"Exponent of the cosine.\"\"\"

        def build(self, encoder, prompts, alpha):
            return PowerHead(unit_mean(embed(encoder, prompts.goal)), self.exponent)


    @dataclass(frozen=True, eq=False)
    class PowerHead(Head):
        \"\"\"The cosine to some power.\"\"\"

        goal: object
        exponent: float

        def __call__(self, embeddings):
            return (embeddings @ self.goal) ** self.exponent
"""
KIND = """
    from dataclasses import dataclass

    import torch

    from vlmrm.rewards.protocols import OverTime, TimeOptions


    @dataclass(frozen=True, kw_only=True)
    class BestOptions(TimeOptions):
        \"\"\"Options of the kind ``best``.\"\"\"

        def build(self, context):
            return Best(context.score)


    @dataclass(frozen=True, eq=False)
    class Best(OverTime):
        \"\"\"Pays what a step adds to the best score so far.\"\"\"

        score: object
        needs_history: bool = True

        def start(self, seen):
            return self.score(seen)[:, None]

        def advance(self, state, seen, terminated):
            best = torch.maximum(state[:, 0], self.score(seen))
            return best[:, None], best - state[:, 0]
"""
FAMILY = """
    from tests.toys import ColourEncoder


    def load(name, *, device=None, precision=None, resize_mode=None):
        encoder = ColourEncoder()
        encoder.name = name
        return encoder
"""
POINTS = """
    [vlmrm.heads]
    power = {package}.head:PowerOptions

    [vlmrm.over_time]
    best = {package}.kind:BestOptions

    [vlmrm.encoders]
    {package} = {package}.family:load
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a package where installed ones are found, with its entry points."""

    def installed(package, points=POINTS):
        folder = tmp_path / package
        folder.mkdir()
        for name, text in {"__init__": "", "head": HEAD, "kind": KIND, "family": FAMILY}.items():
            (folder / f"{name}.py").write_text(textwrap.dedent(text))
        about = tmp_path / f"{package}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(textwrap.dedent(points.format(package=package)))

    monkeypatch.syspath_prepend(tmp_path)
    registry._entry_points.cache_clear()
    yield installed
    registry._entry_points.cache_clear()
    for name in [name for name in sys.modules if name.startswith("theirs")]:
        del sys.modules[name]


def frames(*reds: int) -> torch.Tensor:
    batch = torch.zeros(len(reds), 8, 8, 3, dtype=torch.uint8)
    batch[..., 0] = torch.tensor(reds, dtype=torch.uint8)[:, None, None]
    return batch


def test_a_head_a_kind_and_a_family_of_encoders_are_found_by_name(install):
    install("theirs")
    said = {
        "encoder": "theirs:anything",
        "prompts": {"goal": "red"},
        "head": "power",
        "options": {"exponent": 3.0},
        "over_time": {"kind": "best"},
    }
    spec = RewardSpec.from_dict(said)
    assert RewardSpec.from_dict(spec.to_dict()) == spec
    reward = RewardModel.from_spec(spec)
    assert (type(reward.encoder), reward.encoder.name) == (ColourEncoder, "theirs:anything")
    red = torch.tensor([51, 102, 51, 255]) / 255
    paid = reward.score_episode(frames(51, 102, 51, 255))
    torch.testing.assert_close(paid, (red**3).cummax(dim=0).values.diff(), atol=1e-6, rtol=0)


def test_an_unknown_option_of_theirs_is_refused_as_one_of_ours(install):
    install("theirs")
    with pytest.raises(SpecError, match=r"unknown key options.exponant. Near: exponent."):
        RewardSpec(encoder="colour", prompts=PromptSet("red"), head="power", options={"exponant": 3.0})


def test_two_packages_with_one_name_are_refused_when_it_is_named_and_only_then(install):
    install("theirs")
    install("theirs_too")
    RewardSpec(encoder="colour", prompts=PromptSet("red"))
    with pytest.raises(SpecError, match=r"'power' is offered by more than one package: .*theirs.*theirs_too"):
        RewardSpec(encoder="colour", prompts=PromptSet("red"), head="power")


def test_a_name_of_ours_cannot_be_taken(install):
    install("theirs", "[vlmrm.heads]\nsoftmax = {package}.head:PowerOptions\n")
    with pytest.raises(SpecError, match="'softmax' is offered by more than one package"):
        RewardSpec(encoder="colour", prompts=PromptSet("red", negatives="blue"), head="softmax")


def test_a_package_that_cannot_be_loaded_is_named(install):
    install("theirs", "[vlmrm.encoders]\ntheirs = {package}.nowhere:load\n")
    with pytest.raises(SpecError, match=r"encoder family 'theirs' of 'theirs.nowhere:load' cannot be loaded"):
        load_encoder("theirs:anything")
