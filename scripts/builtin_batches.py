"""Batches for scripts/train_builtin.py: pictures, sentences, and how true each sentence is of each picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from vlmrm_envs import tasks
from vlmrm_envs.scenes.scene import Scene, SceneStates
from vlmrm_envs.sentences import Grammar, Sentence, log_truths
from vlmrm_envs.wording import TRACK_PLACES


class Batches:
    """Random pictures with sentences about them; the n-th batch depends on the seed and n alone.

    Args:
        states: States to draw from, scene by scene.
        pictures: Number of pictures in a batch, scene by scene.
        sentences: Number of sentences in a batch, scene by scene.
        seed: Random seed, which decides everything.
    """

    def __init__(
        self, states: list[SceneStates], *, pictures: Sequence[int], sentences: Sequence[int], seed: int
    ) -> None:
        self.pictures, self.sentences = pictures, sentences
        self._states, self._seed = states, seed
        scenes = [part.scene for part in states]
        names = {scene.name for scene in scenes}
        known = [task.reward.prompts for name, task in tasks().items() if name.split("/")[0] in names]
        self.kept_away_from = sorted({text for prompts in known for text in prompts.goal + prompts.baseline})
        self._grammar = Grammar(self.kept_away_from, scenes)

    def words(self) -> dict[str, list[str]]:
        """Every word of every training sentence, by the title of the scene that the sentence is about."""
        grammars = {part.scene.title: Grammar(self.kept_away_from, [part.scene]) for part in self._states}
        return {
            title: sorted({word for text in grammar.every_sentence() for word in text.replace(",", "").split()})
            for title, grammar in grammars.items()
        }

    def every_sentence(self) -> set[str]:
        """Every training sentence."""
        return set(self._grammar.every_sentence())

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
        counts = zip(shown, self.sentences, strict=True)
        sentences = [sentence for part, count in counts for sentence in self._about(rng, part, count)]
        return np.concatenate(index), sentences, torch.from_numpy(log_truths(sentences, shown))

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
    """Only the tokens of training sentences are trained; the export fills the others with zeros."""

    def __init__(self, tokenizer: Any, texts: set[str]) -> None:
        self._tokenizer = tokenizer
        words = sorted({part for text in texts for part in text.replace(",", " ,").split()})
        used = {0, *(int(i) for chunk in words for i in tokenizer([chunk]).unique())}
        self.used = torch.tensor(sorted(used))  # ascending, so the end-of-text token stays the largest
        self._index = torch.zeros(int(self.used.max()) + 1, dtype=torch.long)
        self._index[self.used] = torch.arange(len(self.used))

    def __call__(self, texts: list[str]) -> Tensor:
        """Compact token ids (k, context)."""
        return self._index[self._tokenizer(texts)]  # kept ones would leave holes in memory between those of pictures

    def shrink(self, model: nn.Module) -> None:
        """Replace the full token table by one of the used tokens."""
        full: Any = model.token_embedding
        model.token_embedding = nn.Embedding.from_pretrained(full.weight.detach()[self.used].clone(), freeze=False)

    def grow(self, weights: dict[str, Tensor], size: int) -> dict[str, Tensor]:
        """The inverse, for the export."""
        table = torch.zeros(size, weights["token_embedding.weight"].shape[1])
        table[self.used] = weights["token_embedding.weight"].float()
        return weights | {"token_embedding.weight": table}
