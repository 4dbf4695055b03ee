"""`search_rewards`: the form of a reward that separates goal frames best, with the same sentences.

Heads, alphas, a few labelled frames, crops and other encoders. Forms that read frames alike share their embeddings.
What is fitted to labels is ranked by cross-validation on the part to search on, and then fitted to all of that part.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from vlmrm.errors import SpecError, VlmrmError
from vlmrm.fitting import fit_embeddings
from vlmrm.report.scorers import Encoders
from vlmrm.rewards.features.views import ViewsOptions
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.transforms.few_shot import FEW_SHOT
from vlmrm.search.found import Exam, Found, SearchResult, judge_found
from vlmrm.search.proposals import Proposal, forms_of, plain_spec, rivals_of
from vlmrm.search.separation import Separation, separation_of
from vlmrm.search.split import LabelledParts, ReadFrames, ReadParts, split_rows
from vlmrm.values import require_choice, require_share

_SPLITS = 4  # in two halves, each fitted to once
_LEAST = 1e-6
_NUMBERS = ("auroc", "average_precision", "margin")
ToldForm = Callable[[int, int, int], None]
"""Told how many ways to read frames are done, of how many, and how many forms have been tried."""


@dataclass(frozen=True, kw_only=True)
class RewardSearch:
    """Which forms are tried."""

    alphas: Sequence[int | float] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Shares of the projection."""
    rivals: Sequence[str] = ()
    """Sentences about something else, for the heads that compare; besides the reward's own negatives and the other
    goals of the task's scene."""
    few_shot: Sequence[str] = ("proker", "tip_adapter", "prototypes")
    """Methods that fit the labels to search on. None of them: the sentences alone."""
    views: Sequence[Sequence[int | float]] = ((1.0, 0.7), (0.7,))
    """Scales of crops to read frames with; each is another pass over the frames."""
    encoders: Sequence[str] = ()
    """Other encoders, or ensembles like ``sim-s + sim-m``; each is another pass over the frames."""

    def __post_init__(self) -> None:
        for alpha in self.alphas:
            require_share("alphas", alpha)
        for method in self.few_shot:
            require_choice("few_shot", method, FEW_SHOT)
            if not FEW_SHOT[method].needs_labels:
                raise SpecError(f"few_shot {method!r} takes no labels of other frames, and cannot be searched here.")


def search_rewards(
    reward: RewardSpec,
    parts: LabelledParts,
    *,
    options: RewardSearch | None = None,
    progress: ToldForm | None = None,
) -> SearchResult:
    """Search for the form of a reward that separates goal frames better.

    Args:
        reward: The reward to begin with.
        parts: Labelled frames to search on, and to judge on.
        options: Which forms. None: those of one encoder.
        progress: Told of each form.

    Raises:
        SpecError: If there are too few labels on a side, or the reward has no sentences.

    Example:
        >>> from vlmrm.tasks import find_task
        >>> task = find_task("acrobot/up")
        >>> parts = LabelledParts.of_task(task, 40, held_out=40)
        >>> found = search_rewards(task.reward, parts, options=RewardSearch(views=(), few_shot=()))
        >>> found.best.search >= found.shipped.search
        True
    """
    options = options or RewardSearch()
    spec, remarks = plain_spec(reward)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of words, once for each form
        bench = _Bench(parts)
        shipped, tried = bench.try_form(Proposal(name="shipped", spec=spec)), list[Found]()
        readers = [spec, *_other_readers(spec, options)]
        for done, reader in enumerate(readers, start=1):
            tried += bench.try_all(_named(reader, spec), options, rivals_of(parts.search.task, spec.require_prompts()))
            if progress is not None:
                progress(done, len(readers), len(tried))
        read = bench.read(spec)
        exam = Exam(
            what="reward",
            given=reward,
            searched=read.search.in_goal,
            in_goal=read.held_out.in_goal,
            groups=read.held_out.for_intervals,
            score=lambda one: bench.score(one.spec, bench.read(one.spec).held_out),
            remarks=[*remarks, *read.remarks, *bench.remarks],
        )
        return judge_found(exam, shipped, tried)


def _other_readers(spec: RewardSpec, options: RewardSearch) -> list[RewardSpec]:
    """The same reward with crops, and with other encoders."""
    cropped = [replace(spec, views=ViewsOptions(scales=tuple(scales))) for scales in options.views]
    others = [replace(spec, encoder=name) for name in options.encoders if name != spec.encoder]
    return [one for one in (*cropped, *others) if one != spec]


def _named(reader: RewardSpec, spec: RewardSpec) -> Proposal:
    parts = [] if reader.encoder == spec.encoder else [reader.encoder]
    if reader.views != spec.views and reader.views is not None:
        parts.append(f"crops of {', '.join(f'{scale:g}' for scale in reader.views.scales)}")
    return Proposal(name=" and ".join(parts) or reader.encoder, spec=reader)


class _Bench:
    """Frames as every model reads them, each once, and rewards on them."""

    def __init__(self, parts: LabelledParts) -> None:
        self._parts, self._encoders = parts, Encoders()
        self._models: dict[RewardSpec, RewardModel] = {}
        self._read: dict[str, ReadParts] = {}
        self.remarks: list[str] = []

    def read(self, spec: RewardSpec) -> ReadParts:
        """Both parts, as the model of a spec reads them."""
        model = self._model(replace(spec, few_shot=None))
        if model.fingerprint not in self._read:
            self._read[model.fingerprint] = self._parts.read(model)
        return self._read[model.fingerprint]

    def score(self, spec: RewardSpec, frames: ReadFrames) -> Float[np.ndarray, " n"]:
        """Scores of frames that have been read."""
        scores: Float[np.ndarray, " n"] = self._encoders.reward(spec).score(frames.features).double().numpy()
        return scores

    def try_form(self, form: Proposal) -> Found:
        """A form as it stands."""
        search = self.read(form.spec).search
        found = separation_of(self.score(form.spec, search), search.in_goal)
        return Found(name=form.name, spec=form.spec, search=found)

    def try_all(self, reader: Proposal, options: RewardSearch, others: Sequence[str]) -> list[Found]:
        """Every form on the same embeddings, the best two together, and what is fitted to labels."""
        prompts = reader.spec.require_prompts()
        rivals = list(dict.fromkeys([*options.rivals, *prompts.negatives, *others]))
        forms, found = [reader, *forms_of(reader, alphas=options.alphas, rivals=rivals)], list[Found]()
        for form in forms:
            found += self._if_possible(form.name, partial(self.try_form, form))
        if len(found) > 1:
            best = sorted(found, key=lambda one: one.search, reverse=True)[:2]
            found += self._if_possible("the mean of the best two", partial(self._try_together, reader.name, *best))
        for method in options.few_shot:
            found += self._if_possible(f"{reader.name}, {method}", partial(self._fitted, reader, method))
        return found

    def _if_possible(self, name: str, make: Callable[[], Found]) -> list[Found]:
        """A form; none, and a remark, where words of the spec exclude it."""
        try:
            return [make()]
        except VlmrmError as error:
            self.remarks.append(f"{name} cannot be made: {error}")
            return []

    def _try_together(self, name: str, first: Found, second: Found) -> Found:
        return self.try_form(self._together(name, first, second))

    def _model(self, spec: RewardSpec) -> RewardModel:
        if spec not in self._models:
            self._models[spec] = self._encoders.reward(spec)
        return self._models[spec]

    def _together(self, name: str, *members: Found) -> Proposal:
        """The mean of two forms, each brought to a mean of 0 and a standard deviation of 1 first."""
        parts = []
        for one in members:
            scores = self.score(one.spec, self.read(one.spec).search)
            scaling = {"subtract": float(scores.mean()), "divide": max(float(scores.std()), _LEAST)}
            form = {key: one.spec.to_dict().get(key) for key in ("head", "options", "alpha", "prompts")}
            parts.append(
                {"weight": 1 / len(members), "scaling": scaling} | {k: v for k, v in form.items() if v is not None}
            )
        changed: dict[str, Any] = {"head": "ensemble", "options": {"parts": parts}, "alpha": None}
        spec = replace(members[0].spec, **changed)
        return Proposal(name=f"{name}, mean of the best two forms", spec=spec)

    def _fitted(self, form: Proposal, method: str) -> Found:
        """A form that labels have corrected, ranked by halves that were not fitted to."""
        search, model = self.read(form.spec).search, self._model(form.spec)
        found = []
        for seed in range(_SPLITS):
            half, _ = split_rows(search.in_goal, search.groups, seed=seed)
            for rows in (half, ~half):
                spec = _fit(model, search.take(rows), method)
                found.append(separation_of(self.score(spec, search.take(~rows)), search.in_goal[~rows]))
        mean = [float(np.mean([getattr(one, name) for one in found])) for name in _NUMBERS]
        search_value = Separation(**dict(zip(_NUMBERS, mean, strict=True)))
        return Found(name=f"{form.name}, {method}", spec=_fit(model, search, method), search=search_value)


def _fit(model: RewardModel, frames: ReadFrames, method: str) -> RewardSpec:
    return fit_embeddings(model, frames.features.embeddings, frames.in_goal, method=method).spec
