"""`RewardSpec`: a reward as a small record that can be written down, compared and built again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from vlmrm.encoders.ensemble import ensemble_members
from vlmrm.errors import SpecError
from vlmrm.frames.preprocessing import RESIZE_MODES
from vlmrm.rendering.camera import RenderQuality
from vlmrm.rewards.features.cameras import CamerasOptions
from vlmrm.rewards.features.views import ViewsOptions
from vlmrm.rewards.former_specs import refuse_former_spec
from vlmrm.rewards.over_time import OVER_TIME, read_over_time, write_over_time
from vlmrm.rewards.protocols import TimeOptions
from vlmrm.rewards.score_spec import ScoreSpec
from vlmrm.rewards.spec_files import hash_of, read_spec_file, write_spec_file
from vlmrm.rewards.transforms import ORDER
from vlmrm.rewards.transforms.judge import JudgeOptions
from vlmrm.rewards.transforms.options import TransformOptions
from vlmrm.rewards.transforms.uncertainty import UncertaintyOptions, read_uncertainty
from vlmrm.tables import OrTable, read_table, write_table
from vlmrm.values import require_choice

_READ = ("views", "cameras")  # words that say how a frame is read, in the order in which they apply


@dataclass(frozen=True, kw_only=True)
class RewardSpec(ScoreSpec):
    """Everything that decides the numbers of a reward.

    Raises:
        SpecError: If a word is unknown, a value impossible, or words do not go together.
        PromptError: If the sentences make no reward.

    Example:
        >>> said = {"encoder": "sim-s", "prompts": {"goal": "a red car"}, "scaling": {"divide": 0.5}}
        >>> spec = RewardSpec.from_dict(said)
        >>> spec.scaling.divide, RewardSpec.from_dict(spec.to_dict()) == spec
        (0.5, True)
    """

    tables: ClassVar[Sequence[str]] = (*_READ, *ORDER, "over_time")
    encoder: str
    """Name of the encoder: a built-in model, ``name/pretrained-tag`` of OpenCLIP, ``hf-hub:owner/name``, or
    ``local-dir:path``."""
    views: OrTable[ViewsOptions] | None = field(default=None, hash=False)
    """``scales`` and ``positions`` of crops whose mean is scored. None: the frame as it is."""
    cameras: OrTable[CamerasOptions] | None = field(default=None, hash=False)
    """``names`` of the cameras whose pictures lie side by side in a frame, and how their scores ``join``: ``mean``,
    perhaps with ``weights``, or ``lowest``; ``prompts`` are those of single cameras. None: a frame is one picture."""
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
    with ``length``, ``milestones``, or ``clip`` of a video encoder. None: a step is worth its later frame."""
    resize_mode: str | None = None
    """``shortest`` crops, ``longest`` pads, ``squash`` distorts. None: as the model was trained."""
    render_quality: str | None = None
    """Quality of the MuJoCo pictures that the reward is meant for, ``full`` or ``fast``. None: the environment's."""

    def __post_init__(self) -> None:
        if not isinstance(self.encoder, str):
            raise SpecError(f"encoder is a name; got {self.encoder!r}.")
        super().__post_init__()
        if self.resize_mode is not None:
            require_choice("resize_mode", self.resize_mode, RESIZE_MODES)
        if self.render_quality is not None:
            RenderQuality.named(self.render_quality)
        self.check_words()

    def transforms(self) -> dict[str, TransformOptions]:
        """Return the crops and cameras, and what becomes of the score of a frame, by its word in the spec, in order."""
        return {word: said for word in _READ if (said := getattr(self, word)) is not None} | super().transforms()

    def words(self) -> set[str]:
        """Return the words that the spec says, and with a colon which kind of each."""
        if self.over_time is None:
            return super().words()
        return super().words() | {"over_time", f"over_time:{OVER_TIME.name_of(type(self.over_time))}"}

    def records(self) -> dict[str, Any]:
        """Return the records of the words that the spec says."""
        return super().records() | ({} if self.over_time is None else {"over_time": self.over_time})

    @property
    def compares_alphas(self) -> bool:
        """Whether several alphas can be scored at once: a plain projection, frame by frame."""
        return not self.words() - {"head:projection", "views"}

    @property
    def says_goal_reached(self) -> bool:
        """Whether the reward says by itself that the goal is reached."""
        return self.threshold is not None if self.over_time is None else self.over_time.says_goal_reached

    def before(self, word: str) -> "RewardSpec":
        """Return the spec without a transform and those that follow it.

        Args:
            word: One of `vlmrm.rewards.transforms.ORDER`.

        Example:
            >>> said = {"encoder": "sim-s", "prompts": {"goal": "a car"}, "scaling": {"divide": 2}, "threshold": 0.1}
            >>> spec = RewardSpec.from_dict(said)
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
        said = {"encoder": encoder} | ({} if goal is None else {"prompts": {"goal": goal}})
        cosine = {"alpha": 0.0, "scaling": {"divide": 0.4, "lowest": 0.0}}
        parts = [{"weight": weight, "member": name, **cosine} for name, weight in ensemble_members(encoder).items()]
        return cls.from_dict({**said, **({"head": "ensemble", "options": {"parts": parts}} if parts else cosine)})

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
        refuse_former_spec(values, where)
        return read_table(cls, values, where=where)

    @classmethod
    def load(cls, path: str | Path) -> "RewardSpec":
        """Read a spec from a ``.toml`` or ``.json`` file.

        Raises:
            SpecError: If there is no such file, or it is not a reward spec.
        """
        return cls.from_dict(read_spec_file(path))

    def save(self, path: str | Path) -> None:
        """Write the spec to a ``.json`` file that `load` reads; a crash leaves no half of one.

        Raises:
            SpecError: If the name does not end in ``.json``.
        """
        write_spec_file(self.to_dict(), path)

    def hash(self) -> str:
        """Return 16 hex digits that are the same wherever and whenever the same reward is written down.

        What has its default is left out, so that a field which is added later changes no hash of today; 2 and 2.0 are
        the same number.
        """
        return hash_of(self.to_dict())
