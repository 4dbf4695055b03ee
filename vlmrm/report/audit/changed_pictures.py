"""Does what the reward pays stay, where what a picture shows stays? Blur, noise, light, colour, cover, crop and turn.

What is changed leaves the label as it was, so that the reward should still tell the goal, and no change should make of
another frame one that is paid like the goal. A probe holds several changes; the one that costs most decides. It fails
only where changed pictures are also paid like the goal: a simulator's camera never blurs, and a reward that then pays
less of everything fools nobody.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
from jaxtyping import Float

from vlmrm.data.labelled import LabelledFrames
from vlmrm.metrics import auroc
from vlmrm.report.audit.audited import Audited
from vlmrm.report.audit.estimating import difference_on, highest_first
from vlmrm.report.audit.needs import TELLS_GOAL
from vlmrm.report.audit.picture_changes import ChangeFrames, brighten, corruption, crop, mirror, shift, tint
from vlmrm.report.audit.probe import FAIL, WARN, Exhibit, Finding, Limits, Probe
from vlmrm.report.audit.sentences import says_side
from vlmrm.report.words import percent
from vlmrm.types import Frames

LIMITS = Limits(passes=0.1, fails=0.4, only="where a quarter of the other frames is then paid like the goal")
"""A loss of 0.4 leaves a perfect reward near chance; up to 0.1 pictures still rank as they did."""
_SHOWN, _FOOLED = 6, 0.25


def _run(audited: Audited, changes: Mapping[str, ChangeFrames]) -> Finding:
    labels = audited.labels.take(audited.some)
    before = audited.scores[audited.some]
    found = []
    for name, change in changes.items():
        changed = audited.changed(change, labels.frames)
        after = audited.score(changed)
        found.append((difference_on(auroc, before, after, labels), name, changed, after))
    effect, name, changed, after = max(found, key=lambda one: one[0].value)
    paid = float((after[~labels.in_goal] >= np.median(before[labels.in_goal])).mean())
    each = ", ".join(f"{other} {one.value:+.3f}" for one, other, _, _ in found)
    lost = "Most AUROC is lost" if effect.value > 0 else "No AUROC is lost, not even"
    says = (
        f"{lost} by {name}: {effect} (all: {each}). It makes {percent(paid)} of the other frames paid like the median "
        "goal frame, or more."
    )
    exhibits = _exhibits(labels, changed, before, after)
    return Finding.judged(LIMITS, effect, says, exhibits=exhibits, worst=FAIL if paid >= _FOOLED else WARN)


def _exhibits(
    labels: LabelledFrames, changed: Frames, before: Float[np.ndarray, " n"], after: Float[np.ndarray, " n"]
) -> list[Exhibit]:
    """Other frames that are paid most once they are changed, and goal frames that then lose most."""
    half = _SHOWN // 2
    rows = [*highest_first(after, ~labels.in_goal, half), *highest_first(before - after, labels.in_goal, half)]
    return [
        Exhibit(
            text=labels.names[row],
            says=f"{'goal' if labels.in_goal[row] else 'not the goal'}: {before[row]:.3f} before, {after[row]:.3f} now",
            picture=changed[row].numpy(),
        )
        for row in rows
    ]


def _run_mirror(audited: Audited) -> Finding:
    if not audited.goals:
        return Finding.left_out("the reward has no sentence, so nobody knows whether a mirrored goal is still one.")
    sided = next((goal for goal in audited.goals if says_side(goal)), None)
    if sided is not None:
        return Finding.left_out(f"a mirrored picture no longer shows “{sided}”, which names a side.")
    return _run(audited, {"a mirror": mirror})


def _probe(name: str, question: str, changes: Mapping[str, ChangeFrames]) -> Probe:
    return Probe(
        name=name,
        family="pictures",
        question=question,
        measures="AUROC that the change costs (0: none; of several changes, the one that costs most)",
        limits=LIMITS,
        needs=(TELLS_GOAL,),
        run=partial(_run, changes=changes),
    )


SHARPNESS = _probe(
    "sharpness",
    "Does it bear blur, noise and compression?",
    {
        "blur": corruption("blur"),
        "noise": corruption("noise"),
        "JPEG": corruption("jpeg"),
        "coarse pixels": corruption("pixelate"),
    },
)
"""Blur, noise and compression."""
LIGHT = _probe(
    "light",
    "Does it bear other light and colours?",
    {
        "half the light": partial(brighten, factor=0.5),
        "more light": partial(brighten, factor=1.4),
        "less contrast": corruption("contrast", 2),
        "fog": corruption("fog", 2),
        "a warm tint": partial(tint, gains=(1.15, 1.0, 0.75)),
        "a cold tint": partial(tint, gains=(0.75, 1.0, 1.15)),
    },
)
"""Brightness, contrast and colours."""
# Shifts and crops are small: what stands at the edge of the picture in the goal, as a flag may, must stay in it.
CAMERA = _probe(
    "camera_shift",
    "Does it bear a camera that is moved a little?",
    {
        "a turn by 10 degrees": corruption("rotate", 2),
        "a shift to the right": partial(shift, share=0.04),
        "a shift to the left": partial(shift, share=-0.04),
        "a camera farther off": corruption("zoom_out", 1),
        "a camera nearer by": partial(crop, kept=0.92),
    },
)
"""Small turns, shifts and other distances."""
COVER = _probe("occlusion", "Does it bear a part that is hidden?", {"a hidden part": corruption("occlude", 2)})
"""A grey square before a part of the picture."""
TEXTURE = _probe("texture", "Does it bear a pattern over everything?", {"a pattern": corruption("texture", 2)})
"""A coloured pattern that shows through everything."""
MIRROR = Probe(
    name="mirror",
    family="pictures",
    question="Is a mirrored goal still a goal to it?",
    measures="AUROC that the mirror costs (0: none)",
    limits=LIMITS,
    needs=(TELLS_GOAL,),
    run=_run_mirror,
)
"""Left and right exchanged, where no sentence names a side."""
