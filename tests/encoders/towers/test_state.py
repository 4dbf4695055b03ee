"""A model put back as it was, after anything that tuning does to it."""

import pytest
import torch

from tests.encoders.towers.models import FRAMES, TEXTS, move, seen_and_said, traces
from tests.encoders.towers.test_low_rank import lora
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.learned_words import add_context
from vlmrm.encoders.towers.low_rank import SingularValueChange, WeightChanges, attention_weights
from vlmrm.encoders.towers.selection import unfreeze
from vlmrm.encoders.towers.state import TowerState


@pytest.fixture
def copied(encoder):
    return DifferentiableEncoder(encoder, copied=("image",))


def adapt(encoder, parameters, steps=2):
    """As test-time adaptation does it: in training mode, with AdamW."""
    with torch.inference_mode(False), torch.enable_grad():
        encoder.model.visual.train()
        optimiser = torch.optim.AdamW(parameters, lr=1e-2)
        for step in range(steps):
            optimiser.zero_grad()
            (encoder.embed_frames(FRAMES) @ encoder.embed_texts(TEXTS).T)[:, step].sum().backward()
            optimiser.step()


@pytest.mark.parametrize("what", ["norm", "image"])
def test_an_episode_leaves_no_trace(copied, what):
    tuned = unfreeze(copied, what).values()
    before, embeddings = traces(copied.model), seen_and_said(copied)
    state = TowerState(copied.model, tuned)
    for _ in range(2):
        adapt(copied, tuned)
        assert traces(copied.model)["numbers"] != before["numbers"]
        state.put_back()
        assert traces(copied.model) == before
        assert torch.equal(seen_and_said(copied), embeddings)
        assert all(parameter.grad is None for parameter in copied.model.parameters())


def test_statistics_of_batch_norm_are_put_back():
    copied = DifferentiableEncoder(OpenClipEncoder.load("sim-xs", device="cpu"), copied=())
    norm = next(module for module in copied.model.modules() if isinstance(module, torch.nn.BatchNorm2d))
    before = {name: value.clone() for name, value in norm.named_buffers()}
    with TowerState(copied.model, []):
        copied.model.train()
        copied.embed_frames(FRAMES)
        assert all(not torch.equal(value, before[name]) for name, value in norm.named_buffers())
    assert all(torch.equal(value, before[name]) for name, value in norm.named_buffers())
    assert not copied.model.training


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_works_where_gradients_are_switched_off(copied, mode):
    tuned = unfreeze(copied, "norm").values()
    before, embeddings = traces(copied.model), seen_and_said(copied)
    with mode():
        state = TowerState(copied.model, tuned)
        adapt(copied, tuned)
        state.put_back()
        adapt(copied, tuned)
        state.put_back()
    assert traces(copied.model) == before
    assert torch.equal(seen_and_said(copied), embeddings)
    adapt(copied, tuned)  # and can still be trained
    assert traces(copied.model)["numbers"] != before["numbers"]


def test_hooks_changes_flags_and_words_that_came_later_are_gone(copied):
    before, embeddings = traces(copied.model), seen_and_said(copied)
    with TowerState(copied.model, []):
        words = add_context(copied, count=2)
        changes = WeightChanges(attention_weights(copied.model), lora)
        move([words.change, *changes.trained])
        copied.model.requires_grad_(True)
        copied.model.visual.note = "attributes too"
        handle = copied.model.visual.register_forward_pre_hook(lambda module, inputs: None)
        copied.model.visual.register_full_backward_hook(lambda module, inputs, outputs: None)
    assert traces(copied.model) == before
    assert torch.equal(seen_and_said(copied), embeddings)
    assert not hasattr(copied.model.visual, "note")
    handle.remove()  # nothing happens: it is gone


def test_changes_and_words_that_were_there_are_there_again(copied):
    words = add_context(copied, count=2)
    changes = WeightChanges(attention_weights(copied.model), lora)
    tuned = [words.change, *changes.trained]
    move(tuned)
    before, embeddings = traces(copied.model), seen_and_said(copied)
    with TowerState(copied.model, tuned):
        move(tuned, seed=2)
        words.remove()
        changes.remove()
    assert traces(copied.model) == before
    assert torch.equal(seen_and_said(copied), embeddings)
    words.remove()  # its handle still knows where the hook lies
    assert not torch.equal(seen_and_said(copied), embeddings)


def test_only_what_is_tuned_and_the_buffers_are_copied(builtin_like):
    copied = DifferentiableEncoder(builtin_like)
    changes = WeightChanges(attention_weights(copied.model), SingularValueChange)  # has constants of its own
    state = TowerState(copied.model, changes.trained)
    kept = sum(numbers.nbytes for _, numbers in state._numbers)
    masks = sum(value.nbytes for value in builtin_like.model.buffers())
    assert kept == sum(parameter.nbytes for parameter in changes.trained) + masks


def test_an_error_in_between_puts_all_back_too(copied):
    tuned = unfreeze(copied, "image").values()
    before = traces(copied.model)
    with pytest.raises(AttributeError), TowerState(copied.model, tuned):
        move([*tuned, None])
    assert traces(copied.model) == before
