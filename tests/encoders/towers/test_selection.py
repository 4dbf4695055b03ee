"""What is tuned by itself: a tower, its norms, or parameters by name."""

import pytest
import torch

from tests.encoders.towers.models import FRAMES, TEXTS, move, seen_and_said
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.inner import tower_of
from vlmrm.encoders.towers.selection import unfreeze
from vlmrm.errors import EncoderError

NORMS = (torch.nn.LayerNorm, torch.nn.BatchNorm2d)


@pytest.mark.parametrize("tower", ["image", "text"])
def test_a_whole_tower_is_every_parameter_of_it_and_nothing_else_asks_for_gradients(any_encoder, tower):
    copied = DifferentiableEncoder(any_encoder, copied=(tower,))
    found = unfreeze(copied, tower)
    assert set(found) == {name for name, _ in copied.model.named_parameters() if tower_of(name) == tower}
    assert {name for name, parameter in copied.model.named_parameters() if parameter.requires_grad} == set(found)


@pytest.mark.parametrize("towers", [("image",), ("text",), ("image", "text")])
def test_norms_are_scale_and_shift_of_the_copied_towers(any_encoder, towers):
    copied = DifferentiableEncoder(any_encoder, copied=towers)
    expected = {
        f"{path}.{name}"
        for path, module in copied.model.named_modules()
        for name in ("weight", "bias")
        if isinstance(module, NORMS) and tower_of(path) in towers
    }
    assert set(unfreeze(copied, "norm")) == expected
    assert expected


def test_the_norms_of_a_resnet_have_gradients_in_training(encoder):
    copied = DifferentiableEncoder(encoder, copied=("image",))
    found = unfreeze(copied, "norm")
    copied.model.visual.train()
    copied.embed_frames(FRAMES)[:, 0].sum().backward()
    assert all(parameter.grad is not None for parameter in found.values())


def test_a_function_chooses_by_name(builtin_like):
    copied = DifferentiableEncoder(builtin_like, copied=("text",))
    found = unfreeze(copied, lambda name: name.endswith("ln_final.bias") or name == "logit_scale")
    assert set(found) == {"ln_final.bias", "logit_scale"}


def test_tuning_what_was_chosen_moves_the_copy_and_never_the_original(encoder):
    before = seen_and_said(encoder)
    for what, copied in (("image", ("image",)), ("norm", ("image", "text")), (lambda name: True, ("image", "text"))):
        made = DifferentiableEncoder(encoder, copied=copied)
        move(unfreeze(made, what).values())
        assert float((seen_and_said(made) - before).abs().max()) > 1e-3
        assert torch.equal(seen_and_said(encoder), before)


def test_a_parameter_of_the_original_is_refused_with_the_way_to_a_copy(builtin_like):
    copied = DifferentiableEncoder(builtin_like, copied=("image",))
    with pytest.raises(EncoderError, match=r"is still the original's own: .* in \['image'\]. .*copied=\('text',\)"):
        unfreeze(copied, "text")
    with pytest.raises(EncoderError, match=r"text_projection is still the original's own"):
        unfreeze(copied, lambda name: name in ("visual.proj", "text_projection"))
    assert not any(parameter.requires_grad for parameter in copied.model.parameters())
    with pytest.raises(EncoderError, match=r"own: this copy of .* in no tower. .*copied=\('image',\)"):
        unfreeze(DifferentiableEncoder(builtin_like, copied=()), "image")


def test_a_choice_of_nothing_is_refused(builtin_like):
    with pytest.raises(EncoderError, match=r"no parameter of .* in \['image', 'text'\] is selected"):
        unfreeze(DifferentiableEncoder(builtin_like), lambda name: "bn" in name)
    with pytest.raises(EncoderError, match=r"no parameter of .* in no tower is selected by 'norm'"):
        unfreeze(DifferentiableEncoder(builtin_like, copied=()), "norm")
    with pytest.raises(EncoderError, match=r"unknown choice of parameters 'norms'. Near: norm"):
        unfreeze(DifferentiableEncoder(builtin_like), "norms")


def test_the_projection_of_a_tower_of_transformers_is_part_of_it(hugging_face):
    copied = DifferentiableEncoder(hugging_face, copied=("text",))
    found = unfreeze(copied, "text")
    copied.embed_texts(TEXTS)[:, 0].sum().backward()
    assert found["text.proj.weight"].grad is not None
