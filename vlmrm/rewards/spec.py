"""`RewardSpec`: a reward as a small record that can be written down, compared and built again."""

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vlmrm.atomic import whole_file
from vlmrm.encoders.ensemble import ensemble_members
from vlmrm.errors import SpecError
from vlmrm.frames.preprocessing import RESIZE_MODES
from vlmrm.prompts import PromptSet
from vlmrm.rendering.camera import RenderQuality
from vlmrm.rewards.features.views import ViewsOptions
from vlmrm.rewards.former_specs import refuse_former_spec
from vlmrm.rewards.heads import HEADS
from vlmrm.rewards.over_time import OVER_TIME, read_over_time, write_over_time
from vlmrm.rewards.protocols import TimeOptions, TransformOptions
from vlmrm.rewards.score_spec import ScoreSpec
from vlmrm.rewards.transforms import ORDER
from vlmrm.rewards.transforms.judge import JudgeOptions
from vlmrm.rewards.transforms.scaling import ScalingOptions
from vlmrm.rewards.transforms.uncertainty import UncertaintyOptions, read_uncertainty
from vlmrm.tables import OrTable, read_table, write_table

_CLIP_SCORE = ScalingOptions(divide=0.4, lowest=0.0)  # 2.5 max(cosine, 0)


@dataclass(frozen=True, kw_only=True)
class RewardSpec(ScoreSpec):
    """Everything that decides the numbers of a reward.

    Raises:
        SpecError: If a word is unknown, a value impossible, or words do not go together.
        PromptError: If the sentences make no reward.

    Example:
        >>> spec = RewardSpec(encoder="sim-s", prompts=PromptSet("a red car", "a car"), scaling={"divide": 0.5})
        >>> spec.scaling.divide
        0.5
        >>> RewardSpec.from_dict(spec.to_dict()) == spec
        True
    """

    encoder: str
    """Name of the encoder: a built-in model, ``name/pretrained-tag`` of OpenCLIP, ``hf-hub:owner/name``, or
    ``local-dir:path``."""
    views: OrTable[ViewsOptions] | None = field(default=None, hash=False)
    """``scales`` and ``positions`` of crops whose mean is scored. None: the frame as it is."""
    uncertainty: OrTable[UncertaintyOptions] | None = field(
        default=None, hash=False, metadata={"read": read_uncertainty}
    )
    """How unsure the reward is of a frame: what `vlmrm.fitting.fit_uncertainty` writes, or the ``ensemble`` of
    ``prompts``, ``views`` or ``encoders`` that may disagree; and ``kappa``, how much of that is taken off."""
    judge: OrTable[JudgeOptions] | None = field(default=None, hash=False)
    """``model``, ``question``, ``above`` and ``bonus`` of a generative model that is asked yes or no about frames whose
    score is above. None: no model is asked."""
    over_time: OrTable[TimeOptions] | None = field(
        default=None, hash=False, metadata={"read": read_over_time, "write": write_over_time}
    )
    """How scores of frames become rewards of steps: ``kind`` is ``difference``, ``shaping`` with ``gamma``, ``window``
    with ``length``, ``milestones``, or ``clip`` of a video encoder. None: a step is worth what the frame after
    it is worth."""
    resize_mode: str | None = None
    """Resize mode instead of the model's own: ``shortest`` crops, ``longest`` pads, ``squash`` distorts. None: as
    trained."""
    render_quality: str | None = None
    """Quality of the MuJoCo pictures that the reward is meant for, ``full`` or ``fast``. None: as the environment
    draws."""

    def __post_init__(self) -> None:
        if not isinstance(self.encoder, str):
            raise SpecError(f"encoder is a name; got {self.encoder!r}.")
        super().__post_init__()
        if self.resize_mode is not None and self.resize_mode not in RESIZE_MODES:
            raise SpecError(f"unknown resize_mode {self.resize_mode!r}. Known: {', '.join(RESIZE_MODES)}.")
        if self.render_quality is not None:
            RenderQuality.named(self.render_quality)
        self.check_words()

    def transforms(self) -> dict[str, TransformOptions]:
        """Return the crops, and what becomes of the score of a frame, by its word in the spec, in order."""
        return ({} if self.views is None else {"views": self.views}) | super().transforms()

    def words(self) -> set[str]:
        """Return the words that the spec says, and with a colon which kind of each."""
        kinds: dict[str, Any] = {"over_time": self.over_time and OVER_TIME.name_of(type(self.over_time))}
        kinds["uncertainty"] = self.uncertainty and self.uncertainty.kind
        found = {word for name, kind in kinds.items() if kind for word in (name, f"{name}:{kind}")}
        return super().words() | found

    def records(self) -> dict[str, Any]:
        """Return the records of the words that the spec says."""
        return super().records() | ({} if self.over_time is None else {"over_time": self.over_time})

    @property
    def compares_alphas(self) -> bool:
        """Whether several alphas can be scored at once: a plain projection, frame by frame."""
        return self.options.projects and not self.words() - {"head:projection", "views"}

    @property
    def says_goal_reached(self) -> bool:
        """Whether the reward says by itself that the goal is reached."""
        if self.over_time is not None:
            return self.over_time.says_goal_reached
        return self.threshold is not None

    def before(self, word: str) -> "RewardSpec":
        """Return the spec without a transform and those that follow it.

        Args:
            word: One of `vlmrm.rewards.transforms.ORDER`.

        Example:
            >>> spec = RewardSpec(encoder="sim-s", prompts=PromptSet("a car"), scaling={"divide": 2}, threshold=0.1)
            >>> spec.before("threshold").scaling.divide, spec.before("scaling").threshold
            (2, None)
        """
        dropped = dict.fromkeys(ORDER[ORDER.index(word) :])
        return replace(self, **dropped)  # type: ignore[arg-type]

    @classmethod
    def clip_score(cls, encoder: str, goal: str | None = None) -> "RewardSpec":
        """CLIPScore as a spec: ``2.5 max(cosine, 0)`` (Hessel et al. 2021, arXiv 2104.08718).

        Args:
            encoder: Name of the encoder. Of an ensemble of encoders, the members' CLIPScores are clamped, then
                averaged by their weights.
            goal: Text to score frames with. None: only `RewardModel.score_pairs` works.

        Example:
            >>> RewardSpec.clip_score("sim-s").scaling.divide
            0.4
        """
        prompts = None if goal is None else PromptSet(goal)
        members = ensemble_members(encoder)
        if not members:
            return cls(encoder=encoder, prompts=prompts, alpha=0.0, scaling=_CLIP_SCORE)
        scaling = write_table(_CLIP_SCORE)
        parts = [{"weight": w, "member": name, "alpha": 0.0, "scaling": scaling} for name, w in members.items()]
        options = read_table(HEADS["ensemble"], {"parts": parts}, where="options")
        return cls(encoder=encoder, prompts=prompts, head="ensemble", options=options)

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as plain values, for JSON and TOML; what has its default is left out."""
        return write_table(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, where: str = "") -> "RewardSpec":
        """Return the spec of a table; fields with a default may be left out.

        Args:
            values: Plain values, as `to_dict` returns them.
            where: Path of the table, for messages.

        Raises:
            SpecError: If a key is unknown or missing, or a value impossible.
        """
        if isinstance(values, Mapping):
            refuse_former_spec(values, where)
        return read_table(cls, values, where=where)

    @classmethod
    def load(cls, path: str | Path) -> "RewardSpec":
        """Read a spec from a ``.toml`` or ``.json`` file.

        Raises:
            SpecError: If there is no such file, or it is not a reward spec.
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
            SpecError: If the name does not end in ``.json``.
        """
        path = Path(path)
        if path.suffix != ".json":
            raise SpecError(f"a reward spec is written as JSON, to a file that ends in .json; got {path}.")
        said = self.to_dict()
        if "file" in said.get("uncertainty", {}):  # beside the spec: both can be moved together
            said["uncertainty"]["file"] = os.path.relpath(said["uncertainty"]["file"], path.parent)
        with whole_file(path) as unfinished:
            unfinished.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")

    def hash(self) -> str:
        """Return 16 hex digits that are the same wherever and whenever the same reward is written down.

        What has its default is left out, so that a field which is added later changes no hash of today; 2 and 2.0 are
        the same number.
        """
        said = _with_floats(self.to_dict())
        if "uncertainty" in said:  # its digest says which, wherever it lies
            said["uncertainty"] = _without(said["uncertainty"], "file")
        canonical = json.dumps(said, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _with_floats(value: Any) -> Any:
    """The value with every whole number as a float, as which JSON writes it the same."""
    if isinstance(value, dict):
        return {key: _with_floats(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_with_floats(entry) for entry in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _without(table: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name != key}
