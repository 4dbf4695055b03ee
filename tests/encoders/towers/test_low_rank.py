"""CLIP-LoRA and CLIP-SVD as changes of weights: where they lie, that they begin at nothing, merge, and come off."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from tests.encoders.towers.models import FRAMES, TEXTS, move, seen_and_said, traces
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.low_rank import (
    LowRankChange,
    SingularValueChange,
    WeightChanges,
    attention_weights,
    holding_weights,
)
from vlmrm.errors import EncoderError


def lora(weight, packed):
    return LowRankChange(weight, packed, rank=2, alpha=1.0, generator=torch.Generator())


CHANGES = {"lora": lora, "svd": SingularValueChange}


@pytest.fixture(params=CHANGES)
def change(request):
    return CHANGES[request.param]


def test_every_attention_layer_of_both_towers_is_found(encoder):
    weights = attention_weights(DifferentiableEncoder(encoder).model)
    model = DifferentiableEncoder(encoder).model
    layers = [module for module in model.modules() if isinstance(module, nn.MultiheadAttention)]
    pools = [name for name, _ in model.named_modules() if name.endswith("attnpool")]
    assert sum(weight.packed for weight in weights) == 3 * (len(layers) + len(pools))
    assert len(layers) + len(pools) >= 3


def test_before_the_first_step_every_embedding_is_the_same_bit_for_bit(encoder, change):
    copied = DifferentiableEncoder(encoder)
    before = seen_and_said(copied)
    WeightChanges(attention_weights(copied.model), change)
    assert torch.equal(seen_and_said(copied), before)


def test_a_merged_model_is_the_changed_one_with_the_numbers_of_the_first(encoder, change):
    copied = DifferentiableEncoder(encoder)
    names, before = [(name, p.shape) for name, p in copied.model.named_parameters()], seen_and_said(copied)
    changes = WeightChanges(attention_weights(copied.model), change)
    move(changes.trained)
    changed = seen_and_said(copied)
    changes.merge()
    torch.testing.assert_close(seen_and_said(copied), changed, atol=1e-5, rtol=0)
    assert float((changed - before).abs().max()) > 1e-3
    assert [(name, p.shape) for name, p in copied.model.named_parameters()] == names


def test_only_the_changes_get_gradients(encoder, change):
    copied = DifferentiableEncoder(encoder)
    trained = WeightChanges(attention_weights(copied.model), change).trained
    loss = (copied.embed_frames(FRAMES) @ copied.embed_texts(TEXTS).T).sum()
    loss.backward()
    with_gradient = {id(p) for p in copied.model.parameters() if p.grad is not None}
    assert with_gradient == {id(p) for p in trained}
    assert sum(float(p.grad.abs().sum()) for p in trained) > 0


def test_lora_changes_each_matrix_by_its_rank_and_svd_only_its_singular_values(encoder):
    for kind, rank in (("lora", 2), ("svd", None)):
        copied = DifferentiableEncoder(encoder)
        weight = attention_weights(copied.model)[0]
        before = copy.deepcopy(weight.value).detach()
        move(WeightChanges([weight], CHANGES[kind]).trained)
        matrices = zip(before.chunk(weight.packed), weight.value.detach().chunk(weight.packed), strict=True)
        for old, new in matrices:
            if rank:
                assert int(torch.linalg.matrix_rank(new - old, atol=1e-5)) == rank
            else:
                left, _, right = torch.linalg.svd(old, full_matrices=False)
                core = left.T @ (new - old) @ right.T
                assert float((core - core.diag().diag()).abs().max()) < 1e-5
                assert float(core.diag().abs().max()) > 1e-2


def test_a_model_without_attention_is_refused_with_what_to_take_instead():
    with pytest.raises(EncoderError, match=r"Sequential has no attention layer .* the method coop"):
        attention_weights(nn.Sequential(nn.Linear(2, 2)))


@pytest.mark.parametrize("how", ["removed", "context", "error"])
def test_changes_are_taken_off_and_leave_no_trace(encoder, change, how):
    copied = DifferentiableEncoder(encoder)
    before, embeddings = traces(copied.model), seen_and_said(copied)
    if how == "removed":
        changes = WeightChanges(attention_weights(copied.model), change)
        move(changes.trained)
        assert float((seen_and_said(copied) - embeddings).abs().max()) > 1e-3
        changes.remove()
        changes.remove()
    elif how == "context":
        with WeightChanges(attention_weights(copied.model), change) as changes:
            move(changes.trained)
    else:
        made = iter([change, change])  # the third change fails
        with pytest.raises(StopIteration):
            WeightChanges(attention_weights(copied.model), lambda *weight: next(made)(*weight))
    assert traces(copied.model) == before
    assert torch.equal(seen_and_said(copied), embeddings)


def test_of_two_changes_of_one_weight_the_last_comes_off_first(encoder):
    copied = DifferentiableEncoder(encoder)
    before = traces(copied.model)
    first = WeightChanges(attention_weights(copied.model), lora)
    move(first.trained)
    between = seen_and_said(copied)
    second = WeightChanges(attention_weights(copied.model), SingularValueChange)
    move(second.trained)
    for early in (first.remove, first.merge, second.merge):
        with pytest.raises(EncoderError, match=r"has several changes. Take off the last one first"):
            early()
    second.remove()
    assert torch.equal(seen_and_said(copied), between)
    first.remove()
    assert traces(copied.model) == before


def test_changes_need_no_weights_of_their_own_and_merge_without_the_original(encoder, change):
    shared = DifferentiableEncoder(encoder, copied=())
    original = seen_and_said(encoder)
    changes = WeightChanges(attention_weights(shared.model), change)
    move(changes.trained)
    changed = seen_and_said(shared)
    assert torch.equal(seen_and_said(encoder), original)
    changes.merge()
    torch.testing.assert_close(seen_and_said(shared), changed, atol=1e-5, rtol=0)
    assert torch.equal(seen_and_said(encoder), original)


def test_the_tower_can_be_chosen(encoder):
    model = DifferentiableEncoder(encoder, copied=()).model
    places = {tower: attention_weights(model, towers=(tower,)) for tower in ("image", "text")}
    owners = {tower: {id(weight.owner) for weight in found} for tower, found in places.items()}
    assert owners["image"] <= {id(module) for module in model.visual.modules()}
    assert owners["text"].isdisjoint({id(module) for module in model.visual.modules()})
    assert len(places["image"]) + len(places["text"]) == len(attention_weights(model))


def test_what_is_trained_on_half_precision_has_full_precision(builtin_like_folder, change):
    half = OpenClipEncoder.load(f"local-dir:{builtin_like_folder}", device="cpu", precision="bf16")
    shared = DifferentiableEncoder(half, copied=())
    before = seen_and_said(shared)
    changes = WeightChanges(attention_weights(shared.model), change)
    assert torch.equal(seen_and_said(shared), before)
    assert {parameter.dtype for parameter in changes.trained} == {torch.float32}
    (shared.embed_frames(FRAMES) @ shared.embed_texts(TEXTS).T).sum().backward()
    assert all(bool(parameter.grad.isfinite().all()) for parameter in changes.trained)


def test_a_held_weight_is_put_together_once_and_only_for_its_thread():
    layer = nn.MultiheadAttention(8, 2)
    changes = WeightChanges(attention_weights(layer), lora)
    with holding_weights():
        first = layer.in_proj_weight
        assert layer.in_proj_weight is first
        with torch.no_grad():
            assert not layer.in_proj_weight.requires_grad
        with holding_weights():
            assert layer.in_proj_weight is first
        with holding_weights(anew=True):
            assert layer.in_proj_weight is not first
        with ThreadPoolExecutor(1) as other:
            assert other.submit(lambda: layer.in_proj_weight).result() is not first
        assert layer.in_proj_weight is first
    move(changes.trained)
    assert not torch.equal(layer.in_proj_weight, first)


def test_changes_added_where_gradients_are_switched_off_can_be_trained(builtin_like):
    with torch.inference_mode():
        copied = DifferentiableEncoder(builtin_like, copied=())
        changes = WeightChanges(attention_weights(copied.model), SingularValueChange)
    copied.embed_texts(TEXTS).sum().backward()
    assert any(parameter.grad is not None for parameter in changes.trained)


def test_towers_that_nothing_has_are_refused(builtin_like):
    model = DifferentiableEncoder(builtin_like, copied=()).model
    with pytest.raises(EncoderError, match=r"out of \('image', 'text'\); got \('vision',\)"):
        attention_weights(model, towers=("vision",))


def test_loras_change_is_alpha_over_rank_times_b_a_for_each_matrix():
    weight, drawn = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.Generator().manual_seed(1)
    change = LowRankChange(weight, 3, rank=2, alpha=6.0, generator=drawn)
    change.up.data = torch.randn(change.up.shape, generator=drawn)
    wanted = torch.cat([6.0 / 2 * up @ down for up, down in zip(change.up, change.down, strict=True)])
    torch.testing.assert_close(change(weight), weight + wanted)
