"""`ScoreSpec`: what decides the score of an embedding, as a record."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from vlmrm.errors import PromptError, SpecError
from vlmrm.prompts import PromptSet
from vlmrm.rewards.heads import HEADS
from vlmrm.rewards.protocols import HeadOptions
from vlmrm.rewards.score import require_range
from vlmrm.rewards.transforms import ORDER
from vlmrm.rewards.transforms.few_shot import FewShotOptions, read_few_shot, write_few_shot
from vlmrm.rewards.transforms.options import TransformOptions
from vlmrm.rewards.transforms.scaling import ScalingOptions
from vlmrm.rewards.transforms.threshold import ThresholdOptions
from vlmrm.tables import OrNone, OrTable, read_fields, read_table, write_table

Spec = TypeVar("Spec", bound="ScoreSpec")


def _keep(value: Any, path: str) -> Any:
    """Return the table of the head's options, which is read when the head is known."""
    if not isinstance(value, Mapping):
        raise SpecError(f"{path} must be a table of keys and values; got {value!r}.")
    return value


def _read_prompts(values: Any, path: str) -> PromptSet:
    if isinstance(values, str):
        return PromptSet(values)
    if not isinstance(values, Mapping):
        raise PromptError(
            f"{path} is a goal sentence, or a PromptSet with goal, baseline and negatives; got {values!r}."
        )
    return read_table(PromptSet, values, where=path, error=PromptError)


@dataclass(frozen=True, kw_only=True)
class ScoreSpec:
    """What decides the score of an embedding: of a whole reward, and of a part of an ensemble.

    A head's options and the other records may be given as tables; the spec holds the records.
    """

    tables: ClassVar[Sequence[str]] = ORDER
    """Words whose tables say nothing where they are empty."""
    prompts: OrTable[PromptSet] | None = field(default=None, metadata={"read": _read_prompts})
    """Goal, baseline and negative sentences. None: only pairs of pictures and texts can be scored."""
    alpha: OrNone[int | float] = field(default=None)  # type: ignore[assignment]  # a number from __post_init__ on
    """Share of the goal-baseline projection, 0 (cosine) to 1; only of the heads that project. Left out: 0.5, and 0
    where there is no baseline to project from; a part of an ensemble looks at the sentences of the whole."""
    head: str = "projection"
    """Name of the head, one of `vlmrm.rewards.heads.HEADS`: how embeddings become scores."""
    options: OrNone[OrTable[HeadOptions]] = field(default=None, hash=False, metadata={"read": _keep})  # type: ignore[assignment]
    """Options of the head. Left out: its defaults."""
    few_shot: OrTable[FewShotOptions] | None = field(
        default=None, hash=False, metadata={"read": read_few_shot, "write": write_few_shot}
    )
    """Labelled frames that correct the score, as `vlmrm.fitting.fit` writes them. None: the sentences alone."""
    scaling: OrTable[ScalingOptions] | None = field(default=None, hash=False)
    """``subtract``, ``divide``, ``lowest`` and ``highest`` for the score. None: the score as it is."""
    threshold: int | float | None = None
    """Score above which the reward is 1, else 0. None: the score itself."""

    def __post_init__(self) -> None:
        for word in self.tables:
            if getattr(self, word, None) == {}:
                self._set(**{word: None})  # an empty table says nothing
        read_fields(self)
        kind = HEADS.named(self.head)
        if not isinstance(self.options, kind):
            self._set(options=read_table(kind, self._own_options(), where="options"))
        if self.scaling is not None and not write_table(self.scaling):
            self._set(scaling=None)  # at its defaults it changes nothing
        if self.alpha is None:
            self._set(alpha=self.usual_alpha())
        elif not 0 <= self.alpha <= 1:
            raise SpecError(f"alpha must lie in 0 to 1; got {self.alpha!r}. 0 is the plain cosine, 1 the projection.")
        else:
            self._set(alpha=float(self.alpha))

    def usual_alpha(self) -> float | None:
        """Return the alpha that is meant where none is given; None: it is not known yet."""
        alone = self.options.projects and (self.prompts is None or not self.prompts.baseline)
        return 0.0 if alone else 0.5

    def _own_options(self) -> Any:
        """The table of the options; `dataclasses.replace` of the head alone leaves the record of the old one."""
        if self.options is None or isinstance(self.options, Mapping):
            return self.options or {}
        if write_table(self.options):
            raise SpecError(
                f"options are those of another head than {self.head!r}: {self.options!r}. Give this head's own, or "
                "options=None for its defaults."
            )
        return {}

    def transforms(self) -> dict[str, TransformOptions]:
        """Return what becomes of the score of a frame, by its word in the spec, in order."""
        found = {word: getattr(self, word, None) for word in ORDER if word != "threshold"}
        if self.threshold is not None:
            found["threshold"] = ThresholdOptions(threshold=float(self.threshold))
        return {word: options for word, options in found.items() if options is not None}

    @property
    def asks_a_model(self) -> bool:
        """Whether a model beside the encoder is asked about frames, at full size."""
        return any(options.asks_a_model for options in self.transforms().values())

    def for_other_scores(self: Spec) -> Spec:
        """Return the spec without what names a score, as a threshold does, and says nothing on another scale."""
        return self._without(word for word, options in self.transforms().items() if options.names_a_score)

    def for_pictures(self: Spec) -> Spec:
        """Return the spec without what is about the goal sentences, in whose place pictures come."""
        return self._without(word for word, options in self.transforms().items() if options.of_sentences)

    def copied_to(self: Spec, folder: Path) -> Spec:
        """Return the spec with a copy in a folder of what it reads from a file; an encoder stays where it is."""
        transforms = self.transforms()
        copies = {word: options.copied_to(folder) for word, options in transforms.items()}
        changed: dict[str, Any] = {word: copy for word, copy in copies.items() if copy is not transforms[word]}
        return replace(self, **changed)

    def words(self) -> set[str]:
        """Return the words that the spec says, and with a colon which kind of each: "head:softmax", "scaling"."""
        kinds = {f"{word}:{options.kind}" for word, options in self.transforms().items() if options.kind}
        return {f"head:{self.head}", *self.transforms(), *kinds}

    def records(self) -> dict[str, Any]:
        """Return the records of the words that the spec says."""
        return {"head": self.options, **self.transforms()}

    def check_words(self) -> None:
        """Refuse words that do not go together, or do not fit the sentences.

        Raises:
            SpecError: If two words exclude each other; the message has the reason.
            PromptError: If the sentences do not fit the head.
        """
        words = self.words()
        for word, record in self.records().items():
            for other, reason in record.refuses.items():
                if other in words:
                    raise SpecError(f"{word} and {other.replace(':', ' ')} do not go together: {reason}.")
            record.check(self)
        require_range(self)

    @property
    def reads_goal(self) -> bool:
        """Whether the goal sentences decide the scores."""
        return self.options.reads_goal() and all(options.reads_goal for options in self.transforms().values())

    @property
    def pictures_in_frame(self) -> int:
        """How many pictures lie side by side in each frame."""
        return max((options.pictures_in_frame for options in self.transforms().values()), default=1)

    def require_prompts(self) -> PromptSet:
        """Return the sentences.

        Raises:
            SpecError: If there are none, as of a spec that only scores pairs.
        """
        if self.prompts is None:
            raise SpecError("this needs the sentences of a reward, and the spec has none (prompts is None).")
        return self.prompts

    def _without(self: Spec, words: Iterable[str]) -> Spec:
        dropped: dict[str, Any] = dict.fromkeys(words)
        return replace(self, **dropped)

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)
