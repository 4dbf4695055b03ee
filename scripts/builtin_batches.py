"""Batches for scripts/train_builtin.py: pictures, sentences, and how true each sentence is of each picture."""

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from builtin_noise import frame_words, roughen
from builtin_nonsense import Nonsense
from numpy.typing import NDArray
from torch import Tensor, nn
from vlmrm_envs import tasks
from vlmrm_envs.scenes.scene import Scene, SceneStates
from vlmrm_envs.sentences import Grammar, Sentence, log_truths
from vlmrm_envs.wording import TRACK_PLACES

WORDINGS = Path(__file__).resolve().parent.parent / "experiments" / "wordings.toml"


def held_out() -> list[str]:
    """The sentences that `experiments/wordings.py` measures models with."""
    table = tomllib.loads(WORDINGS.read_text(encoding="utf-8"))
    return [*table["nonsense"], *(text for said in table["wordings"].values() for text in said["goal"])]


class Batches:
    """Random pictures with sentences about them; the n-th batch depends on the seed and n alone.

    Args:
        states: States to draw from, scene by scene.
        pictures: Number of pictures in a batch, scene by scene.
        sentences: Number of sentences in a batch, scene by scene.
        seed: Random seed, which decides everything.
        nonsense: Number of sentences about nothing that the scenes show; they come last.
    """

    def __init__(
        self,
        states: list[SceneStates],
        *,
        pictures: Sequence[int],
        sentences: Sequence[int],
        seed: int,
        nonsense: int = 0,
    ) -> None:
        self.pictures, self.sentences = pictures, (*sentences, *((nonsense,) if nonsense else ()))
        self._states, self._seed, self._nonsense = states, seed, nonsense
        scenes = [part.scene for part in states]
        names = {scene.name for scene in scenes}
        known = [task.reward.prompts for name, task in tasks().items() if name.split("/")[0] in names]
        self.kept_away_from = sorted({text for prompts in known for text in prompts.goal + prompts.baseline})
        self._grammar, self._about_nothing = Grammar(self.kept_away_from, scenes, held_out()), Nonsense(scenes)

    def words(self) -> dict[str, list[str]]:
        """Every word of the training sentences, by the title of the scene that the sentence is about."""
        around = frame_words()
        return {part.scene.title: sorted(self._grammar.words(part.scene) | around) for part in self._states}

    def vocabulary(self) -> set[str]:
        """Every word of the training sentences, those about nothing among them."""
        return self._about_nothing.words.union(*self.words().values())

    def about(self, rng: np.random.Generator, scene: Scene, concept: int | None, place: int | None = None) -> Sentence:
        """A random training sentence about one concept of one scene, and perhaps a place on the track."""
        return self._grammar.sample(rng, scene, concept, place)

    def draw(self, step: int) -> tuple[NDArray[np.intp], list[Sentence], Tensor]:
        """Indices of pictures, sentences, and the log-truth of each sentence for each picture."""
        rng, first = np.random.default_rng([self._seed, 1, step]), 0
        index, shown = [], []
        for part, count in zip(self._states, self.pictures, strict=True):
            rows = rng.choice(len(part), count, replace=False)
            index.append(first + rows)
            shown.append(part.take(rows))
            first += len(part)
        counts = zip(shown, self.sentences, strict=False)  # nonsense has no states
        sentences = [sentence for part, count in counts for sentence in self._about(rng, part, count)]
        sentences += [self._nothing(rng) for _ in range(self._nonsense)]
        sentences = [self._as_others_write(rng, sentence) for sentence in sentences]
        return np.concatenate(index), sentences, torch.from_numpy(log_truths(sentences, shown))

    def _nothing(self, rng: np.random.Generator) -> Sentence:
        while True:
            sentence = self._about_nothing.sample(rng)
            if self._grammar.allows(sentence.text):
                return sentence

    def _as_others_write(self, rng: np.random.Generator, sentence: Sentence) -> Sentence:
        rough = roughen(rng, sentence.text)
        return replace(sentence, text=rough) if self._grammar.allows(rough) else sentence

    def _about(self, rng: np.random.Generator, states: SceneStates, count: int) -> list[Sentence]:
        """Sentences about some of the pictures: mostly true ones, sometimes a plain or a random one."""
        truths = np.stack([concept.log_truth(states.columns) for concept in states.scene.concepts], axis=1)
        places = np.zeros((len(states), len(TRACK_PLACES)))  # n, places
        if "position" in states.columns:  # drawn for every scene that has one, said only where it has forms for it
            places = np.stack([place.log_truth(states.columns) for place in TRACK_PLACES], axis=1)
        sentences = []
        for index in np.resize(rng.permutation(len(truths)), count):
            row, chance = truths[index], rng.random()
            seen = np.flatnonzero(places[index] > -0.5) if rng.random() < 0.7 else np.arange(len(TRACK_PLACES))
            place = int(rng.choice(seen if seen.size else np.arange(len(TRACK_PLACES))))
            if chance < 0.1:
                sentences.append(self.about(rng, states.scene, None, place))
                continue
            fitting = np.flatnonzero(row > -0.5) if chance < 0.85 else np.arange(len(row))
            choice = int(rng.choice(fitting if fitting.size else np.arange(len(row))))
            sentences.append(self.about(rng, states.scene, choice, place))
        return sentences


class CompactVocabulary:
    """Only the tokens of training sentences are trained; all others are one, whose vector stays zero."""

    def __init__(self, tokenizer: Any, words: set[str]) -> None:
        self._tokenizer = tokenizer
        used = {int(i) for word in {*words, ",", "."} for i in tokenizer([word]).unique()} - {0}
        self.used = torch.tensor(sorted(used))  # ascending, so the end-of-text token stays the largest
        self._index = torch.zeros(int(self.used.max()) + 1, dtype=torch.long)
        self._index[self.used] = 1 + torch.arange(len(self.used))

    def __call__(self, texts: list[str]) -> Tensor:
        """Compact token ids (k, context)."""
        return self._index[self._tokenizer(texts)]  # kept ones would leave holes in memory between those of pictures

    def shrink(self, model: nn.Module) -> None:
        """Replace the full token table by one of the used tokens, after a vector of zeros that is not trained."""
        full: Any = model.token_embedding
        table = torch.cat([torch.zeros(1, full.weight.shape[1]), full.weight.detach()[self.used]])
        model.token_embedding = nn.Embedding.from_pretrained(table, freeze=False, padding_idx=0)

    def grow(self, weights: dict[str, Tensor], size: int) -> dict[str, Tensor]:
        """The inverse, for the export."""
        table = torch.zeros(size, weights["token_embedding.weight"].shape[1])
        table[self.used] = weights["token_embedding.weight"][1:].float()
        return weights | {"token_embedding.weight": table}
