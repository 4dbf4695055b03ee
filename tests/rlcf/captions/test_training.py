"""Caption training: what each term says, how terms are added, and runs that stop and go on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from vlmrm import RewardModel
from vlmrm.errors import CaptionWarning, EncoderError, FrameError, RunError, SpecError
from vlmrm.rlcf.captions import CaptionTrainer, CaptionTraining, PrefixCaptioner
from vlmrm.rlcf.captions.advantages import caption_advantages
from vlmrm.rlcf.captions.protocol import Captions
from vlmrm.rlcf.captions.terms import Shown, masked_by_length, read_terms

LINES = ("a red star", "a star a star a star", "a picture of a star, a picture of a cross", "a big red star and a")


@pytest.fixture(scope="module")
def shown(captioner: PrefixCaptioner, pictures: Tensor) -> Shown:
    return Shown(pictures[:2], captioner.tokens_of(LINES))


def value_of(name: str, options: dict[str, Any], captioner: PrefixCaptioner, shown: Shown) -> Tensor:
    (term,) = read_terms({name: options}).values()
    return term.ready(captioner)(shown)


def test_terms_of_the_text_alone(captioner: PrefixCaptioner, shown: Shown) -> None:
    # of "a star a star a star" and its end the second and third "a star" repeat: 4 of 6 pairs are told apart
    assert value_of("repetition", {"words": 2}, captioner, shown)[0].tolist() == pytest.approx([0, -3 / 6])
    assert value_of("bad_phrases", {}, captioner, shown).tolist() == [[0, 0], [-2, 0]]
    assert value_of("length", {"wanted": 4}, captioner, shown)[0].tolist() == pytest.approx([0, -3 / 4])
    cut = Captions(shown.captions.texts, shown.captions.tokens, shown.captions.lengths, torch.tensor([1, 0, 1, 0]) > 0)
    assert value_of("missing_end", {}, captioner, Shown(shown.pictures, cut)).tolist() == [[0, -1], [0, -1]]


def test_similarity_is_the_reward_of_each_caption_for_its_own_picture(
    captioner: PrefixCaptioner, reward: RewardModel, shown: Shown
) -> None:
    found = value_of("similarity", {"encoder": "tab-m"}, captioner, shown)
    pairs = reward.score_pairs(shown.pictures, list(LINES))
    torch.testing.assert_close(found, torch.stack([pairs[0, :2], pairs[1, 2:]]))
    spec = value_of("similarity", {"reward": reward.spec.to_dict()}, captioner, shown)
    torch.testing.assert_close(spec, found)


def test_fluency_is_the_mean_of_a_language_model_without_a_picture(captioner: PrefixCaptioner, shown: Shown) -> None:
    found = value_of("fluency", {}, captioner, shown)
    ids = torch.tensor([[*captioner.tokenizer.encode(LINES[0], add_special_tokens=False), captioner.end]])
    chances = captioner.language_model(input_ids=ids).logits[0, :-1].log_softmax(dim=1)
    expected = chances.gather(1, ids[0, 1:, None]).mean()
    torch.testing.assert_close(found[0, 0], expected, atol=1e-4, rtol=0)


def test_a_term_does_not_pay_captions_of_other_lengths(captioner: PrefixCaptioner, shown: Shown) -> None:
    (term,) = read_terms({"bad_phrases": {"longest": 6, "shortest": 5}}).values()
    masked = masked_by_length(term, torch.tensor([[5.0, 1.0], [2.0, 3.0]]), shown.captions)
    assert shown.captions.lengths.tolist() == [4, 7, 12, 7]
    assert masked.tolist() == [[1.0, 1.0], [2.0, 2.0]]


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({}, "no term"),
        ({"similarity": {"encoder": "tab-m", "weight": 0}}, "no term of .'similarity'. has a weight"),
        ({"similarty": {}}, r"unknown terms.similarty.term 'similarty'. Near: similarity"),
        ({"similarity": {}}, "takes a reward, or the encoder"),
        ({"length": {"wanted": 0}}, "at least 1 token"),
        ({"length": {"shortest": 5, "longest": 3}}, "from shortest to longest"),
        ({"bad_phrases": {"phrases": [" "]}}, "at least one word"),
        ({"repetition": {"word": 2}}, r"unknown key terms.repetition.word. Near: words"),
    ],
)
def test_terms_that_cannot_be_are_refused(terms: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        CaptionTraining.from_dict({"captioner": "tab-cap", "terms": terms})


def test_a_language_model_of_another_vocabulary_is_refused(captioner: PrefixCaptioner, tmp_path: Path) -> None:
    from vlmrm.encoders.hugging_face.generative import import_transformers

    transformers = import_transformers("a test")
    config = transformers.GPT2Config(vocab_size=5, n_embd=8, n_layer=1, n_head=1)
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path)
    captioner.tokenizer.save_pretrained(tmp_path)
    (term,) = read_terms({"fluency": {"language_model": f"local-dir:{tmp_path}"}}).values()
    with pytest.raises(EncoderError, match=r"has \d+ tokens and the model 5"):
        term.ready(captioner)


@pytest.mark.parametrize("baseline", ["mean", "loo", "group", "greedy", "value"])
def test_terms_normalised_before_do_not_mind_their_scales(baseline: str) -> None:
    random = torch.Generator().manual_seed(0)
    values = {"a": torch.randn(3, 4, generator=random), "b": torch.randn(3, 4, generator=random)}
    louder = {"a": 1000 * values["a"], "b": values["b"]}
    greedy = {name: value[:, :1] for name, value in values.items()}
    greedy_louder = {name: value[:, :1] for name, value in louder.items()}

    def found(of: Any, order: str, plain: Any) -> Tensor:
        return caption_advantages(of, {"a": 1.0, "b": 2.0}, baseline=baseline, normalised=order, greedy=plain)

    tolerance = 0.02 if baseline == "group" else 1e-4  # a group is divided by its deviation and a ten-thousandth
    torch.testing.assert_close(
        found(values, "before", greedy), found(louder, "before", greedy_louder), atol=tolerance, rtol=0
    )
    assert not torch.allclose(found(values, "after", greedy), found(louder, "after", greedy_louder), atol=0.1)


def test_a_term_that_says_the_same_of_all_captions_counts_nothing() -> None:
    values = {"a": torch.tensor([[0.1, 0.3]]), "b": torch.full((1, 2), -1.0)}
    both = caption_advantages(values, {"a": 1.0, "b": 5.0}, baseline="loo", normalised="before")
    alone = caption_advantages(values, {"a": 1.0, "b": 0.0}, baseline="loo", normalised="before")
    assert torch.equal(both, alone)


def test_terms_normalised_in_their_groups_are_those_of_trl() -> None:
    """Its ``normalize_then_sum``: (r - mean) / (std + 1e-4) in each group, and the weighted sum by its deviation."""
    generator = torch.Generator().manual_seed(0)
    values = {"fits": torch.rand(5, 8, generator=generator), "ends": torch.zeros(5, 8)}
    values["ends"][2, 3] = -1.0  # one caption of forty
    weights = {"fits": 1.0, "ends": 0.2}
    apart = {name: one - one.mean(dim=1, keepdim=True) for name, one in values.items()}
    each = {name: one / (one.square().mean(dim=1, keepdim=True).sqrt() + 1e-4) for name, one in apart.items()}
    total = each["fits"] + 0.2 * each["ends"]
    found = caption_advantages(values, weights, baseline="group", normalised="before")
    torch.testing.assert_close(found, total / total.std(correction=0), atol=1e-5, rtol=0)
    assert found.abs().max() < 4  # the one that does not end does not outweigh all others


OPTIONS = CaptionTraining.from_dict(
    {
        "captioner": "tab-cap", "updates": 4, "check_every": 2, "pictures": 4, "samples": 3, "most_tokens": 24,
        "terms": {"similarity": {"encoder": "tab-m"}, "repetition": {"weight": 0.2}, "length": {"weight": 0}},
    }
)  # fmt: skip


def test_a_training_goes_on_where_it_stopped(captioner: PrefixCaptioner, pictures: Tensor, tmp_path: Path) -> None:
    whole = CaptionTrainer(captioner, OPTIONS, pictures, tmp_path / "whole", held_out=pictures[:2])
    whole.train()
    CaptionTrainer(captioner, replace(OPTIONS, updates=2), pictures, tmp_path / "part", held_out=pictures[:2]).train()
    again = CaptionTrainer(captioner, OPTIONS, pictures, tmp_path / "part", held_out=pictures[:2])
    assert again.updates == 2
    again.train()
    weights = [dict(one.captioner.model.named_parameters()) for one in (whole, again)]
    for name, weight in weights[0].items():
        torch.testing.assert_close(weights[1][name], weight, atol=1e-5, rtol=0)
    assert [row["reward"] for row in again.history[1:]] == pytest.approx([r["reward"] for r in whole.history[1:]])
    assert not any(torch.equal(weights[0][n], w) for n, w in captioner.model.named_parameters() if "mapper" in n)


def test_each_term_is_logged_by_itself(captioner: PrefixCaptioner, pictures: Tensor, tmp_path: Path) -> None:
    trainer = CaptionTrainer(captioner, replace(OPTIONS, updates=1), pictures, tmp_path / "run", held_out=pictures[:2])
    trainer.train()
    first, last = trainer.history
    assert set(first) == {"update", "held_out_reward"}
    assert last["reward"] == pytest.approx(last["similarity"] + 0.2 * last["repetition"])
    assert last["divergence"] == pytest.approx(0, abs=1e-6)  # the first update begins at the start
    assert {"tokens", "ended", "skipped"} <= set(last)
    header = (tmp_path / "run" / "metrics.csv").read_text().splitlines()[0]
    assert header.startswith("update,held_out_reward,reward,similarity,repetition,length")
    assert list((tmp_path / "run" / "tensorboard").iterdir())


def test_runs_of_other_options_are_not_mixed(captioner: PrefixCaptioner, pictures: Tensor, tmp_path: Path) -> None:
    CaptionTrainer(captioner, replace(OPTIONS, updates=1), pictures, tmp_path / "run").train()
    with pytest.raises(RunError, match="a training with other options"):
        CaptionTrainer(captioner, replace(OPTIONS, kl=0.5), pictures, tmp_path / "run")
    (tmp_path / "run" / "checkpoint" / "state.safetensors").write_bytes(b"cut off")
    with pytest.raises(RunError, match="is damaged"):
        CaptionTrainer(captioner, OPTIONS, pictures, tmp_path / "run")


def test_a_fooled_reward_is_warned_of_early(captioner: PrefixCaptioner, pictures: Tensor, tmp_path: Path) -> None:
    falling = iter([0.9, 0.8, 0.7, 0.6, 0.5])
    options = replace(OPTIONS, updates=3, check_every=1)
    trainer = CaptionTrainer(
        captioner,
        options,
        pictures,
        tmp_path / "run",
        held_out=pictures[:2],
        judge=lambda said: {"facts": next(falling)},
    )
    trainer.history = [{"update": 0.0, "held_out_facts": 0.95, "held_out_reward": -1.0}]
    with pytest.warns(
        CaptionWarning, match=r"held_out_facts has fallen from 0\.950 to 0\.900 while the reward has risen"
    ):
        trainer.train()


def test_a_nan_in_a_term_is_named(
    captioner: PrefixCaptioner, pictures: Tensor, tmp_path: Path, monkeypatch: Any
) -> None:
    trainer = CaptionTrainer(captioner, OPTIONS, pictures, tmp_path / "run")
    monkeypatch.setitem(trainer._rewards.ready, "repetition", lambda shown: torch.full(shown.shape, torch.nan))
    with pytest.raises(RunError, match="the term 'repetition' gave NaN"):
        trainer.train()


class SomeUnreadable:
    """Pictures of which every other does not open."""

    def __init__(self, pictures: Tensor, readable: int = 2) -> None:
        self._pictures, self._readable = pictures, readable

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, place: int) -> Tensor:
        if place % 2 >= self._readable:
            raise FrameError(f"picture {place} does not open.")
        return self._pictures[place]


def test_pictures_that_do_not_open_are_skipped_and_counted(
    captioner: PrefixCaptioner, pictures: Tensor, tmp_path: Path
) -> None:
    trainer = CaptionTrainer(captioner, replace(OPTIONS, updates=2), SomeUnreadable(pictures, 1), tmp_path / "run")
    trainer.train()
    assert trainer.skipped == trainer.history[-1]["skipped"] > 0
    with pytest.raises(RunError, match="none of the 8 pictures can be opened"):
        CaptionTrainer(captioner, OPTIONS, SomeUnreadable(pictures, 0), tmp_path / "none").train()
