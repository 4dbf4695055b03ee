"""A captioner adapted to one picture: what moves, what comes back, and what stands beside."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vlmrm import RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.frames.corruptions import corrupt
from vlmrm.rlcf import Adapter, Guard, preset
from vlmrm.rlcf.captions import PrefixCaptioner
from vlmrm.rlcf.captions.adapting import CaptionReward
from vlmrm.rlcf.captions.comparing import CaptionSetup
from vlmrm.rlcf.labelled import Labelled
from vlmrm.rlcf.running import run_method
from vlmrm.rlcf.setup import AdaptedMethod

OPTIONS = replace(preset("tab_caption"), tune="mapper", steps=4, learning_rate=1e-3)


def numbers(module: nn.Module) -> list[Tensor]:
    return [one.detach().clone() for one in module.state_dict().values()]


def test_every_byte_comes_back(captioner: PrefixCaptioner, reward: RewardModel, pictures: Tensor) -> None:
    adapter = Adapter(captioner, reward, options=OPTIONS)
    theirs, mine, random = numbers(captioner.model), numbers(adapter.policy.module), torch.get_rng_state()
    with torch.inference_mode(), adapter(pictures[0]) as tuned:
        assert tuned.episode.moved > 1e-3
        moved = [name for name, one in adapter.policy.module.state_dict().items()
                 if not torch.equal(one, captioner.model.state_dict()[name])]  # fmt: skip
        assert moved
        assert all(name.startswith("mapper.") for name in moved)
    for before, module in ((theirs, captioner.model), (mine, adapter.policy.module)):
        assert all(torch.equal(*pair) for pair in zip(before, numbers(module), strict=True))
    assert torch.equal(torch.get_rng_state(), random)
    assert all(one.grad is None for one in adapter.policy.module.parameters())


def test_the_whole_captioner_can_be_tuned_and_comes_back(
    captioner: PrefixCaptioner, reward: RewardModel, pictures: Tensor
) -> None:
    adapter = Adapter(captioner, reward, options=OPTIONS, tune="captioner", learning_rate=1e-4)
    mine = numbers(adapter.policy.module)
    with adapter(pictures[0]):
        now = adapter.policy.module.state_dict()
        moved = {
            name.split(".")[0] for name, one in captioner.model.state_dict().items() if not torch.equal(one, now[name])
        }
        assert len(moved) > 1
        assert "mapper" in moved
    assert all(torch.equal(*pair) for pair in zip(mine, numbers(adapter.policy.module), strict=True))


def test_adaptation_makes_what_the_reward_prefers_likelier(
    captioner: PrefixCaptioner, reward: RewardModel, pictures: Tensor
) -> None:
    dim = corrupt(pictures[:4], "contrast", 2, seed=0)
    adapter = Adapter(captioner, reward, options=OPTIONS)
    gains = []
    for picture in dim:
        paid = CaptionReward(reward, picture[None])
        answer = adapter.answer(picture, trace=True)
        assert len(answer.episode.after_each) == OPTIONS.steps
        gains.append(float(paid([answer.caption]) - paid([answer.episode.before])))
    assert sum(gains) > 0


def test_equal_rewards_move_nothing(captioner: PrefixCaptioner, pictures: Tensor, monkeypatch: Any) -> None:
    reward = RewardModel.from_spec(RewardSpec.clip_score("random:tab-m"))
    monkeypatch.setattr(CaptionReward, "__call__", lambda self, captions: torch.full((len(captions),), 0.3))
    for baseline in ("mean", "loo", "group"):
        with Adapter(captioner, reward, options=OPTIONS, baseline=baseline, decay=0.1)(pictures[0]) as tuned:
            assert tuned.episode.moved == 0


def test_a_nan_reward_gives_the_episode_up(captioner: PrefixCaptioner, reward: RewardModel, pictures: Tensor,
                                           monkeypatch: Any) -> None:  # fmt: skip
    monkeypatch.setattr(CaptionReward, "__call__", lambda self, captions: torch.full((len(captions),), torch.nan))
    adapter = Adapter(captioner, reward, options=OPTIONS)
    answer = adapter.answer(pictures[0])
    assert "nan" in answer.episode.dropped
    assert answer.caption == answer.episode.before


def test_captions_do_not_depend_on_the_order_of_pictures(
    captioner: PrefixCaptioner, reward: RewardModel, pictures: Tensor
) -> None:
    few = corrupt(pictures[:3], "noise", 2, seed=0)
    adapter = Adapter(captioner, reward, options=OPTIONS)
    assert adapter.predict(few) == tuple(reversed(adapter.predict(few.flip(0))))


def test_a_guard_keeps_its_hands_off(captioner: PrefixCaptioner, reward: RewardModel, pictures: Tensor) -> None:
    never = Adapter(captioner, reward, options=OPTIONS, guard=Guard("confidence", 2.0))
    answer = never.answer(pictures[0])
    assert not answer.episode.adapted
    assert answer.caption == answer.episode.before
    always = Adapter(captioner, reward, options=OPTIONS, guard=Guard("confidence", -2.0))
    assert always.answer(pictures[0]).episode.adapted


def test_the_controls_stand_beside(captioner: PrefixCaptioner, reward: RewardModel, pictures: Tensor) -> None:
    dim = corrupt(pictures, "contrast", 3, seed=0)
    with Adapter(captioner, reward, options=OPTIONS)(dim[0]) as tuned:
        beside = tuned.controls(dim[0])
    paid = CaptionReward(reward, dim[:1])
    assert set(beside) == {"zero_shot", "best_of_k", "reward_only"}
    assert float(paid(beside["best_of_k"])) >= float(paid(beside["zero_shot"])) - 1e-6


def test_an_empty_caption_is_paid_the_least(reward: RewardModel, pictures: Tensor) -> None:
    paid = CaptionReward(reward, pictures[:1])(["a red star", "", "a big blue cross"])
    assert float(paid[1]) == float(paid.min())
    assert CaptionReward(reward, pictures[:1])(["", ""]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"method": "kd"}, "captions are adapted by the method 'rlcf'"),
        ({"candidates": None}, "give a number of candidates"),
        ({"tune": "image"}, "of a captioner tune='mapper'"),
        ({"reward_sees": "views"}, "the reward of captions sees the whole picture"),
        ({"rivals": "pictures"}, "rivals can be 'texts'"),
    ],
)
def test_choices_that_captions_have_not_are_refused(
    captioner: PrefixCaptioner, reward: RewardModel, pictures: Tensor, choices: dict[str, Any], says: str
) -> None:
    with pytest.raises(SpecError, match=says):
        Adapter(captioner, reward, options=OPTIONS, **choices).answer(pictures[0])


def test_the_captioners_own_encoder_is_no_reward(captioner: PrefixCaptioner) -> None:
    own = RewardModel.from_spec(RewardSpec.clip_score("tab-xs"))
    with pytest.raises(SpecError, match="policy and reward are one model"):
        Adapter(captioner, own, options=OPTIONS)
    assert Adapter(captioner, own, options=OPTIONS, self_reward=True).policy.parameters


def test_methods_are_compared_and_kept(pictures: Tensor, tmp_path: Path) -> None:
    setup = CaptionSetup(
        captioner="tab-cap", reward=RewardSpec.clip_score("tab-m"), options=OPTIONS,
        adapted={"adapted": AdaptedMethod(options=OPTIONS), "own": AdaptedMethod(options=OPTIONS, self_reward=True)},
    )  # fmt: skip
    shown = Labelled(pictures[:2], [0, 0])
    assert setup.methods == ["zero_shot", "best_of_k", "reward_only", "adapted", "own"]
    found = {name: run_method(setup, name, shown, tmp_path) for name in setup.methods}
    assert all(len(one.captions) == 2 for one in found.values())
    assert found["adapted"].share_adapted == 1
    assert found["adapted"].captions_after_each()[-1] == found["adapted"].captions
    told: list[int] = []
    again = run_method(setup, "adapted", shown, tmp_path, progress=lambda done, total: told.append(done))
    assert again.each == found["adapted"].each
    assert not told  # nothing was computed again
    with pytest.raises(SpecError, match=r"no method 'adaptet'. Near: adapted"):
        setup.make("adaptet")
