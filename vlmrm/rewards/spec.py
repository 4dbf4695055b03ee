"""`RewardSpec`: a reward as a small record that can be written down, compared and built again."""

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlmrm.atomic import whole_file
from vlmrm.errors import SpecError, near_matches
from vlmrm.prompts import PromptSet
from vlmrm.rendering import RenderQuality
from vlmrm.rewards.combinations import check_combinations
from vlmrm.rewards.doubt import JudgeOptions, UncertaintyOptions, judge_options, uncertainty_options
from vlmrm.rewards.layers import (
    FewShotOptions,
    LearnedWordsOptions,
    ScalingOptions,
    TimeOptions,
    ViewsOptions,
    few_shot_options,
    scaling_options,
    time_options,
    views_options,
)
from vlmrm.rewards.options import EnsembleOptions, HeadOptions, head_options

if TYPE_CHECKING:
    from vlmrm.rewards.model import RewardModel

RESIZE_MODES = ("shortest", "longest", "squash")
_TABLES = ("options", "views", "few_shot", "uncertainty", "judge", "scaling", "over_time")


@dataclass(frozen=True, kw_only=True)
class RewardSpec:
    """Everything that decides the numbers of a reward.

    Example:
        >>> spec = RewardSpec(encoder="sim-s", prompts=PromptSet("a red car", "a car"), alpha=0.5)
        >>> RewardSpec.from_dict(spec.to_dict()) == spec
        True
        >>> spec.hash()
        '56e36bf31335d12e'
    """

    encoder: str
    """A built-in model, ``name/pretrained-tag`` of OpenCLIP, ``hf-hub:owner/name``, or ``local-dir:path``."""
    prompts: PromptSet
    """Goal, baseline and negative sentences."""
    alpha: int | float = field(default=None)  # type: ignore[assignment]  # a number from __post_init__ on
    """Share of the goal-baseline projection, 0 (cosine) to 1; only of the head ``projection``. Left out: 0.5, and 0
    where there is no baseline to project from."""
    head: str = "projection"
    """How embeddings become scores, one of `vlmrm.rewards.options.HEADS`."""
    options: Mapping[str, Any] | None = field(default=None, hash=False)
    """Of the head; see `vlmrm.rewards.options`. None: its defaults."""
    views: Mapping[str, Any] | None = field(default=None, hash=False)
    """``scales`` and ``positions`` of crops whose mean is scored. None: the frame as it is."""
    few_shot: Mapping[str, Any] | None = field(default=None, hash=False)
    """Labelled frames that correct the score, as `RewardModel.fit` writes them. None: the sentences alone."""
    uncertainty: Mapping[str, Any] | None = field(default=None, hash=False)
    """How unsure the reward is of a frame: what `RewardModel.fit_uncertainty` writes, or the ``ensemble`` of
    ``prompts``, ``views`` or ``encoders`` that may disagree; and ``kappa``, how much of that is taken off. None: it is
    not known."""
    judge: Mapping[str, Any] | None = field(default=None, hash=False)
    """``model``, ``question``, ``above`` and ``bonus`` of a generative model that is asked yes or no about frames whose
    score is above. None: no one is asked."""
    scaling: Mapping[str, Any] | None = field(default=None, hash=False)
    """``subtract``, ``divide``, ``lowest`` and ``highest`` of the score. None: as it is."""
    threshold: int | float | None = None
    """Of the score: the reward is 1 above it, else 0. None: the score itself. A milestone is reached above it."""
    over_time: Mapping[str, Any] | None = field(default=None, hash=False)
    """How scores of frames become rewards of steps: ``kind`` is ``difference``, ``shaping`` with ``gamma``,
    ``window`` with ``length``, or ``clip`` of a video encoder, with ``every``. None: a step is worth what the frame
    after it is."""
    resize_mode: str | None = None
    """Overrides the model's own: ``shortest`` crops, ``longest`` pads, ``squash`` distorts. None: as trained."""
    render_quality: str | None = None
    """Of the MuJoCo pictures that it is meant for, ``full`` or ``fast``. None: as the environment draws."""

    def __post_init__(self) -> None:
        if not isinstance(self.encoder, str):
            raise SpecError(f"encoder is a name; got {self.encoder!r}.")
        if self.alpha is None:
            alone = self.head == "projection" and not self.prompts.baseline
            object.__setattr__(self, "alpha", 0.0 if alone else 0.5)
        if not isinstance(self.alpha, int | float) or not 0 <= self.alpha <= 1:
            raise SpecError(f"alpha must lie in 0 to 1; got {self.alpha!r}. 0 is the plain cosine, 1 the projection.")
        object.__setattr__(self, "alpha", float(self.alpha))
        for key in _TABLES:
            table = getattr(self, key)
            object.__setattr__(self, key, dict(table) if table else None)
        options = self.head_options()
        check_combinations(self, options)
        if self.threshold is not None:
            object.__setattr__(self, "threshold", float(self.threshold))
        if options.needs_negatives and not self.prompts.negatives:
            raise SpecError(
                f"head {self.head!r} compares the goal with what is not wanted, and no negatives were given. Describe "
                "what must not be taken for the goal in negatives."
            )
        if self.head == "projection" and self.alpha > 0 and not self.prompts.baseline:
            raise SpecError(
                f"alpha={self.alpha} projects on the line from baseline to goal, and no baseline was given. "
                "Describe the plain scene in baseline, or set alpha=0."
            )
        if self.resize_mode is not None and self.resize_mode not in RESIZE_MODES:
            raise SpecError(f"unknown resize_mode {self.resize_mode!r}. Known: {', '.join(RESIZE_MODES)}.")
        if self.render_quality is not None:
            RenderQuality.named(self.render_quality)

    @property
    def compares_alphas(self) -> bool:
        """Whether several alphas can be scored at once: a plain projection, frame by frame."""
        layers = (self.few_shot, self.uncertainty, self.judge, self.scaling, self.threshold, self.over_time)
        return self.head == "projection" and all(layer is None for layer in layers)

    def parts(self) -> tuple["RewardSpec", ...]:
        """The parts of an ensemble, each a reward of its own with the same encoder; of another head none.

        Raises:
            SpecError: A part is no reward.
        """
        options = self.head_options()
        if not isinstance(options, EnsembleOptions):
            return ()
        shared = {"encoder": self.encoder, "prompts": self.prompts.to_dict(), "resize_mode": self.resize_mode}
        found = []
        for part in options.parts:
            for key in ("encoder", "views", "uncertainty", "judge", "over_time", "resize_mode", "render_quality"):
                if key in part:
                    raise SpecError(f"{key} belongs to an ensemble as a whole; leave it out of its parts.")
            said = {key: value for key, value in part.items() if key != "weight"}
            if said.get("head") in ("ensemble", "milestones"):
                raise SpecError(f"{said['head']!r} cannot be part of an ensemble, whose parts score single frames.")
            found.append(RewardSpec.from_dict(shared | said))
        return tuple(found)

    def head_options(self) -> HeadOptions:
        """The options of the head, with its defaults."""
        return head_options(self.head, self.options or {})

    def views_options(self) -> ViewsOptions | None:
        """The options of `views`; None: it is not given."""
        return None if self.views is None else views_options(self.views)

    def few_shot_options(self) -> FewShotOptions | LearnedWordsOptions | None:
        """The options of `few_shot`; None: it is not given."""
        return None if self.few_shot is None else few_shot_options(self.few_shot)

    def uncertainty_options(self) -> UncertaintyOptions | None:
        """The options of `uncertainty`; None: it is not given."""
        return None if self.uncertainty is None else uncertainty_options(self.uncertainty)

    def judge_options(self) -> JudgeOptions | None:
        """The options of `judge`; None: it is not given."""
        return None if self.judge is None else judge_options(self.judge)

    def scaling_options(self) -> ScalingOptions | None:
        """The options of `scaling`; None: it is not given."""
        return None if self.scaling is None else scaling_options(self.scaling)

    def time_options(self) -> TimeOptions | None:
        """The options of `over_time`; None: it is not given."""
        return None if self.over_time is None else time_options(self.over_time)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        return plain | {"prompts": self.prompts.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RewardSpec":
        """The inverse of `to_dict`; fields with a default may be left out.

        Raises:
            SpecError: A key is unknown or missing.
        """
        known = [each.name for each in fields(cls)]
        for key in values:
            if key in ("goal", "baseline", "negatives"):
                raise SpecError(f"{key} belongs in the table prompts of a reward spec: prompts = {{ {key} = ... }}.")
            if key not in known:
                raise SpecError(f"unknown key {key!r} in a reward spec. Near: {near_matches(key, known)}.")
        for key in ("encoder", "prompts"):
            if key not in values:
                raise SpecError(f"a reward spec needs {key!r}; got only {', '.join(sorted(values)) or 'nothing'}.")
        for key in _TABLES:
            if not isinstance(values.get(key), Mapping | None):
                raise SpecError(f"{key} must be a table of keys and values; got {values[key]!r}.")
        return cls(**{**values, "prompts": PromptSet.from_dict(values["prompts"])})

    @classmethod
    def load(cls, path: str | Path) -> "RewardSpec":
        """Read a spec from a ``.toml`` or ``.json`` file.

        Raises:
            SpecError: There is no such file, or it is not a reward spec.
        """
        path = Path(path)
        if not path.is_file():
            raise SpecError(f"no reward spec at {path}. It is a TOML or JSON file with encoder, prompts and alpha.")
        try:
            text = path.read_text(encoding="utf-8")
            values = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        except (ValueError, UnicodeDecodeError) as error:
            raise SpecError(f"{path} is neither TOML nor JSON: {error}") from error
        if not isinstance(values, dict):
            raise SpecError(f"{path} must hold a table of keys; got {type(values).__name__}.")
        if isinstance(values.get("uncertainty"), dict) and "file" in values["uncertainty"]:
            table = values["uncertainty"]
            values["uncertainty"] = table | {"file": str(path.parent / str(table["file"]))}
        return cls.from_dict(values)

    def save(self, path: str | Path) -> None:
        """Write the spec to a ``.json`` file that `load` reads; a crash leaves no half of one.

        Raises:
            SpecError: The name does not end in ``.json``.
        """
        path = Path(path)
        if path.suffix != ".json":
            raise SpecError(f"a reward spec is written as JSON, to a file that ends in .json; got {path}.")
        said = {key: value for key, value in self.to_dict().items() if value is not None}
        if self.uncertainty is not None and "file" in self.uncertainty:  # beside the spec: both can be moved together
            beside = os.path.relpath(self.uncertainty["file"], path.parent)
            said["uncertainty"] = dict(self.uncertainty) | {"file": beside}
        with whole_file(path) as unfinished:
            unfinished.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")

    def hash(self) -> str:
        """16 hex digits that are the same wherever and whenever the same reward is written down.

        Fields at None are left out, so that one which is added later changes no hash of today.
        """
        said = {key: value for key, value in self.to_dict().items() if value is not None}
        if self.uncertainty is not None:  # its digest says which, wherever it lies
            said["uncertainty"] = {key: value for key, value in self.uncertainty.items() if key != "file"}
        canonical = json.dumps(said, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def build(self, device: str | None = None, *, precision: str | None = None) -> "RewardModel":
        """Load the encoder and embed the prompts.

        Args:
            device: ``cpu``, ``cuda`` …; None: the best one there is.
            precision: ``fp32``, ``bf16`` or ``fp16``; None: what suits the device.
        """
        from vlmrm.encoders import load_encoder  # the encoder stack is heavy; a spec is not
        from vlmrm.judges import YesNoJudge
        from vlmrm.rewards.model import RewardModel

        encoder = load_encoder(self.encoder, device=device, precision=precision, resize_mode=self.resize_mode)
        named = self.judge_options()
        judge = None if named is None else YesNoJudge.load(named.model, named.question, device=device)
        return RewardModel(encoder, self, judge)
