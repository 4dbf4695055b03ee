"""`CaptionTrainer`: trains a captioner on composed rewards, beside a judge that is none of them.

    pictures ─► captions, drawn ─► terms ─► advantages ─► a step of AdamW ─► again
                        every so often: greedy captions of held-out pictures ─► the judge, a checkpoint

`vlmrm.rlcf.captions.loss` has the loss, and `vlmrm.rlcf.captions.rewarding` what captions are rewarded for.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.tensorboard.writer import SummaryWriter

from vlmrm.errors import FrameError, RunError
from vlmrm.frames.batch import as_frames
from vlmrm.rlcf.captions.advantages import caption_advantages
from vlmrm.rlcf.captions.captioner import LanguageModelCaptioner
from vlmrm.rlcf.captions.checkpoint import Learning, store, take_up
from vlmrm.rlcf.captions.held_out import PREFIX, REWARD, Judge, warn_if_fooled
from vlmrm.rlcf.captions.loss import caption_loss
from vlmrm.rlcf.captions.protocol import Captions
from vlmrm.rlcf.captions.rewarding import CaptionRewards
from vlmrm.rlcf.captions.terms import Shown
from vlmrm.rlcf.captions.training_options import CaptionTraining
from vlmrm.rlcf.labelled import Asked, embed_each
from vlmrm.rlcf.writing import Writing


class CaptionTrainer:
    """Trains a copy of a captioner; what was given stays as it is.

    Args:
        captioner: What training begins with.
        options: The choices of training.
        pictures: Pictures without captions, as frames or one by one.
        folder: Where metrics, checkpoints and TensorBoard's files go. One with a checkpoint of the same options is gone
            on with.
        held_out: Pictures that no update sees.
        judge: Looks at captions of the held-out pictures. None: only their reward is logged.

    Raises:
        RunError: The folder holds a run of other options, or its checkpoint is damaged.
        SpecError: There is nothing to learn.
    """

    def __init__(
        self,
        captioner: LanguageModelCaptioner,
        options: CaptionTraining,
        pictures: Asked,
        folder: Path,
        *,
        held_out: Asked | None = None,
        judge: Judge | None = None,
    ) -> None:
        self.options, self.folder = options, folder
        self.start = captioner
        """The captioner before training."""
        self.captioner, self._tuned = captioner.copied(options.tune)
        self.updates = 0
        """Updates so far."""
        self.skipped = 0
        """Pictures that could not be opened."""
        self.history: list[dict[str, float]] = []
        """A row of numbers for each update, those of held-out pictures among them where they were looked at."""
        self._pictures, self._judge = pictures, judge
        self._held_out = held_out
        self._rewards = CaptionRewards(options.terms, captioner)
        width = captioner.language_model.get_input_embeddings().embedding_dim
        self._value = nn.Linear(width, 1, device=captioner.device)
        nn.init.zeros_(self._value.weight)
        nn.init.zeros_(self._value.bias)
        learns = [*self._tuned, *self._value.parameters()] if options.baseline == "value" else self._tuned
        self._optimiser = torch.optim.AdamW(learns, lr=options.learning_rate, weight_decay=0.0)
        self._learning = Learning(self._tuned, self._value, self._optimiser)
        self._warned = False
        stood = take_up(folder, self._learning, self._identity())
        if stood is not None:
            self.updates, self.skipped, self.history = stood["updates"], stood["skipped"], stood["history"]

    def train(self, progress: Callable[[int, int, Mapping[str, float]], None] | None = None) -> None:
        """Do the updates that are missing.

        Args:
            progress: Told the updates done, their number, and the numbers of the last one.

        Raises:
            RunError: A term or the loss became NaN, or no picture can be opened.
        """
        begins = not self.history
        with SummaryWriter(str(self.folder / "tensorboard"), purge_step=self.updates + 1) as board:
            if begins:
                self._note({"update": 0.0, **self._look()}, board)
                self._store()
            while self.updates < self.options.updates:
                numbers = self._update()
                self.updates += 1
                looks = self.updates % self.options.check_every == 0 or self.updates == self.options.updates
                row = {"update": float(self.updates), **numbers, **(self._look() if looks else {})}
                self._note(row, board)
                if looks:
                    self._warned = self._warned or warn_if_fooled(self.history, self.options.falls_by)
                    self._store()
                if progress is not None:
                    progress(self.updates, self.options.updates, row)

    def _update(self) -> dict[str, float]:
        options = self.options
        rng = np.random.default_rng([options.seed, self._seed(0)])
        pictures, skipped = draw_pictures(self._pictures, options.pictures, rng)
        self.skipped += skipped
        with torch.no_grad():
            seen = embed_each(self.captioner.see, pictures).clone()
        captions = self.captioner.write(seen, options.writing, seed=self._seed(1))
        values = self._values(Shown(pictures, captions))
        greedy = None
        if options.baseline == "greedy":
            plain = Writing(most_tokens=options.most_tokens)
            greedy = self._values(Shown(pictures, self.captioner.write(seen, plain)))
        found = caption_advantages(
            values, self._rewards.weights, baseline=options.baseline, normalised=options.normalised, greedy=greedy
        )
        loss, more = self._loss(seen.repeat_interleave(options.samples, dim=0), captions, found.flatten())
        self._step(loss)
        numbers = {name: float(value.mean()) for name, value in values.items()}
        total, lengths = self._rewards.total(values), captions.lengths.float()
        return {
            "reward": float(total.mean()), **numbers, **more, "tokens": float(lengths.mean()),
            "ended": float(captions.ended.float().mean()), "skipped": float(self.skipped),
        }  # fmt: skip

    def _loss(self, seen: Tensor, captions: Captions, advantages: Tensor) -> tuple[Tensor, dict[str, float]]:
        with torch.no_grad():
            before = self.start.log_probabilities(seen, captions)
        likely, value = self.captioner.log_probabilities(seen, captions), None
        if self.options.baseline == "value":
            value = self._value(self.captioner.states(seen, captions))[:, :, 0], self.options.value_weight
        return caption_loss(likely, before, advantages, captions.mask, kl=self.options.kl, value=value)

    def _step(self, loss: Tensor) -> None:
        if not torch.isfinite(loss):
            raise RunError(f"the loss became {float(loss)} in update {self.updates + 1}. Take a lower learning_rate.")
        self._optimiser.zero_grad()
        torch.autograd.backward(loss)
        learns = [parameter for group in self._optimiser.param_groups for parameter in group["params"]]
        nn.utils.clip_grad_norm_(learns, self.options.most_norm)
        self._optimiser.step()

    def _values(self, shown: Shown) -> dict[str, Tensor]:
        return self._rewards.values(shown, update=self.updates + 1)

    def _look(self) -> dict[str, float]:
        """The reward and the judge's numbers of greedy captions of held-out pictures."""
        if self._held_out is None:
            return {}
        with torch.no_grad():
            seen = embed_each(self.captioner.see, self._held_out)
            captions = self.captioner.write(seen, Writing(most_tokens=self.options.most_tokens))
        values = self._values(Shown(self._held_out, captions))
        judged = {} if self._judge is None else {f"{PREFIX}{k}": v for k, v in self._judge(captions.texts).items()}
        return {**judged, REWARD: float(self._rewards.total(values).mean())}

    def _seed(self, what: int) -> int:
        return (self.options.seed * 1_000_003 + self.updates) * 2 + what

    def _note(self, row: dict[str, float], board: Any) -> None:
        self.history.append(row)
        for name, value in row.items():
            board.add_scalar(name, value, self.updates)

    def _store(self) -> None:
        said = {**self._identity(), "updates": self.updates, "skipped": self.skipped}
        store(self.folder, self._learning, said, self.history)

    def _identity(self) -> dict[str, Any]:
        """What may not change when a run is gone on with."""
        return {"options": self.options.to_dict() | {"updates": None}, "captioner": self.start.fingerprint}


def draw_pictures(pictures: Asked, count: int, rng: np.random.Generator) -> tuple[Asked, int]:
    """Return some pictures at random, and the number of those that did not open and were left out.

    Args:
        pictures: All pictures.
        count: How many are wanted.
        rng: Decides which.

    Raises:
        RunError: None of them opens.
    """
    found, skipped = [], 0
    for place in rng.permutation(len(pictures)):
        try:
            found.append(as_frames(pictures[int(place)]))
        except FrameError:
            skipped += 1
        if len(found) == count:
            break
    if not found:
        raise RunError(f"none of the {len(pictures)} pictures can be opened.")
    alike = {tuple(one.shape[1:]) for one in found}
    return (torch.cat(found) if len(alike) == 1 else found), skipped
