"""The forms that training sentences take: the same things said in several ways, scene by scene.

In every form ``{t}`` is the thing, ``{p}`` what it is on or fixed to, ``{s}`` what is said of it, ``{c}`` a colour and
``{w}`` the cart's place.
"""

from vlmrm_envs.scenes import SCENES

THINGS = {
    "cartpole": ("pole", "rod", "stick"),
    "mountain_car": ("car", "vehicle", "buggy"),
    "pendulum": ("pendulum", "rod", "bar"),
    "acrobot": ("double pendulum", "two-link arm", "jointed arm"),
    "inverted_pendulum": ("inverted pendulum", "pole", "rod"),
    "humanoid": ("robot", "humanoid", "humanoid robot"),
    "reacher": ("robot arm", "two-link arm", "arm"),
    "hopper": ("hopper", "one-legged robot", "jumping robot"),
    "half_cheetah": ("cheetah", "cheetah robot", "two-legged runner"),
    "ant": ("ant", "four-legged robot", "quadruped"),
}
"""What a sentence is about, by scene."""
PLACES = {
    "cartpole": ("cart", "trolley", "wagon"),
    "mountain_car": ("mountain", "hill"),
    "pendulum": ("pivot", "axle"),
    "acrobot": ("line", "bar"),
    "inverted_pendulum": ("cart", "slider"),
    "humanoid": ("floor", "ground"),
    "reacher": ("table", "board"),
    "hopper": ("floor", "ground"),
    "half_cheetah": ("floor", "ground"),
    "ant": ("floor", "ground"),
}
"""What the thing stands on or is fixed to, by scene."""
_ANY_STATED = (
    "the {t} {s}",
    "a {t} {s}",
    "picture of a {t} that {s}",
    "on the tiled {p}, a {t} {s}",
    "we see how a {t} {s}",
    "in this simulation, the {t} {s}",
)
STATED = {  # {t} thing, {p} place, {s} what is said of the thing
    "cartpole": (
        "the {t} on the {p} {s}", "a {t} hinged to a {p} {s}", "a {p} carrying a {t} that {s}", "the {t} {s}",
        "picture of a {p} whose {t} {s}", "we see a {p} on a track, the {t} {s}",
    ),
    "mountain_car": (
        "the {t} {s}", "the {t} {s} on the {p}", "a {t} in the mountains {s}", "a {t} driving on a {p} {s}",
        "picture of a {p} where the {t} {s}", "on a {p}, a {t} {s}",
    ),
    "pendulum": (
        "the {t} {s}", "a {t} turning around its {p} {s}", "the {t} on its {p} {s}", "a {t} fixed to a {p} {s}",
        "picture of a {t} that {s}", "a swinging {t} {s}",
    ),
    "acrobot": (
        "the {t} {s}", "a {t} under a {p} {s}", "picture of a {t} that {s}", "the {t} with a motor in its elbow {s}",
        "a {t} turning around its pivot {s}",
    ),
    "inverted_pendulum": (
        "the {t} {s}", "the {t} on its {p} {s}", "a {t} hinged to a {p} on a rail {s}", "picture of a {t} that {s}",
        "on a {p}, a {t} {s}",
    ),
    **dict.fromkeys(("humanoid", "reacher", "hopper", "half_cheetah", "ant"), _ANY_STATED),
}  # fmt: skip
"""Forms of a sentence that says something of the thing's state."""
PLAIN = {
    "cartpole": (
        "a {t} attached to a {p} that moves along a track", "a {p} rolling on a rail with a {t} hinged to it",
        "the game of balancing a {t} on a moving {p}", "a simple drawing of a {p} and its {t} on a line",
        "simulation of a {t} and a {p} on a track",
    ),
    "mountain_car": (
        "a {t} somewhere on a {p} with a flag", "a drawing of a {t}, a {p} and a yellow flag",
        "simulation of a {t} driving in the mountains", "a landscape with a {p}, a valley and a {t}",
        "a {t} on a {p} track under the sky",
    ),
    "pendulum": (
        "a {t} that swings around a {p}", "a simple drawing of a {t} on its {p}", "simulation of a {t} with a motor",
        "a {t} fixed at one end to a {p} in the middle",
    ),
    "acrobot": (
        "a {t} that swings below a {p}", "the acrobot, a {t} under a {p}",
        "a simple drawing of a {t} and a horizontal {p}", "simulation of a {t} with a motor in the elbow",
        "two links joined by an elbow, a {t} under a {p}",
    ),
    "inverted_pendulum": (
        "a {t} on a {p} that slides along a rail", "a simple drawing of a {p} and its {t} against the sky",
        "simulation of a {t} and a {p} in MuJoCo",
    ),
    "humanoid": (
        "simulation of a {t} on a tiled {p}", "a {t} with two arms and two legs", "a {t} made of balls and capsules",
        "picture of a {t} on a wide {p} under the sky",
    ),
    "reacher": (
        "a {t} of two links on a {p} with a ball", "seen from above, a {t} and a red ball on a {p}",
        "simulation of a {t} and a target", "a square {p} with a {t} in the middle",
    ),
    "hopper": (
        "simulation of a {t} on a tiled {p}", "a {t} made of a torso, a thigh, a leg and a foot",
        "picture of a {t} under the sky",
    ),
    "half_cheetah": (
        "simulation of a {t} on a tiled {p}", "a {t} seen from the side", "picture of a {t} under the sky",
    ),
    "ant": (
        "simulation of a {t} on a tiled {p}", "a {t} with a round body and jointed legs",
        "picture of a {t} on a wide {p}",
    ),
}  # fmt: skip
"""Forms of a sentence that says nothing of it."""
SHORT = {  # without a verb; {n} is `shorten` of what is said, {m} another wording of the same
    scene: ("{t} {n}", "a {t} {n}", "a picture of a {t} {n}", "a {t} {n}, {m}") for scene in SCENES
}
"""Forms without a verb."""
COLOURED = ("the {c} {t} {s}", "a {c} {t} that {s}", "a {t} painted {c} {s}")
"""Forms that also name the thing's colour."""
BACKED = ("on a {c} background, the {t} {s}", "the {t} {s} before a {c} background")
"""Forms that also name the background's colour."""
WITH_CART = (
    "the {p} is {w} and the {t} {s}",
    "the {t} {s} while the {p} stands {w}",
    "a {p} {w}, its {t} {s}",
    "the {t} on a {p} {w} {s}",
    "a {t} that {s}, with the {p} {w}",
)
"""Forms that also say where the cart is."""
CART_ALONE = ("the {p} is {w}", "a {p} {w} with its {t}", "a {t} on a {p} {w}", "the {t} and the {p} are {w}")
"""Forms that say only where the cart is."""
