"""CoCoOp: goal and baseline of each frame."""

import base64
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from safetensors.torch import save
from torch.nn.functional import normalize

from tests.fitting.tuning.models import FRAMES, LABELS, PROMPTS, encoder_of, spec_of
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.errors import SpecError
from vlmrm.fitting import calibrate, tune
from vlmrm.rewards.heads.cocoop import CoCoOpOptions, ConditionalPrompts
from vlmrm.rewards.heads.projection import project, unit_mean
from vlmrm.tables import write_table

SEVERAL = PromptSet(["a white bar at the top", "a bar high up"], ["a white bar", "a bar"])


@pytest.fixture(scope="module")
def encoder():
    return encoder_of("sim-xs", None)


@pytest.fixture(scope="module")
def learned(encoder):
    """Moved at random, the net too."""
    prompts = ConditionalPrompts(encoder, SEVERAL, count=3)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in prompts.trained:
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return prompts


def test_every_frame_is_projected_on_its_own_goal_and_baseline(encoder, learned):
    frames = encoder.embed_frames(FRAMES)
    with torch.no_grad():
        said = learned.sentences(frames)
        rewards = learned.rewards(frames, alpha=0.3)
    assert float(said.diff(dim=0).norm(dim=-1).min()) > 1e-3  # no two frames have the same sentences
    torch.testing.assert_close(said.norm(dim=-1), torch.ones(len(FRAMES), 4))
    by_hand = [
        project(frame[None], unit_mean(own[:2]), unit_mean(own[2:]), 0.3)
        for frame, own in zip(frames, said, strict=True)
    ]
    torch.testing.assert_close(rewards, torch.cat(by_hand), atol=1e-5, rtol=0)


def test_before_anything_is_learned_a_sentence_means_what_it_says(encoder):
    prompts = ConditionalPrompts(encoder, SEVERAL, count=3)
    texts = encoder.embed_texts([*SEVERAL.goal, *SEVERAL.baseline])
    with torch.no_grad():
        said = prompts.sentences(encoder.embed_frames(FRAMES))
    torch.testing.assert_close(said, texts.expand(len(FRAMES), -1, -1), atol=1e-5, rtol=0)


def test_how_frames_are_split_into_batches_changes_nothing(encoder, learned):
    generator = torch.Generator().manual_seed(1)  # 4 sentences for each are more than the text tower takes at once
    frames = normalize(torch.randn(40, encoder.dim, generator=generator), dim=1)
    with torch.no_grad():
        whole = learned.rewards(frames, alpha=0.5)
        parts = [learned.rewards(frames[i : i + 7], alpha=0.5) for i in range(0, 40, 7)]
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-5, rtol=0)
    assert learned.rewards(frames[:0], alpha=0.5).shape == (0,)


def test_the_net_is_learned_as_well_as_the_words(encoder):
    reward = RewardModel(encoder, spec_of(encoder))
    tuned = tune(reward, FRAMES, LABELS, method="cocoop", options={"steps": 20})
    prompts = ConditionalPrompts.from_text(encoder, PROMPTS, tuned.spec.options.learned)
    with torch.no_grad():
        said = prompts.sentences(encoder.embed_frames(FRAMES))
    assert float(said.std(dim=0).max()) > 1e-3
    assert float(prompts.trained[3].detach().abs().max()) > 1e-3  # B, which began at 0


def words_of(encoder, learned):
    """What a spec says of learned words."""
    return {"learned": learned.to_text(), "fingerprint": encoder.fingerprint}


@pytest.mark.filterwarnings("ignore::vlmrm.errors.OutOfDomainWarning")
def test_it_is_kept_in_the_spec_bit_for_bit_and_takes_transforms_behind_it(encoder, learned):
    spec = RewardSpec(
        encoder=encoder.name, prompts=SEVERAL, alpha=0.3, head="cocoop", options=words_of(encoder, learned)
    )
    assert RewardSpec.from_dict(spec.to_dict()) == spec
    reward = RewardModel(encoder, spec)
    with torch.no_grad():
        expected = learned.rewards(encoder.embed_frames(FRAMES), alpha=0.3)
    torch.testing.assert_close(reward.score(FRAMES), expected, atol=1e-6, rtol=0)
    assert sorted(calibrate(reward, FRAMES, false_positives=0.5).score(FRAMES).tolist()) == [0, 0, 0, 1, 1, 1]


def test_it_goes_with_whole_frames_only(encoder, learned):
    with pytest.raises(SpecError, match=r"views and head cocoop do not go together: .*whole frames"):
        RewardSpec(
            encoder=encoder.name,
            prompts=SEVERAL,
            head="cocoop",
            options=words_of(encoder, learned),
            views={"scales": [1.0, 0.5]},
        )


def test_what_was_learned_of_other_weights_is_refused(encoder, learned):
    options = words_of(encoder, learned) | {"fingerprint": "others"}
    spec = RewardSpec(encoder=encoder.name, prompts=SEVERAL, head="cocoop", options=options)
    with pytest.raises(SpecError, match=r"head 'cocoop' was fitted with an encoder of fingerprint others.*Fit it"):
        RewardModel(encoder, spec)


def test_the_form_of_before_is_refused_with_todays(encoder, learned):
    table = {"method": "cocoop", "encoder": encoder.name, "learned": learned.to_text()}
    today = r'few_shot: cocoop is a head now. Write head = "cocoop" and options = \{ learned = "..."'
    with pytest.raises(SpecError, match=today):
        RewardSpec(encoder=encoder.name, prompts=SEVERAL, few_shot=table)


def test_two_threads_do_not_mix_their_frames(encoder, learned):
    frames = normalize(torch.randn(2, 24, encoder.dim, generator=torch.Generator().manual_seed(2)), dim=2)
    with torch.no_grad():
        alone = [learned.rewards(part, alpha=0.5) for part in frames]

    def score(which):
        with torch.no_grad():
            return [learned.rewards(frames[which], alpha=0.5) for _ in range(10)]

    with ThreadPoolExecutor(2) as threads:
        for expected, together in zip(alone, threads.map(score, (0, 1)), strict=True):
            for rewards in together:
                torch.testing.assert_close(rewards, expected, atol=1e-6, rtol=0)


def test_what_cannot_be_read_is_refused(encoder, learned):
    spec = {"encoder": encoder.name, "prompts": write_table(SEVERAL), "head": "cocoop"}
    whole = words_of(encoder, learned)

    def load(**options):
        return RewardModel(encoder, RewardSpec.from_dict(spec | {"options": options}))

    assert isinstance(load(**whole).spec.options, CoCoOpOptions)
    with pytest.raises(SpecError, match=r"options.learned is missing"):
        load(fingerprint=encoder.fingerprint)
    with pytest.raises(SpecError, match=r"options.fingerprint is missing"):
        load(learned=learned.to_text())
    with pytest.raises(SpecError, match=r"unknown key options.sharpness"):
        load(**whole, sharpness=2)
    no_rows = base64.b64encode(save({"context": torch.zeros(0, 4)})).decode()
    for damaged in ("???", no_rows, learned.to_text()[:-400], ""):
        with pytest.raises(SpecError, match=r"'cocoop' has learned cannot be read.*Fit it again"):
            load(**whole | {"learned": damaged})
