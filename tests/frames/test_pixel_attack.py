"""Attacks on pixels, on numbers whose best picture within a budget is known."""

import pytest
import torch

from vlmrm.errors import EncoderError, SpecError
from vlmrm.frames.pixel_attack import AttackOptions, attack_pixels, noisy_pixels


def pictures(n=3, seed=0):
    """Pictures of noise, in which black and white are as frequent as all else."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, 6, 5, 3), dtype=torch.uint8, generator=generator)


def weights(seed=1):
    return torch.randn(6, 5, 3, generator=torch.Generator().manual_seed(seed))


def weighted(levels):
    """A number that is highest where every level lies as far as it may in the direction of its weight."""
    return (levels * weights()).sum(dim=(1, 2, 3))


def bumpy(levels):
    """A number with many hills, so that steps along the gradient also go down."""
    return (levels * 1.7).sin().mean(dim=(1, 2, 3)) + (levels * weights()).sum(dim=(1, 2, 3)).sin()


def farthest(before, after):
    return int((after.int() - before.int()).abs().max())


@pytest.mark.parametrize("budget", [1, 2, 4, 9])
@pytest.mark.parametrize("raised", [weighted, bumpy])
def test_no_level_leaves_the_budget_or_the_bytes(budget, raised):
    """Levels near 0 and 255 would overflow a byte and turn black into white."""
    frames = pictures()
    frames[0, :3], frames[0, 3:] = 0, 255
    attacked = attack_pixels(frames, raised, AttackOptions(budget=budget, steps=7, step=3))
    assert attacked.dtype == torch.uint8
    assert 0 < farthest(frames, attacked) <= budget


def test_it_finds_the_best_picture_where_that_is_known():
    frames = pictures()
    best = (frames.float() + 2 * weights().sign()).clamp(0, 255).to(torch.uint8)
    assert torch.equal(attack_pixels(frames, weighted, AttackOptions(budget=2, steps=4)), best)


@pytest.mark.parametrize("steps", [1, 2, 20])
def test_what_is_raised_is_never_lower_than_before(steps):
    """Steps of 200 levels leap over every hill, and the frame as it was is then the best of all."""
    frames = pictures(20)
    for options in (AttackOptions(steps=steps), AttackOptions(budget=200, step=200, steps=steps)):
        before, after = bumpy(frames.float()), bumpy(attack_pixels(frames, bumpy, options).float())
        assert bool((after >= before).all())


def test_the_seed_decides_and_frames_stay_as_they_were():
    frames = pictures()
    before = frames.clone()
    first, again, other = (attack_pixels(frames, bumpy, AttackOptions(seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(frames, before)


def test_where_nothing_rises_the_frame_is_returned():
    frames = pictures()
    assert torch.equal(attack_pixels(frames, lambda levels: -(levels - frames).abs().sum(dim=(1, 2, 3))), frames)


def test_it_works_where_gradients_are_switched_off():
    with torch.inference_mode():
        frames = pictures()
        attacked = attack_pixels(frames, weighted, AttackOptions(steps=4))
    assert bool((weighted(attacked.float()) > weighted(frames.float())).all())


def test_noise_moves_every_level_by_the_whole_budget_and_raises_nothing_much():
    frames = pictures().clamp(10, 240)
    options = AttackOptions(budget=4)
    noisy = noisy_pixels(frames, options)
    assert (noisy.int() - frames.int()).abs().unique().tolist() == [4]
    assert torch.equal(noisy, noisy_pixels(frames, options))
    gained, attacked = (
        weighted(other.float()) - weighted(frames.float())
        for other in (noisy, attack_pixels(frames, weighted, options))
    )
    assert bool((gained.abs() < 0.5 * attacked).all())


def test_a_number_without_a_gradient_is_refused():
    with pytest.raises(EncoderError, match="works without gradients"):
        attack_pixels(pictures(), lambda levels: levels.detach().mean(dim=(1, 2, 3)))


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ({"budget": 0}, "budget must be a whole number"),
        ({"budget": 300}, "of 255; got 300"),
        ({"step": 0}, "step must be a whole number"),
        ({"momentum": 1}, "never forgets"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_impossible_options_are_refused(words, match):
    with pytest.raises(SpecError, match=match):
        AttackOptions(**words)
