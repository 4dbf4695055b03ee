"""Rewards for other trainers: `as_trl` for TRL's GRPO and RLOO, `preference_pairs` for DPO (CLIP-DPO, ECCV 2024)."""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from vlmrm.data.pictures import read_pictures
from vlmrm.errors import FrameError, PromptError, SpecError
from vlmrm.frames.batch import as_frames
from vlmrm.rewards import RewardModel
from vlmrm.types import Frames

_LOG = logging.getLogger(__name__)


class TrlReward:
    """A reward in the form that TRL calls: keyword arguments of one batch in, one number for each completion out.

    It is no `torch.nn.Module`, which TRL would take for a classifier of texts, and can be pickled: another process
    loads the models again from the spec. The pictures of a group are one picture to it, by their content, so that each
    is embedded once however many completions it has; TRL hands over a new object for each.

    Args:
        reward: The reward; its head scores pairs.
        image_column: Name of the data set's column of pictures: one for each row, or a list of them, whose mean counts.
        text_from: Makes the text that is scored of a completion; None: all of it.
        on_missing: Reward where there is no picture. None: TRL skips the row.
        name: What TRL logs it under; None: the name of its encoder. Two rewards of one trainer need two names.

    Raises:
        SpecError: The reward scores no pairs.
    """

    def __init__(
        self,
        reward: RewardModel,
        *,
        image_column: str = "image",
        text_from: Callable[[str], str] | None = None,
        on_missing: float | None = None,
        name: str | None = None,
    ) -> None:
        self.__name__ = name or f"{reward.name.replace('/', '_')}_reward"
        self.spec = reward.spec
        """The spec, from which another process loads the reward."""
        self.embedded = 0
        """Number of pictures that were embedded so far."""
        self._reward: RewardModel | None = reward
        self._column, self._text_from, self._missing = image_column, text_from, on_missing
        pairs = reward.pairs
        pairs.of_embeddings(pairs.embed_texts(["a picture"]), ["a picture"])  # refuse early

    def __call__(self, prompts: Any = None, completions: Any = None, **rest: Any) -> list[float | None]:
        """Return the reward of each completion; None: there is no picture.

        Args:
            prompts: Prompts of the batch, plain or conversational; pictures may lie in their content.
            completions: Completions of the batch, plain or conversational.
            **rest: Columns of the data set, and what else TRL hands over.

        Raises:
            FrameError: A column has another number of rows.
            SpecError: There are no completions.
        """
        if completions is None:
            raise SpecError("a reward for TRL is called with completions.")
        texts = [self._said(one) for one in completions]
        pictures = self._pictures(prompts, rest, len(texts))
        rewards = self._score(texts, pictures)
        log_metric = rest.get("log_metric")
        if log_metric is not None:
            known = [one for one, row in zip(rewards, pictures, strict=True) if one is not None and row]
            log_metric(f"{self.__name__}/without_picture", float(len(rewards) - len(known)))
            if known:
                log_metric(f"{self.__name__}/spread", float(np.std(known)))
        return rewards

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_reward": None}

    def _model(self) -> RewardModel:
        if self._reward is None:
            self._reward = RewardModel.from_spec(self.spec)
        return self._reward

    def _said(self, completion: Any) -> str:
        text = text_of(completion)
        return text if self._text_from is None else self._text_from(text)

    def _pictures(self, prompts: Any, columns: Mapping[str, Any], count: int) -> list[list[Frames]]:
        """The pictures of each row; empty where there is none that opens."""
        given = columns.get(self._column, columns.get("images"))
        if given is None:
            given = [pictures_in(prompt) for prompt in prompts or [None] * count]
        if len(given) != count:
            raise FrameError(f"the column {self._column!r} has {len(given)} rows for {count} completions.")
        rows = [one if isinstance(one, list | tuple) else [one] for one in given]
        read: dict[int, Frames | None] = {}
        found = []
        for row in rows:
            for one in row:
                if id(one) not in read:
                    read[id(one)] = _picture(one)
            found.append([frames for one in row if (frames := read[id(one)]) is not None])
        return found

    def _score(self, texts: Sequence[str], pictures: Sequence[Sequence[Frames]]) -> list[float | None]:
        """Each distinct picture is embedded once, and scored with the texts of its own group."""
        pairs = self._model().pairs
        rows_of: dict[str, list[int]] = {}
        frames: dict[str, Frames] = {}
        for row, several in enumerate(pictures):
            for one in several:
                key = hashlib.sha256(one.numpy().tobytes() + str(one.shape).encode()).hexdigest()
                frames[key] = one
                rows_of.setdefault(key, []).append(row)
        collected: list[list[float]] = [[] for _ in texts]
        for key, rows in rows_of.items():
            seen = pairs.embed_images(frames[key])
            self.embedded += 1
            wanted = list(dict.fromkeys(texts[row] for row in rows))
            scores = dict(zip(wanted, pairs.of_embeddings(seen, wanted)[0].tolist(), strict=True))
            for row in rows:
                collected[row].append(scores[texts[row]])
        return [float(np.mean(scores)) if scores else self._missing for scores in collected]


def as_trl(
    reward: RewardModel,
    *,
    image_column: str = "image",
    text_from: Callable[[str], str] | None = None,
    on_missing: float | None = None,
    name: str | None = None,
) -> TrlReward:
    """Return a reward for ``GRPOTrainer(reward_funcs=...)`` and ``RLOOTrainer(reward_funcs=...)`` of TRL.

    Args:
        reward: The reward; its head scores pairs.
        image_column: Name of the data set's column of pictures.
        text_from: Makes the text that is scored of a completion; None: all of it.
        on_missing: Reward where there is no picture. None: TRL skips the row.
        name: What TRL logs it under; None: the name of its encoder. Two rewards of one trainer need two names.

    Raises:
        SpecError: The reward scores no pairs.

    Example:
        >>> from vlmrm import RewardSpec
        >>> reward = as_trl(RewardModel.from_spec(RewardSpec.clip_score("random:sim-s")))
        >>> picture = Image.new("RGB", (64, 64))
        >>> len(reward(completions=["a pole", "a cart"], image=[picture, picture.copy()])), reward.embedded
        (2, 1)
    """
    return TrlReward(reward, image_column=image_column, text_from=text_from, on_missing=on_missing, name=name)


def preference_pairs(
    reward: RewardModel,
    images: Sequence[Any],
    candidates: Sequence[Sequence[str]],
    *,
    margin: float = 0.0,
    filters: Sequence[Callable[[str], bool]] = (),
    prompt: str = "Describe the picture.",
) -> list[dict[str, Any]]:
    """Return pairs of a better and a worse text for each picture, as TRL's ``DPOTrainer`` takes them.

    Args:
        reward: The reward; its head scores pairs.
        images: Pictures: PIL, arrays, or names of files.
        candidates: Texts to choose from, for each picture.
        margin: Least difference of the rewards of a pair; pictures without such a pair are left out.
        filters: A text has to pass all of them to be among the candidates.
        prompt: What the model is asked.

    Returns:
        One row for each picture that has a pair: ``images``, ``prompt``, ``chosen`` and ``rejected``, conversational.

    Raises:
        PromptError: There is not one list of candidates for each picture.
        FrameError: A picture does not open.

    Example:
        >>> from vlmrm import RewardSpec
        >>> model = RewardModel.from_spec(RewardSpec.from_dict({"encoder": "random:sim-s", "alpha": 0.0}))
        >>> rows = preference_pairs(model, [Image.new("RGB", (64, 64))], [["a pole", "a cart", "a pole"]])
        >>> sorted(rows[0])
        ['chosen', 'images', 'prompt', 'rejected']
    """
    if len(images) != len(candidates):
        raise PromptError(f"each picture has one list of candidates; got {len(images)} and {len(candidates)}.")
    rows = []
    for image, texts in zip(images, candidates, strict=True):
        passed = [text for text in dict.fromkeys(texts) if all(good(text) for good in filters)]
        frames = _picture(image)
        if frames is None:
            raise FrameError(f"{image!r} is no picture that opens.")
        if len(passed) < 2:
            continue
        scores = reward.score_pairs(frames, passed)[0]
        if float(scores.max() - scores.min()) <= margin:
            continue
        chosen, rejected = passed[int(scores.argmax())], passed[int(scores.argmin())]
        asked = [{"type": "image"}, {"type": "text", "text": prompt}]
        rows.append(
            {
                "images": [Image.fromarray(frames[0].numpy())],
                "prompt": [{"role": "user", "content": asked}],
                "chosen": [{"role": "assistant", "content": [{"type": "text", "text": chosen}]}],
                "rejected": [{"role": "assistant", "content": [{"type": "text", "text": rejected}]}],
            }
        )
    return rows


def text_of(completion: Any) -> str:
    """Return the words of a completion, plain or conversational, without what its tools answered.

    Example:
        >>> text_of([{"role": "assistant", "content": [{"type": "text", "text": "a pole"}]}])
        'a pole'
    """
    if isinstance(completion, str):
        return completion
    parts = [message.get("content") for message in completion if message.get("role") != "tool"]
    words = [part if isinstance(part, str) else text_of_blocks(part) for part in parts if part]
    return " ".join(words)


def text_of_blocks(blocks: Sequence[Mapping[str, Any]]) -> str:
    """Return the words of the blocks of one message."""
    return " ".join(str(block["text"]) for block in blocks if block.get("type") == "text")


def pictures_in(prompt: Any) -> list[Any]:
    """Return the pictures in the content of a conversational prompt."""
    if prompt is None or isinstance(prompt, str):
        return []
    blocks = [block for message in prompt if not isinstance(message["content"], str) for block in message["content"]]
    return [block["image"] for block in blocks if block.get("type") == "image" and block.get("image") is not None]


def _picture(given: Any) -> Frames | None:
    """One picture as frames. None: there is none, or it does not open, which is said once for each."""
    if given is None:
        return None
    try:
        if isinstance(given, str | Path):
            return torch.from_numpy(next(read_pictures(Path(given))).copy())[None]
        pixels = np.array(given.convert("RGB")) if isinstance(given, Image.Image) else given
        return as_frames(pixels)
    except (FrameError, OSError) as error:
        _LOG.warning("a picture is skipped: %s", error)
        return None
