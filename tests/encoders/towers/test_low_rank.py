"""CLIP-LoRA and CLIP-SVD as changes of weights: where they lie, that they begin at nothing, and that they merge."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from tests.fitting.tuning.models import FRAMES, encoder_of
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.low_rank import (
    LowRankChange,
    SingularValueChange,
    add_changes,
    attention_weights,
    merge_changes,
)
from vlmrm.errors import EncoderError

TEXTS = ["a white bar at the top", "a cart"]
CHANGES = {
    "lora": partial(LowRankChange, rank=2, alpha=1.0, generator=torch.Generator()),
    "svd": SingularValueChange,
}


@pytest.fixture(scope="module", params=["sim-xs", "vit", "siglip"])
def encoder(request, tmp_path_factory):
    return encoder_of(request.param, tmp_path_factory.mktemp("model") / request.param)


@pytest.fixture(params=CHANGES)
def change(request):
    return CHANGES[request.param]


def seen_and_said(encoder):
    with torch.no_grad():
        return torch.cat([encoder.embed_frames(FRAMES), encoder.embed_texts(TEXTS)])


def move(trained):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in trained:
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)


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
    add_changes(attention_weights(copied.model), change)
    assert torch.equal(seen_and_said(copied), before)


def test_a_merged_model_is_the_changed_one_with_the_numbers_of_the_first(encoder, change):
    copied = DifferentiableEncoder(encoder)
    names, before = {name: p.shape for name, p in copied.model.named_parameters()}, seen_and_said(copied)
    weights = attention_weights(copied.model)
    move(add_changes(weights, change))
    changed = seen_and_said(copied)
    merge_changes(weights)
    torch.testing.assert_close(seen_and_said(copied), changed, atol=1e-5, rtol=0)
    assert float((changed - before).abs().max()) > 1e-3
    assert {name: p.shape for name, p in copied.model.named_parameters()} == names


def test_only_the_changes_get_gradients(encoder, change):
    copied = DifferentiableEncoder(encoder)
    trained = add_changes(attention_weights(copied.model), change)
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
        move(add_changes([weight], CHANGES[kind]))
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
    with pytest.raises(EncoderError, match=r"Sequential has no attention layer .* learn_prompts"):
        attention_weights(nn.Sequential(nn.Linear(2, 2)))
