"""What can be said of the humanoid: how it stands, what its arms do, how it kneels, sits and lies."""

from vlmrm_envs.concepts import Concept, conjunction, inside, negation

_TALL = inside(
    torso_tilt_deg=(0, 15, 12), pelvis_height_m=(0.78, 1.0, 0.08), most_knee_bend_deg=(-10, 25, 15)
)  # fmt: skip
_BOTH_FEET = inside(higher_foot_m=(0, 0.13, 0.06))
_STANDS = conjunction(_TALL, _BOTH_FEET)
_LEANS = inside(torso_tilt_deg=(25, 55, 8), pelvis_height_m=(0.6, 1.0, 0.1), most_knee_bend_deg=(-10, 30, 15))
_ON_THE_FLOOR = (-0.1, 0.05, 0.03)  # of a seat
_SITS = inside(torso_tilt_deg=(0, 25, 15), seat_height_m=_ON_THE_FLOOR)
_RAISED = inside(hands_above_head_m=(0.12, 1, 0.12), lowest_hand_z_m=(0.3, 1, 0.1))
_ONE_RAISED = inside(highest_hand_z_m=(0.35, 1, 0.1), lowest_hand_z_m=(-1, 0.0, 0.15))
_ON_HIPS = inside(
    hand_to_waist_m=(0, 0.15, 0.08), least_elbow_bend_deg=(50, 180, 20), elbow_out_m=(0.2, 1, 0.06)
)  # fmt: skip
_ONE_ON_HIP = conjunction(inside(near_hand_to_waist_m=(0, 0.12, 0.06)), negation(_ON_HIPS))
_CROSSED = inside(
    hands_crossed_m=(0.12, 1, 0.1), hands_front_m=(0.15, 1, 0.1), lowest_hand_z_m=(-0.35, 0.08, 0.1),
    highest_hand_z_m=(-0.35, 0.08, 0.06), least_elbow_bend_deg=(40, 180, 15),
)  # fmt: skip
_BEFORE_CHEST = inside(
    hands_crossed_m=(-0.4, 0.0, 0.06), hands_front_m=(0.25, 0.47, 0.06), lowest_hand_z_m=(-0.25, 0.2, 0.1),
    least_elbow_bend_deg=(40, 180, 15),
)  # fmt: skip
_SIDEWAYS = inside(hands_crossed_m=(-2, -1.25, 0.15), lowest_hand_z_m=(-0.15, 0.3, 0.1))
_FORWARD = inside(
    hands_front_m=(0.48, 1, 0.08), hands_crossed_m=(-0.8, 0.1, 0.15), lowest_hand_z_m=(-0.25, 0.35, 0.1),
    most_elbow_bend_deg=(-10, 30, 12),
)  # fmt: skip
_DOWN = inside(highest_hand_z_m=(-1, -0.42, 0.08), most_elbow_bend_deg=(-10, 30, 20))
_ON_KNEES = inside(
    higher_knee_m=(0, 0.12, 0.06), least_knee_bend_deg=(65, 180, 20), pelvis_above_knees_m=(0.09, 0.6, 0.06)
)  # fmt: skip
_KNEELS = conjunction(_ON_KNEES, inside(torso_tilt_deg=(0, 30, 10), feet_front_m=(-1, 0.0, 0.1)))
_LOTUS = inside(
    torso_tilt_deg=(0, 25, 15), seat_height_m=_ON_THE_FLOOR, least_knee_bend_deg=(95, 180, 20),
    knees_apart_m=(0.5, 1.5, 0.1), far_foot_m=(0, 0.47, 0.08), feet_front_m=(0.03, 1, 0.06),
)  # fmt: skip
_STRADDLES = inside(
    torso_tilt_deg=(0, 35, 15), seat_height_m=_ON_THE_FLOOR, legs_apart_deg=(95, 180, 12),
    feet_sideways=(0.85, 1, 0.15), most_knee_bend_deg=(-10, 30, 15),
)  # fmt: skip
_ONE_LEG = inside(
    torso_tilt_deg=(0, 20, 12), pelvis_height_m=(0.76, 1.0, 0.08), lower_foot_m=(0, 0.09, 0.03),
    higher_foot_m=(0.25, 1.5, 0.06),
)  # fmt: skip
_SQUATS = inside(
    torso_tilt_deg=(0, 45, 15), seat_height_m=(0.12, 0.56, 0.03), least_knee_bend_deg=(75, 180, 15),
    higher_foot_m=(0, 0.2, 0.06), lower_knee_m=(0.2, 0.6, 0.06),
)  # fmt: skip
_WIDE_SQUAT = conjunction(_SQUATS, inside(knees_apart_m=(0.5, 1.5, 0.1)))
_ON_ITS_HEELS = conjunction(_KNEELS, inside(pelvis_height_m=(0, 0.32, 0.06)))
_FLAT = inside(torso_tilt_deg=(70, 110, 10), pelvis_height_m=(0, 0.3, 0.08))
_BACK, _FRONT, _SIDE = (
    conjunction(_FLAT, inside(facing_up=bounds)) for bounds in ((0.7, 1, 0.2), (-1, -0.7, 0.2), (-0.4, 0.4, 0.2))
)

_STANDING = (
    Concept(
        ("stands on both feet", "is standing", "stands upright", "is upright on its two legs", "has stood up",
         "stands tall with straight legs", "is on its feet, standing straight", "stands up straight"),
        _STANDS,
    ),
    Concept(
        ("stands on a single foot", "balances on one foot", "lifts one foot high off the floor", "has one leg up",
         "is balancing on one leg", "keeps one foot in the air", "stands with one leg raised", "is on one leg"),
        _ONE_LEG,
    ),
    Concept(
        ("stands with its feet wide apart", "straddles, standing", "stands with spread legs"),
        conjunction(inside(legs_apart_deg=(35, 70, 8), feet_sideways=(0.9, 1, 0.1), torso_tilt_deg=(0, 20, 12)),
             inside(pelvis_height_m=(0.7, 1.0, 0.08)), _BOTH_FEET),
    ),
    Concept(
        ("takes a step", "strides forwards", "is walking"),
        conjunction(inside(legs_apart_deg=(25, 60, 8), feet_sideways=(0, 0.5, 0.15), torso_tilt_deg=(0, 20, 12)),
             inside(pelvis_height_m=(0.7, 1.0, 0.08), higher_foot_m=(0, 0.22, 0.05))),
    ),
    Concept(
        ("jumps", "is in the air", "has left the floor with both feet", "hovers above the floor"),
        inside(lower_foot_m=(0.2, 2, 0.05), pelvis_height_m=(0.9, 2, 0.1)),
    ),
    Concept(
        ("leans forwards", "is tilted forwards"), conjunction(_LEANS, inside(facing_up=(-1, -0.35, 0.15))),
    ),
    Concept(("is about to fall", "stands at a slant"), _LEANS),
    Concept(
        ("bows", "bends over", "takes a bow with straight legs", "bends down from the hips"),
        inside(torso_tilt_deg=(50, 100, 10), facing_up=(-1, -0.7, 0.15), pelvis_height_m=(0.7, 1.0, 0.08),
               most_knee_bend_deg=(-10, 30, 15)),
    ),
)  # fmt: skip
_ARMS_WHILE_STANDING = {
    ("stands with both hands above its head", "holds its two arms up", "reaches up with both hands",
     "lifts both arms over its head", "has raised arms, both of them", "raises both hands high"): _RAISED,
    ("raises a single arm", "lifts one hand over its head", "waves with one raised arm"): _ONE_RAISED,
    ("holds its arms out sideways", "makes a T with its arms", "spreads its arms wide"): _SIDEWAYS,
    ("stretches its arms forwards", "reaches out in front of it", "points ahead with both hands"): _FORWARD,
    ("lets its arms hang", "has its arms down by its sides", "stands with hanging arms"): _DOWN,
    ("rests its hands at the waist", "has both hands on its waist", "puts its elbows out, hands on its sides",
     "puts both hands to its hips", "keeps its hands on the hips", "stands akimbo"): _ON_HIPS,
    ("has one hand on its hip", "puts a single hand to its waist"): _ONE_ON_HIP,
    ("folds its arms over its chest", "has folded arms", "crosses its arms before the chest",
     "stands with crossed arms", "keeps its arms crossed"): _CROSSED,
    ("holds both hands before its chest", "keeps its bent arms side by side in front"): _BEFORE_CHEST,
}  # fmt: skip
_ARMS_ANYHOW = {
    ("has both arms up",): _RAISED,
    ("has its arms crossed in front",): _CROSSED,
    ("has its hands at its waist",): _ON_HIPS,
}
_LOW = (
    Concept(
        ("is on both knees", "kneels on the floor", "rests on its knees with an upright back", "has knelt down",
         "is kneeling down on the ground", "kneels on both knees", "goes down on its knees", "kneels upright"),
        _KNEELS,
    ),
    Concept(("sits back on its heels", "kneels, sitting on its heels"), _ON_ITS_HEELS),
    Concept(
        ("is on one knee", "kneels on one knee, the other foot on the floor", "proposes, one knee down"),
        inside(torso_tilt_deg=(0, 30, 15), lower_knee_m=(0, 0.1, 0.05), higher_knee_m=(0.3, 0.6, 0.06),
               pelvis_height_m=(0.35, 0.65, 0.06)),
    ),
    Concept(
        ("leans back on its knees", "is on both knees, tilted backwards", "kneels and falls over backwards"),
        conjunction(_ON_KNEES, inside(torso_tilt_deg=(42, 65, 8), facing_up=(0.5, 1, 0.2))),
    ),
    Concept(
        ("bends forwards on its knees", "is on both knees, bent over", "kneels and leans far forwards"),
        conjunction(_ON_KNEES, inside(torso_tilt_deg=(42, 66, 8), facing_up=(-1, -0.5, 0.2),
                                      lower_hand_m=(0.16, 2, 0.05))),
    ),
    Concept(
        ("squats with its knees wide", "crouches with spread knees", "hovers over the floor on wide bent legs"),
        _WIDE_SQUAT,
    ),
    Concept(("squats", "crouches", "sits on nothing with bent knees", "is in a deep squat"), _SQUATS),
    Concept(
        ("bends its knees a little", "is half way down to a squat", "stands with bent knees"),
        inside(torso_tilt_deg=(0, 35, 15), pelvis_height_m=(0.66, 0.8, 0.05), least_knee_bend_deg=(40, 95, 12),
               higher_foot_m=(0, 0.2, 0.06)),
    ),
    Concept(
        ("sits cross-legged", "meditates, sitting low", "sits with folded legs, knees apart", "is in a lotus seat",
         "is meditating like a monk", "is seated on the floor with its legs folded in",
         "is sitting down to meditate", "holds a yoga position, legs folded", "sits in meditation, lotus style"),
        _LOTUS,
    ),
    Concept(
        ("sits with its legs stretched out in front", "is seated on the ground, legs straight ahead"),
        conjunction(_SITS, inside(most_knee_bend_deg=(-10, 25, 15), legs_apart_deg=(0, 25, 10))),
    ),
    Concept(
        ("sits with its knees drawn up", "is seated with its knees at its chest"),
        inside(torso_tilt_deg=(0, 25, 15), seat_height_m=_ON_THE_FLOOR, lower_knee_m=(0.35, 0.6, 0.05),
               knees_apart_m=(0, 0.3, 0.08)),
    ),
    Concept(
        ("does a split to the sides", "has its legs spread wide on the floor", "sits in a straddle split",
         "stretches its legs out to either side", "is a gymnast in the splits",
         "is practicing a straddle on the floor", "is doing the side splits", "practices the side splits",
         "is doing gymnastics with its legs spread", "sits with straight legs far apart",
         "practices gymnastics, legs to both sides", "is doing the splits, one leg to each side"),
        _STRADDLES,
    ),
    Concept(
        ("sits with its legs a little apart",),
        conjunction(_SITS, inside(most_knee_bend_deg=(-10, 30, 15), legs_apart_deg=(30, 65, 8))),
    ),
    Concept(
        ("does a split from front to back", "has one leg stretched ahead and one behind"),
        inside(legs_apart_deg=(95, 180, 12), feet_sideways=(0, 0.5, 0.15), pelvis_height_m=(0, 0.65, 0.08),
               most_knee_bend_deg=(-10, 30, 15), torso_tilt_deg=(0, 60, 15)),
    ),
)  # fmt: skip
_LYING = (
    Concept(("lies on its back", "is flat on the back, face up"), _BACK),
    Concept(("lies on its front", "is face down on the floor"), _FRONT),
    Concept(("lies on its side",), _SIDE),
    Concept(("lies on the floor", "has fallen to the ground", "is a heap on the floor"),
            inside(head_height_m=(0, 0.4, 0.1), pelvis_height_m=(0, 0.35, 0.08), torso_tilt_deg=(55, 180, 12))),
    Concept(
        ("is on its hands and knees", "is on all fours", "crawls"),
        inside(torso_tilt_deg=(65, 110, 10), facing_up=(-1, -0.6, 0.2), pelvis_height_m=(0.33, 0.6, 0.06),
               higher_knee_m=(0, 0.15, 0.06), lower_hand_m=(0, 0.12, 0.06)),
    ),
    Concept(("is upside down", "stands on its head"), inside(torso_tilt_deg=(140, 180, 15))),
    Concept(("has an upright torso", "keeps its back straight and vertical"), inside(torso_tilt_deg=(0, 15, 10))),
    Concept(("has its head high up",), inside(head_height_m=(1.35, 2, 0.12))),
    Concept(("has its head close to the floor",), inside(head_height_m=(0, 0.35, 0.12))),
    Concept(("has its head at half its height",), inside(head_height_m=(0.65, 1.0, 0.1))),
)  # fmt: skip

HUMANOID_CONCEPTS = (
    *_STANDING,
    *(Concept(phrases, conjunction(_STANDS, arms)) for phrases, arms in _ARMS_WHILE_STANDING.items()),
    *(Concept(phrases, arms) for phrases, arms in _ARMS_ANYHOW.items()),
    *_LOW,
    *_LYING,
)
"""Everything that is said of the humanoid."""
