"""Rewards that know how unsure they are by an ensemble that may disagree: of prompts, of crops, of encoders."""

import json

import numpy as np
import pytest
import torch
import vlmrm_envs as envs

from tests.toys import ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.cli import main
from vlmrm.encoders import load_encoder
from vlmrm.errors import SpecError
from vlmrm.fitting import fit
from vlmrm.rewards.features import FrameFeatures
from vlmrm.tables import write_table

POLE = PromptSet(
    ["a pole held vertically upright", "pole upright on the cart"], "a pole on its cart", ["pole hanging straight down"]
)


def shown(*colours):
    return torch.tensor(colours, dtype=torch.uint8)[:, None, None].expand(-1, 8, 8, 3)


def halves(left, right):
    """One frame of two colours, one above the other, with the second colour in the middle."""
    frame = torch.tensor(left, dtype=torch.uint8).repeat(1, 16, 16, 1)
    frame[:, 4:12, 4:12] = torch.tensor(right, dtype=torch.uint8)
    return frame


def colours(**changes):
    spec = {"encoder": "colour", "prompts": PromptSet(["red", "green"]), "alpha": 0.0}
    return RewardModel(ColourEncoder(), RewardSpec(**spec | changes))


def built(**spec):
    return RewardModel.from_spec(RewardSpec(**spec), device="cpu")


RED, YELLOW = (255, 0, 0), (180, 180, 0)


def test_prompts_disagree_about_red_and_agree_about_yellow():
    reward = colours(uncertainty={"ensemble": "prompts"})
    scores, std = reward.score_with_std(shown(RED, YELLOW))
    torch.testing.assert_close(scores, colours().score(shown(RED, YELLOW)))  # kappa 0: the score is its own
    assert std.tolist() == pytest.approx([0.5**0.5, 0], abs=1e-6)  # cosines 1 and 0, and twice the same


def test_what_is_not_agreed_on_does_not_pay():
    plain, careful = colours(), colours(uncertainty={"ensemble": "prompts", "kappa": 1.0})
    assert plain.score(shown(RED, YELLOW)).diff() > 0  # yellow is nearer to the mean of red and green
    expected = plain.score(shown(RED, YELLOW)) - torch.tensor([0.5**0.5, 0])
    torch.testing.assert_close(careful.score(shown(RED, YELLOW)), expected)


def test_views_disagree_where_the_middle_looks_otherwise():
    views = {"scales": [1.0, 0.5]}
    reward = colours(prompts=PromptSet("red"), views=views, uncertainty={"ensemble": "views"})
    same, other = halves(RED, RED), halves((0, 0, 255), RED)
    scores, std = reward.score_with_std(torch.cat([same, other]))
    torch.testing.assert_close(scores, colours(prompts=PromptSet("red"), views=views).score(torch.cat([same, other])))
    whole = ColourEncoder().embed_frames(other)[0, 0]  # a quarter of it is red
    assert std.tolist() == pytest.approx([0, float((1 - whole) / 2**0.5)], abs=1e-6)


@pytest.mark.parametrize("views", [None, {"scales": [1.0, 0.6]}])
def test_encoders_disagree_by_the_spread_of_their_own_rewards(views):
    frames = envs.labelled_frames("cartpole/upright", 6, seed=0, size_px=160).frames
    spec = {"prompts": POLE, "head": "softmax", "options": {"temperature": 0.1}, "views": views}
    together = built(encoder="sim-xs + sim-s", uncertainty={"ensemble": "encoders"}, **spec)
    _, std = together.score_with_std(frames)
    if views is None:  # each alone, on frames as the ensemble hands them on
        small = together.encoder.preprocessing.resize(frames)
        alone = [built(encoder=name, **spec).score(small) for name in ("sim-xs", "sim-s")]
        torch.testing.assert_close(std, torch.stack(alone).std(dim=0), atol=1e-4, rtol=0)
    assert float(std.max()) > 1e-3


@pytest.mark.parametrize("ensemble", ["prompts", "views", "encoders"])
def test_a_batch_split_and_a_stream_change_nothing(ensemble):
    frames = envs.labelled_frames("cartpole/upright", 6, seed=1, size_px=160).frames
    reward = built(
        encoder="sim-xs + sim-s" if ensemble == "encoders" else "sim-xs",
        prompts=POLE,
        head="softmax",
        views={"scales": [1.0, 0.6], "positions": "corners"} if ensemble == "views" else None,
        uncertainty={"ensemble": ensemble, "kappa": 0.5},
        over_time={"kind": "difference"},
    )
    whole = reward.read(frames)
    parts = FrameFeatures.join([reward.read(frames[i : i + 4]) for i in (0, 4)])
    scores, deviations = (reward.explain(whole)[column] for column in ("score", "std"))
    torch.testing.assert_close(parts.embeddings, whole.embeddings, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(reward.explain(parts)["score"], scores, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(reward.explain(parts)["std"], deviations, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(reward.score_episode(frames), scores.diff(), atol=1e-4, rtol=1e-4)
    stream = reward.stream(1)
    stream.begin(whole[:1])
    steps = [stream.step(whole[t : t + 1], torch.tensor([False])) for t in range(1, len(frames))]
    torch.testing.assert_close(torch.cat(steps), scores.diff(), atol=1e-4, rtol=1e-4)


def test_it_comes_from_a_file_and_the_command_line_prints_it(tmp_path, capsys):
    path, frame = tmp_path / "reward.toml", tmp_path / "frames.npy"
    path.write_text(
        'encoder = "sim-xs"\nalpha = 0.0\nuncertainty = { ensemble = "prompts", kappa = 0.5 }\n'
        f"prompts = {{ goal = {json.dumps(list(POLE.goal))} }}\n"
    )
    spec = RewardSpec.load(path)
    spec.save(tmp_path / "reward.json")
    again = RewardSpec.load(tmp_path / "reward.json")
    assert (again, again.hash()) == (spec, spec.hash())
    with frame.open("wb") as file:
        np.save(file, envs.labelled_frames("cartpole/upright", 2, seed=0, size_px=64).frames.numpy())
    assert main(["score", str(path), str(frame)]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["frame", "score", "std"]


def test_words_that_do_not_count_cannot_disagree():
    reward = colours(uncertainty={"ensemble": "prompts", "kappa": 1.0})
    assert fit(reward, shown(RED), method="goal_pictures").spec.uncertainty is None
    assert fit(reward, shown(RED, YELLOW), [0, 1]).spec.uncertainty == reward.spec.uncertainty
    table = fit(reward, shown(RED), method="goal_pictures").spec.few_shot
    own = [{"weight": 0.5, "alpha": 0.0, "prompts": {"goal": goal}} for goal in ("red", "blue")]
    for changes in ({"few_shot": table}, {"head": "ensemble", "options": {"parts": own}}):
        with pytest.raises(SpecError, match=r"goal sentences, which this reward does not use"):
            colours(uncertainty={"ensemble": "prompts"}, **changes)


def test_the_command_line_prints_the_deviation_of_a_scaled_reward(tmp_path, capsys):
    spec = {
        "encoder": "sim-xs", "alpha": 0.0, "prompts": write_table(POLE) | {"baseline": []},
        "uncertainty": {"ensemble": "prompts"}, "scaling": {"divide": 0.5},
    }  # fmt: skip
    (tmp_path / "reward.json").write_text(json.dumps(spec))
    np.save(tmp_path / "frames.npy", envs.labelled_frames("cartpole/upright", 2, seed=0, size_px=64).frames.numpy())
    assert main(["score", str(tmp_path / "reward.json"), str(tmp_path / "frames.npy"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["frames"]
    reward = RewardModel.from_spec(tmp_path / "reward.json", device="cpu")
    _, std = reward.score_with_std(np.load(tmp_path / "frames.npy"))
    assert [row["rewards"]["std"] for row in rows] == pytest.approx(std.tolist(), abs=1e-5)


def test_fitting_by_ensemble_is_kept_apart_from_fitting_frames():
    reward = colours(uncertainty={"ensemble": "prompts", "kappa": 1.0})
    fitted = fit(reward, shown(RED, YELLOW), [0, 1])
    assert fitted.spec.uncertainty == reward.spec.uncertainty
    scores, std = fitted.score_with_std(shown(RED, YELLOW))
    assert scores[1] > scores[0]
    assert (std >= 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"uncertainty": {"ensemble": "prompt"}}, r"unknown uncertainty.ensemble 'prompt'. Near: prompts"),
        ({"uncertainty": {"ensemble": "prompts", "kapa": 1}}, r"unknown key uncertainty.kapa. Near: kappa"),
        (
            {"uncertainty": {"kappa": 1.0}},
            r"uncertainty needs an ensemble \(prompts, views or encoders\), or the file .*; got {'kappa': 1.0}",
        ),
        ({"uncertainty": {"ensemble": "prompts"}, "prompts": PromptSet("red")}, r"at least 2 goal sentences"),
        ({"uncertainty": {"ensemble": "views"}}, r"'views' needs views, and no window"),
        (
            {
                "uncertainty": {"ensemble": "views"},
                "views": {"scales": [1.0, 0.5]},
                "over_time": {"kind": "window", "length": 3},
            },
            r"'views' needs views, and no window",
        ),
        ({"uncertainty": {"ensemble": "encoders"}}, r"heads softmax and sigmoid, without few_shot.*head='projection'"),
    ],
)
def test_an_ensemble_that_cannot_be_meant_is_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        RewardSpec(**{"encoder": "colour", "prompts": PromptSet(["red", "green"]), "alpha": 0.0} | changes)


def test_an_ensemble_of_one_is_refused_when_the_reward_is_made():
    softmax = {"head": "softmax", "prompts": POLE, "encoder": "sim-xs"}
    encoder = load_encoder("sim-xs", device="cpu")
    with pytest.raises(
        SpecError, match=r"'encoders' needs an ensemble of encoders, e.g. 'sim-s \+ sim-m'; 'sim-xs' is none"
    ):
        RewardModel(encoder, RewardSpec(**softmax, uncertainty={"ensemble": "encoders"}))
    with pytest.raises(SpecError, match=r"'views' needs at least 2 views"):
        RewardModel(encoder, RewardSpec(**softmax, uncertainty={"ensemble": "views"}, views={"scales": [0.5]}))
