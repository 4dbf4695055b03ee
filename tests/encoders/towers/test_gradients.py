"""A copy of an encoder with gradients: the same embeddings, and nothing of the original in reach."""

from dataclasses import replace

import pytest
import torch

from tests.encoders.towers.models import FRAMES, TEXTS, seen_and_said, traces
from vlmrm.encoders import load_encoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.inner import open_clip_encoder, tower_of
from vlmrm.errors import EncoderError, PromptError

CHOICES = [(), ("image",), ("text",), ("image", "text")]


@pytest.mark.parametrize("copied", CHOICES)
def test_embeddings_are_those_of_the_original(any_encoder, copied):
    torch.testing.assert_close(
        seen_and_said(DifferentiableEncoder(any_encoder, copied=copied)), seen_and_said(any_encoder), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("copied", CHOICES)
def test_only_the_towers_that_ask_for_it_have_weights_of_their_own(any_encoder, copied):
    original = open_clip_encoder(any_encoder).model
    model = DifferentiableEncoder(any_encoder, copied=copied).model
    places = {name: parameter.data_ptr() for name, parameter in original.named_parameters()}
    for name, parameter in model.named_parameters():
        own = tower_of(name) in copied or parameter.numel() == 1
        assert (parameter.data_ptr() != places[name]) is own, name
    assert {id(buffer) for buffer in model.buffers()}.isdisjoint({id(buffer) for buffer in original.buffers()})


def test_a_copy_of_one_tower_takes_no_more_memory_than_that_tower(encoder):
    original = open_clip_encoder(encoder).model
    known = {parameter.data_ptr() for parameter in original.parameters()}
    new = [p for p in DifferentiableEncoder(encoder, copied=("image",)).model.parameters() if p.data_ptr() not in known]
    of_image = sum(parameter.nbytes for parameter in original.visual.parameters())
    assert of_image <= sum(parameter.nbytes for parameter in new) <= of_image + 16  # scale and bias of the logits


def test_flags_hooks_and_statistics_of_a_copy_never_reach_the_original(encoder):
    original = open_clip_encoder(encoder).model
    before, embeddings = traces(original), seen_and_said(encoder)
    copied = DifferentiableEncoder(encoder, copied=())
    copied.model.requires_grad_(True).train()
    copied.embed_frames(FRAMES).sum().backward()
    copied.model.visual.register_forward_hook(lambda module, inputs, output: 0 * output)
    assert traces(original) == before
    assert all(parameter.grad is None for parameter in original.parameters())
    assert torch.equal(seen_and_said(encoder), embeddings)


@pytest.mark.parametrize("tower", ["image", "text"])
def test_gradients_reach_every_weight_that_an_embedding_depends_on(any_encoder, tower):
    copied = DifferentiableEncoder(any_encoder, copied=(tower,))
    copied.model.requires_grad_(True)
    rows = copied.embed_frames(FRAMES) if tower == "image" else copied.embed_texts(TEXTS)
    (rows @ torch.arange(float(copied.dim))).sum().backward()
    got = {tower_of(name) for name, parameter in copied.model.named_parameters() if parameter.grad is not None}
    assert got == {tower}


def test_a_gradient_is_the_slope(builtin_like):
    """Along a direction in the text projection, by central differences."""
    copied = DifferentiableEncoder(builtin_like, copied=("text",))
    weight = copied.model.text_projection.requires_grad_(True)
    direction = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))

    def cosine():
        one, other, _ = copied.embed_texts(TEXTS)
        return one @ other

    cosine().backward()
    slope = float((weight.grad * direction).sum())
    with torch.no_grad():
        weight += 1e-3 * direction
        above = float(cosine())
        weight -= 2e-3 * direction
        below = float(cosine())
    assert (above - below) / 2e-3 == pytest.approx(slope, rel=0.02)


def test_gradients_reach_pixels(builtin_like):
    copied = DifferentiableEncoder(builtin_like, copied=())
    pixels = copied.preprocessing.normalise(copied.preprocessing.resize(FRAMES)).requires_grad_(True)
    rows = copied.embed_pixels(pixels)
    torch.testing.assert_close(rows, copied.embed_frames(FRAMES))
    rows[:, 0].sum().backward()
    assert float(pixels.grad.abs().min(dim=0).values.max()) > 0


def test_embeddings_stay_on_the_device_of_the_model_where_that_is_wanted(encoder):
    """On the device meta, which has shapes but no numbers, so that nothing can be moved from there."""
    for on_device in (True, False):
        copied = DifferentiableEncoder(encoder, copied=(), on_device=on_device)
        copied.model.to("meta")
        copied.runtime = replace(copied.runtime, device=torch.device("meta"))
        if on_device:
            assert copied.embed_frames(FRAMES).device.type == copied.embed_texts(TEXTS).device.type == "meta"
            continue
        for embed in (lambda of=copied: of.embed_frames(FRAMES), lambda of=copied: of.embed_texts(TEXTS)):
            with pytest.raises(NotImplementedError, match="meta"):
                embed()


def test_a_half_precision_tower_is_copied_in_full_precision_and_shared_in_its_own(builtin_like_folder, builtin_like):
    half = OpenClipEncoder.load(f"local-dir:{builtin_like_folder}", device="cpu", precision="bf16")
    copied = DifferentiableEncoder(half, copied=("text",))
    kinds = {tower_of(name): set() for name, _ in copied.model.named_parameters()}
    for name, parameter in copied.model.named_parameters():
        kinds[tower_of(name)].add(parameter.dtype)
    assert kinds["text"] == {torch.float32}
    assert torch.bfloat16 in kinds["image"]
    assert torch.equal(copied.embed_frames(FRAMES), half.embed_frames(FRAMES))
    assert copied.embed_texts(TEXTS).dtype == torch.float32
    assert float((copied.embed_texts(TEXTS) * builtin_like.embed_texts(TEXTS)).sum(dim=1).min()) > 0.999


@pytest.mark.parametrize("copied", CHOICES)
def test_a_copy_made_where_gradients_are_switched_off_has_gradients_afterwards(builtin_like, copied):
    with torch.inference_mode():
        made = DifferentiableEncoder(builtin_like, copied=copied)
    made.model.requires_grad_(True)
    (made.embed_frames(FRAMES) @ made.embed_texts(TEXTS).T).sum().backward()
    assert made.model.text_projection.grad is not None


def test_impossible_arguments_are_refused(builtin_like):
    with pytest.raises(EncoderError, match=r"texts_at_once must be at least 1; got 0"):
        DifferentiableEncoder(builtin_like, texts_at_once=0)
    with pytest.raises(EncoderError, match=r"got \('vision',\)"):
        DifferentiableEncoder(builtin_like, copied=("vision",))
    with pytest.raises(PromptError, match="at least one sentence"):
        DifferentiableEncoder(builtin_like, copied=()).embed_texts([])


def test_levels_are_embedded_as_frames_are_and_pass_gradients():
    """Moving each level a little along its gradient changes the embedding as the gradient says."""
    copied = DifferentiableEncoder(load_encoder("sim-xs"), copied=())
    frames = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    levels = frames.float().requires_grad_()
    embedded = copied.embed_levels(levels)
    torch.testing.assert_close(embedded, copied.embed_frames(frames))
    (gradient,) = torch.autograd.grad(embedded[:, 0].sum(), levels)
    step = 0.05 / gradient.abs().amax(dim=(1, 2, 3), keepdim=True) * gradient
    rises = copied.embed_levels(levels.detach() + step)[:, 0] - embedded[:, 0]
    torch.testing.assert_close(rises, (step * gradient).sum(dim=(1, 2, 3)), rtol=0.1, atol=1e-5)
