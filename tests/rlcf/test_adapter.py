"""Episodes on the built-in models: what they change, what they give back, and what they refuse."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vlmrm import RewardModel, RewardSpec
from vlmrm.encoders import load_encoder
from vlmrm.errors import EncoderError, FrameError, PromptError, SpecError
from vlmrm.rlcf import Adapter, AdaptOptions, ClipClassifier, Guard, ViewOptions, preset
from vlmrm.rlcf.answer import Answer
from vlmrm.rlcf.evaluation import evaluate

CLASSES = ("stands upright", "hangs down", "points horizontally to the left", "points horizontally to the right")
VIEWS = ViewOptions(count=12, smallest=0.8, flip=False)
FAST: dict[str, Any] = {"views": VIEWS, "learning_rate": 1e-3, "steps": 2}


@pytest.fixture(scope="module")
def poles() -> ClipClassifier:
    return ClipClassifier.load("sim-xs", CLASSES, template="the pole on the cart {}")


@pytest.fixture(scope="module")
def reward() -> RewardModel:
    return RewardModel.from_spec(RewardSpec.clip_score("random:sim-s"))


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    shades = torch.arange(3 * 80 * 100, dtype=torch.int64).view(1, 80, 100, 3)
    return torch.cat([(shades * step % 251).to(torch.uint8) for step in (1, 7, 13)])


def everything_of(model: nn.Module) -> dict[str, Any]:
    """Every byte, flag and hook of a model."""
    found: dict[str, Any] = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for path, module in model.named_modules():
        found[f"{path} training"] = module.training
        found[f"{path} hooks"] = [*module._forward_hooks, *module._forward_pre_hooks, *module._backward_hooks]
    found |= {f"{name} asks": parameter.requires_grad for name, parameter in model.named_parameters()}
    return found


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(value, second[name]) if isinstance(value, Tensor) else value == second[name]
        for name, value in first.items()
    )


@pytest.mark.parametrize("tune", ["image", "norm", "lora", "text", "prompt", lambda name: "attnpool" in name])
def test_an_episode_changes_the_answer_and_gives_every_byte_back(
    poles: ClipClassifier, reward: RewardModel, pictures: Tensor, tune: Any
) -> None:
    original = everything_of(poles.encoder.model)
    adapter = Adapter(poles, reward, tune=tune, **FAST)
    before, random = everything_of(adapter.policy.encoder.model), torch.get_rng_state()
    started = adapter.say_now(pictures[:1])
    with adapter(pictures[0]) as tuned:
        adapted = tuned.predict(pictures[0])
    assert tuned.episode.moved > 0
    assert not torch.equal(adapted, started)
    assert torch.equal(adapter.say_now(pictures[:1]), started)
    assert same(before, everything_of(adapter.policy.encoder.model))
    assert same(original, everything_of(poles.encoder.model))
    assert torch.equal(random, torch.get_rng_state())


def test_all_is_given_back_after_an_error_too(poles: ClipClassifier, reward: RewardModel, pictures: Tensor) -> None:
    adapter = Adapter(poles, reward, batch_statistics=True, **FAST)
    before = everything_of(adapter.policy.encoder.model)
    with pytest.raises(ZeroDivisionError), adapter(pictures[0]):
        raise ZeroDivisionError
    assert same(before, everything_of(adapter.policy.encoder.model))
    with adapter(pictures[0]) as tuned:  # and it can be used again
        assert tuned.episode.adapted


def test_the_order_of_pictures_changes_no_answer(poles: ClipClassifier, reward: RewardModel, pictures: Tensor) -> None:
    adapter = Adapter(poles, reward, choice="gumbel", **FAST)
    forwards, backwards = adapter.predict(pictures), adapter.predict(pictures.flip(0))
    assert torch.equal(forwards, backwards.flip(0))


@pytest.mark.parametrize("reset", ["never", "ema"])
def test_the_order_matters_where_episodes_are_not_independent(
    poles: ClipClassifier, reward: RewardModel, pictures: Tensor, reset: str
) -> None:
    adapter = Adapter(poles, reward, reset=reset, ema=0.5, ema_every=1, **FAST)
    forwards = adapter.predict(pictures)
    adapter.reset()
    assert torch.equal(forwards, adapter.predict(pictures))  # anew after a reset
    adapter.reset()
    assert not torch.equal(forwards, adapter.predict(pictures.flip(0)).flip(0))


@pytest.mark.parametrize("choices", [{"baseline": "mean"}, {"baseline": "group"}, {"baseline": "loo"}, {"decay": 0.1}])
def test_equal_rewards_change_not_one_bit(poles: ClipClassifier, pictures: Tensor, choices: dict[str, Any]) -> None:
    constant = RewardSpec.from_dict(
        {"encoder": "random:sim-s", "alpha": 0.0, "scaling": {"divide": 0.4, "lowest": 50.0}}
    )  # a floor above every cosine
    adapter = Adapter(poles, RewardModel.from_spec(constant), **FAST, **choices)
    with adapter(pictures[0]) as tuned:
        assert tuned.episode.moved == 0.0
        assert torch.equal(tuned.predict(pictures[0])[0], adapter.say_now(pictures[:1])[0])


def test_decay_to_zero_moves_weights_without_any_reward(poles: ClipClassifier, pictures: Tensor) -> None:
    """AdamW with a gradient of 0 still multiplies by 1 - rate x decay: why decay is off by default."""
    constant = RewardSpec.from_dict({"encoder": "random:sim-s", "alpha": 0.0, "scaling": {"lowest": 50.0}})
    adapter = Adapter(poles, RewardModel.from_spec(constant), decay=0.1, decay_to="zero", **FAST)
    weight = max(float(parameter.detach().abs().max()) for parameter in adapter.policy.parameters)
    with adapter(pictures[0]) as tuned:
        assert tuned.episode.moved == pytest.approx(weight * (1 - (1 - 1e-3 * 0.1) ** 2), rel=1e-2)


def test_the_scale_of_the_reward_hardly_matters_for_adam_s_first_step(poles: ClipClassifier, pictures: Tensor) -> None:
    def after(divide: float, eps: float) -> Tensor:
        spec = RewardSpec.from_dict({"encoder": "random:sim-s", "alpha": 0.0, "scaling": {"divide": divide}})
        choices = {**FAST, "steps": 1, "eps": eps}
        with Adapter(poles, RewardModel.from_spec(spec), **choices)(pictures[0]) as tuned:
            return tuned.predict(pictures[0])

    assert torch.allclose(after(1.0, 1e-12), after(0.01, 1e-12), atol=2e-3)
    assert (after(1.0, 1e-2) - after(0.01, 1e-2)).abs().max() > 0.05  # eps as large as gradients


def test_it_works_where_the_caller_switched_gradients_off(
    poles: ClipClassifier, reward: RewardModel, pictures: Tensor
) -> None:
    plain = Adapter(poles, reward, **FAST).predict(pictures[:1])
    with torch.no_grad():
        assert torch.equal(Adapter(poles, reward, **FAST).predict(pictures[:1]), plain)
    with torch.inference_mode():
        inside = Adapter(poles, reward, **FAST)
        assert torch.equal(inside.predict(pictures[:1] + 0), plain)


def test_two_adapters_do_not_disturb_each_other(poles: ClipClassifier, reward: RewardModel, pictures: Tensor) -> None:
    image, prompt = Adapter(poles, reward, **FAST), Adapter(poles, reward, tune="prompt", **FAST)
    alone = [adapter.predict(pictures[:1]) for adapter in (image, prompt)]
    with image(pictures[0]) as first, prompt(pictures[0]) as second:
        assert torch.equal(first.predict(pictures[0]), alone[0])
        assert torch.equal(second.predict(pictures[0]), alone[1])


def test_batch_norm_keeps_its_statistics_unless_asked(
    poles: ClipClassifier, reward: RewardModel, pictures: Tensor
) -> None:
    adapter = Adapter(poles, reward, method="tent", tune="norm", **FAST)
    statistics = dict(adapter.policy.encoder.model.named_buffers())["visual.bn1.running_mean"]
    own = statistics.clone()
    with adapter(pictures[0]):
        assert torch.equal(statistics, own)
    with Adapter(poles, reward, method="tent", tune="norm", batch_statistics=True, **FAST)(pictures[0]) as of_batch:
        moved = dict(of_batch.adapter.policy.encoder.model.named_buffers())["visual.bn1.running_mean"]
        assert not torch.equal(moved, own)


def test_nan_in_the_reward_gives_the_episode_up(poles: ClipClassifier, pictures: Tensor) -> None:
    broken = RewardModel.from_spec(RewardSpec.clip_score("random:sim-s"))
    adapter = Adapter(poles, broken, **FAST)
    assert adapter.policy.rewards is not None
    unadapted = adapter.say_now(pictures[:1])
    adapter.policy.rewards.scores = lambda seen: torch.full((1, len(CLASSES)), torch.nan)
    with adapter(pictures[0]) as tuned:
        assert "nan" in tuned.episode.dropped
        assert torch.equal(tuned.predict(pictures[0]), unadapted)


def test_prompt_tuning_embeds_each_view_once(
    poles: ClipClassifier, reward: RewardModel, pictures: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = Adapter(poles, reward, tune="prompt", **{**FAST, "steps": 4})
    seen: list[int] = []
    embed = adapter.policy.encoder.embed_pixels
    monkeypatch.setattr(
        adapter.policy.encoder, "embed_pixels", lambda pixels: seen.append(len(pixels)) or embed(pixels)
    )
    with adapter(pictures[0]):
        assert sum(seen) == VIEWS.count


def test_a_guard_that_keeps_its_hands_off_leaves_the_answer(
    poles: ClipClassifier, reward: RewardModel, pictures: Tensor
) -> None:
    careful = Adapter(poles, reward, guard=Guard("certainty", 1.1), **FAST)
    unadapted = careful.say_now(pictures[:1])
    with careful(pictures[0]) as tuned:
        assert not tuned.episode.adapted
        assert torch.equal(tuned.predict(pictures[0]), unadapted)
    assert Adapter(poles, reward, guard=Guard("certainty", 0.0), **FAST).answer(pictures[:1]).episode.adapted
    with pytest.raises(SpecError, match="confidence"):
        Adapter(poles, reward, guard=Guard("domain"), **FAST).answer(pictures[:1])


def test_controls_stand_beside_an_answer(poles: ClipClassifier, reward: RewardModel, pictures: Tensor) -> None:
    with Adapter(poles, reward, **FAST)(pictures[0]) as tuned:
        controls = tuned.controls(pictures[0])
    assert list(controls) == ["zero_shot", "reward_only", "best_of_k", "ensemble"]
    scores = reward.score_pairs(pictures[:1], list(poles.sentences))[0]
    assert int(controls["reward_only"].argmax()) == int(scores.argmax())
    likely = poles.logits(pictures[:1])[0].topk(3).indices
    assert int(controls["best_of_k"].argmax()) == int(likely[scores[likely].argmax()])


def test_what_cannot_be_is_refused(poles: ClipClassifier, reward: RewardModel, pictures: Tensor) -> None:
    with pytest.raises(SpecError, match="more than the 4 answers"):
        Adapter(poles, reward, candidates=5)
    with pytest.raises(SpecError, match="self_reward=True"):
        Adapter(poles, RewardModel.from_spec(RewardSpec.clip_score("sim-xs")))
    shaped = {"encoder": "sim-s", "prompts": {"goal": "a pole"}, "over_time": {"kind": "window", "length": 2}}
    over_time = RewardModel.from_spec(RewardSpec.from_dict(shaped))
    with pytest.raises(SpecError, match="over_time"):
        Adapter(poles, over_time)
    with pytest.raises(SpecError, match="needs a reward"):
        Adapter(poles, **FAST)
    with pytest.raises(SpecError, match="learning_rates"):
        Adapter(poles, reward, learning_rates=1e-3)
    with pytest.raises(FrameError, match="one query; got 3"), Adapter(poles, reward, **FAST)(pictures):
        pass
    adapter = Adapter(poles, reward, **FAST)
    with pytest.raises(SpecError, match="another query"), adapter(pictures[0]), adapter(pictures[1]):
        pass
    ensemble = ClipClassifier(load_encoder("sim-xs + sim-s"), CLASSES, "the pole {}")
    with pytest.raises(EncoderError, match="not a model of OpenCLIP"):
        Adapter(ensemble, reward)


def test_prompts_may_begin_with_the_words_that_coop_has_learned(
    poles: ClipClassifier, reward: RewardModel, pictures: Tensor, tmp_path: Path
) -> None:
    table, tokens = poles.encoder.model.token_embedding.weight.detach(), poles.encoder.tokenizer(["X X X X a"])[0]
    learned = table[tokens[1:5]] + 0.05
    state = {"ctx": learned, "token_prefix": table[tokens[:1]][None], "token_suffix": table[tokens[5:]][None]}
    torch.save({"state_dict": state}, tmp_path / "coop.pth.tar")
    four = ClipClassifier(poles.encoder, CLASSES, "X X X X {}")
    options = AdaptOptions(tune="prompt", coop=str(tmp_path / "coop.pth.tar"), views=VIEWS, steps=1)
    adapter = Adapter(four, reward, options=options)
    plain = Adapter(four, reward, tune="prompt", **FAST)
    assert not torch.equal(adapter.say_now(pictures[:1]), plain.say_now(pictures[:1]))
    own = table[tokens[1:5]]
    torch.testing.assert_close(adapter.policy.parameters[0].detach(), learned - own)
    with pytest.raises(PromptError, match="holds 4 vectors"):
        Adapter(poles, reward, options=options)  # "the pole on the cart" has five tokens
    with pytest.raises(SpecError, match="tune='prompt' tunes"):
        replace(options, tune="image")
    other = ClipClassifier.load("random:sim-xs", CLASSES, "X X X X {}")
    with pytest.raises(EncoderError, match="other weights"):
        Adapter(other, reward, options=options)


def test_a_large_model_goes_the_whole_way_from_pictures_to_the_record(reward: RewardModel, pictures: Tensor) -> None:
    policy = ClipClassifier.load("random:ViT-B-32", CLASSES[:2])
    views = ViewOptions(count=2, keep=1.0)
    adapter = Adapter(policy, reward, options=replace(preset("image"), candidates=2, views=views, steps=1))
    found = evaluate(adapter, pictures[:1], [0], controls=False).methods["adapted"].each[0]
    assert found.moved > 0
    assert len(found.after_each) == 1


@pytest.mark.parametrize(
    ("classes", "template", "message"),
    [
        (("a",), "{}", "at least 2"),
        (("a", "a"), "{}", "one name"),
        (("a", " "), "{}", "has a name"),
        (("a", "b"), "a photo", "one {}"),
    ],
)
def test_classes_that_cannot_be_told_apart_are_refused(classes: tuple[str, ...], template: str, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        ClipClassifier.load("sim-xs", classes, template)


def test_a_method_that_asks_no_reward_minds_none(poles: ClipClassifier, pictures: Tensor) -> None:
    """A softmax without rivals scores no pairs, and the policy's own model is no reward: TPT asks neither."""
    softmax = RewardModel.from_spec(RewardSpec.from_dict({"encoder": "sim-xs", "head": "softmax"}))
    adapter = Adapter(poles, softmax, method="tpt", tune="prompt", **FAST)
    assert adapter.answer(pictures[:1]).episode.moved > 0


def test_bad_options_say_what_to_do() -> None:
    for choices, message in [
        ({"tune": "images"}, "tune"),
        ({"baseline": "means"}, "mean"),
        ({"choice": "tops"}, "top"),
        ({"reset": "epoch"}, "episode"),
        ({"steps": 0}, "at least 1"),
        ({"learning_rate": 0.0}, "above 0"),
        ({"method": "rclf"}, "rlcf"),
    ]:
        with pytest.raises(SpecError, match=message):
            Adapter(ClipClassifier.load("random:sim-xs", CLASSES, "{}"), options=AdaptOptions(**choices))


def test_fewer_than_ten_views_still_keep_one() -> None:
    assert [ViewOptions(count=count).kept for count in (1, 9, 10, 64)] == [1, 1, 1, 6]


def test_the_classifier_itself_answers_as_the_encoder_does(poles: ClipClassifier, pictures: Tensor) -> None:
    encoder = poles.encoder
    expected = encoder.logit_scale * encoder.embed_frames(pictures) @ encoder.embed_texts(list(poles.sentences)).T
    assert torch.allclose(poles.predict(pictures), expected, atol=1e-4)
    assert Answer(expected[0]).episode.adapted is False


def test_looking_after_each_step_does_not_change_the_steps(
    poles: ClipClassifier, reward: RewardModel, pictures: Tensor
) -> None:
    adapter = Adapter(poles, reward, method="tent", tune="norm", batch_statistics=True, **{**FAST, "steps": 3})
    traced = adapter.answer(pictures[:1], trace=True)
    assert torch.equal(adapter.answer(pictures[:1]).logits, traced.logits)
    assert torch.equal(traced.episode.after_each[-1], traced.logits)
