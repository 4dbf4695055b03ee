"""`find_concepts`: the frames' embeddings taken apart, and what each part does to a reward."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from vlmrm.data.labelled import FrameSource
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.registry import load_encoder
from vlmrm.errors import SpecError, VlmrmError, VlmrmWarning
from vlmrm.report.audit.audited import Audited, gather
from vlmrm.report.concepts.autoencoder import AutoencoderOptions, train_autoencoder
from vlmrm.report.concepts.concepts import Concepts
from vlmrm.report.concepts.measuring import Parts, measure_concepts, score_rows
from vlmrm.report.concepts.sentences import require_sentences, usual_sentences
from vlmrm.report.evaluation import AnyFrames, for_readers, source_of
from vlmrm.report.scorers import NONSENSE, AnyReward, Encoders, scorer_of
from vlmrm.report.second_models import SECOND_MODELS
from vlmrm.types import Embeddings

_ROUNDING = 1e-4  # by which scores of the same embeddings in other batches may differ


def find_concepts(
    reward: AnyReward,
    frames: AnyFrames,
    *,
    options: AutoencoderOptions | None = None,
    sentences: Sequence[str] = (),
    second: Encoder | str | None = None,
) -> Concepts:
    """Find what raises and what lowers a reward: directions that many of the frames' embeddings share.

    Args:
        reward: A spec, the name of its file, or a `RewardModel`, whose score is made of one embedding per frame.
        frames: Labelled frames: a source of `vlmrm.data`, frames in memory, or a task or its name, whose states are
            then drawn; at least 4 for each latent. Of many, 1,000 of each label are looked at.
        options: How embeddings are taken apart. None: as usual.
        sentences: Sentences that may name concepts. None given: those of the reward, and of all installed tasks.
        second: Encoder, or its name, by which frames look alike or do not. None: a second built-in one of the same
            scenes where there is one, else the reward's own.

    Raises:
        SpecError: The score is not made of one embedding per frame or is the same for all frames, there are fewer than
            two sentences, or all frames are in the goal or none is.
        FrameError: There are too few frames, they have one embedding, or they cannot be read.

    Example:
        >>> from vlmrm.data import frames_of_task
        >>> from vlmrm.tasks import find_task
        >>> task = find_task("cartpole/upright")
        >>> found = find_concepts(task.reward, frames_of_task(task, 80), options=AutoencoderOptions(latents=8))
        >>> found.raising[0].goal_share
        1.0
    """
    options, source = options or AutoencoderOptions(), source_of(frames)
    if sentences:
        require_sentences(sentences, "sentences")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", VlmrmWarning)
        audited = _gathered(reward, source)
        embeddings = audited.seen.embeddings.detach()
        found = train_autoencoder(embeddings, options)
        drawn = np.random.default_rng(options.seed).integers(len(embeddings), size=len(embeddings))
        again = train_autoencoder(embeddings[drawn], replace(options, seed=options.seed + 1))
        texts, remarks = _texts(audited, sentences or usual_sentences(audited))
        judge, looks = _second(audited, second)
    spec = audited.reward.spec
    if spec is not None and spec.over_time is not None:
        remarks.append("The reward looks back; effects are those on the score of each frame by itself.")
    parts = Parts(audited=audited, found=found, again=again, texts=texts, judge=judge, looks=looks)
    return measure_concepts(parts, source.name, options, [*remarks, *for_readers(caught)])


def _gathered(reward: AnyReward, source: FrameSource) -> Audited:
    """Frames, embeddings and scores, of a reward whose score is made of one embedding per frame."""
    scorer = scorer_of(reward, Encoders())
    if scorer.reward is None:
        raise SpecError(f"{scorer.name} is a table of scores, which has no embeddings. Give the reward itself.")
    audited = gather(scorer, source)
    seen, name = audited.seen, audited.reward.name
    spec = audited.reward.spec
    why = None
    if not seen.embeddings.shape[1]:
        why = "has no embeddings of single frames"
    elif seen.extra:
        why = f"also reads {', '.join(seen.extra)} of each frame"
    elif spec is not None and spec.pictures_in_frame > 1:
        why = "reads several pictures in each frame"
    elif not np.allclose(score_rows(audited)(seen.embeddings), audited.scores, atol=_ROUNDING):
        why = "gives an embedding another score than its frame"
    if why is not None:
        raise SpecError(f"concepts are parts of the one embedding that a score is made of, and {name} {why}.")
    if np.ptp(audited.scores) == 0:
        raise SpecError(f"{name} gives all {len(seen)} frames the same score, so nothing raises it.")
    return audited


def _texts(audited: Audited, sentences: Sequence[str]) -> tuple[Mapping[str, Float[Tensor, " d"]], list[str]]:
    """Embeddings of the sentences and of some about something else; none, and why, where texts are not embedded."""
    every = list(dict.fromkeys([*sentences, *NONSENSE]))
    try:
        rows = audited.scorer.embed_texts(every)
    except (VlmrmError, NotImplementedError) as error:
        return {}, [f"Concepts have no names, as sentences could not be embedded: {error}"]
    if rows is None:
        return {}, [
            f"Concepts have no names: {audited.reward.name} embeds no sentences that they could be compared with."
        ]
    return dict(zip(every, rows.detach(), strict=True)), []


def _second(audited: Audited, second: Encoder | str | None) -> tuple[str, Embeddings]:
    """Name and embeddings of the encoder that says which frames look alike."""
    spec = audited.reward.spec
    asked = second or (None if spec is None else SECOND_MODELS.get(spec.encoder))
    if asked is None:
        return audited.reward.name, audited.seen.embeddings
    encoder = load_encoder(asked) if isinstance(asked, str) else asked
    return encoder.name, encoder.embed_frames(audited.labels.frames)
