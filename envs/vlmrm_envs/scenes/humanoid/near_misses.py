"""What is said of a humanoid that nearly kneels: for a model that is to tell an agent's last mistakes apart.

`HUMANOID_CONCEPTS` call a kneel with its torso leant by 37 degrees, or with one knee 16 cm up, three quarters true.
That suits a model of all poses; an agent that is paid for it stays there. Here kneeling is narrower, and what nearly
kneels has sentences of its own. None of them is true exactly where a task's success begins or ends.
"""

from dataclasses import replace

from vlmrm_envs.concepts import Concept, conjunction, inside
from vlmrm_envs.scenes.humanoid.concepts import HUMANOID_CONCEPTS

_KNEES_DOWN = inside(higher_knee_m=(0, 0.1, 0.03), least_knee_bend_deg=(65, 180, 12))
_HIPS_UP = inside(pelvis_above_knees_m=(0.1, 0.6, 0.04))
_ON_KNEES = conjunction(_KNEES_DOWN, _HIPS_UP, inside(feet_front_m=(-1, 0.0, 0.06)))
_KNEELS = conjunction(_ON_KNEES, inside(torso_tilt_deg=(0, 20, 7)))
_BACKWARDS, _FORWARDS = inside(facing_up=(0.4, 1, 0.15)), inside(facing_up=(-1, -0.4, 0.15))
_SLANTS = conjunction(_ON_KNEES, inside(torso_tilt_deg=(38, 60, 6)))
_ONE_KNEE_UP = inside(
    lower_knee_m=(0, 0.1, 0.03), higher_knee_m=(0.17, 0.4, 0.03), pelvis_above_knees_m=(-0.1, 0.5, 0.1)
)

_NARROWER = {
    "is on both knees": _KNEELS,
    "sits back on its heels": conjunction(_KNEELS, inside(pelvis_height_m=(0, 0.32, 0.04))),
    "leans back on its knees": conjunction(_SLANTS, _BACKWARDS),
    "bends forwards on its knees": conjunction(_SLANTS, _FORWARDS),
}

_NEAR_MISSES = (
    Concept(
        ("is on its knees at a slant", "kneels crookedly, its torso far from upright", "kneels without a straight back",
         "kneels, but its trunk is tilted", "is on both knees with a slanted torso"),
        _SLANTS,
    ),
    Concept(
        ("kneels with its torso falling backwards", "is on its knees and tips over backwards",
         "kneels with its chest towards the sky"),
        conjunction(_SLANTS, _BACKWARDS),
    ),
    Concept(
        ("kneels with its torso falling forwards", "is on its knees and tips over forwards",
         "kneels with its chest towards the floor"),
        conjunction(_SLANTS, _FORWARDS),
    ),
    Concept(
        ("has one knee still off the floor", "has only one of its knees on the floor", "has one knee down and one up",
         "rests on a single knee", "has put down one knee and not the other"),
        _ONE_KNEE_UP,
    ),
    Concept(
        ("is not yet on its knees, they hover over the floor", "goes down, both knees still in the air",
         "has both knees a little above the floor"),
        inside(lower_knee_m=(0.15, 0.35, 0.04), least_knee_bend_deg=(65, 180, 15), torso_tilt_deg=(0, 50, 10)),
    ),
    Concept(
        ("has its knees on the floor and its back vertical", "is on its knees, as straight as a candle"),
        conjunction(_ON_KNEES, inside(torso_tilt_deg=(0, 8, 6))),
    ),
    Concept(
        ("has its hips between its knees on the floor", "sits on the floor with its shins beside it",
         "has sunk down between its heels"),
        conjunction(_KNEES_DOWN, inside(pelvis_above_knees_m=(-0.2, 0.04, 0.03), torso_tilt_deg=(0, 45, 12))),
    ),
    Concept(
        ("has its feet in front of it, knees down", "is on its knees with its feet ahead of its hips"),
        conjunction(_KNEES_DOWN, inside(feet_front_m=(0.12, 1, 0.05))),
    ),
)  # fmt: skip


def narrower(concept: Concept) -> Concept:
    """The concept as it is true of fewer states; itself where it is about no kneeling."""
    return replace(concept, log_truth=_NARROWER.get(concept.phrases[0], concept.log_truth))


NEAR_MISS_CONCEPTS = (*map(narrower, HUMANOID_CONCEPTS), *_NEAR_MISSES)
"""Everything that is said of the humanoid, and of what nearly kneels."""
