"""Reacher: a two-link arm on a table, seen from above, and a ball to touch."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
from gymnasium.envs.mujoco.reacher_v5 import ReacherEnv

from vlmrm.rendering import Camera
from vlmrm_envs.concepts import Concept, inside
from vlmrm_envs.mujoco_bodies import EndlessMujoco
from vlmrm_envs.mujoco_pictures import MujocoPictures, random_height_and_distance
from vlmrm_envs.sayings import FOLDER
from vlmrm_envs.scenes.scene import MadeState, Scene
from vlmrm_envs.wording import Wording


class Reacher(EndlessMujoco, ReacherEnv):
    """A two-link arm on a table and a ball to touch, which lies elsewhere in each episode.

    ``info["state"]`` has ``tip_to_ball_m``, from the fingertip's middle to the ball's, and where the fingertip is:
    ``tip_x_m``, to the right in the task's picture, and ``tip_y_m``, up in it; the arm is 0.21 m long.

    Example:
        >>> env = Reacher()
        >>> env.place(0.05)
        >>> round(env.state_variables()["tip_to_ball_m"], 6)
        0.05
    """

    def state_variables(self) -> dict[str, float]:
        """The simulator's state in the units that success is judged in."""
        tip, ball = self.data.body("fingertip").xpos[:2], self.data.body("target").xpos[:2]
        return {"tip_to_ball_m": float(np.linalg.norm(tip - ball)), "tip_x_m": float(tip[0]), "tip_y_m": float(tip[1])}

    def place(self, value: float) -> None:
        """Stretch the arm half out and put the ball so far from its tip, towards the shoulder."""
        self.set_state(np.array([0.0, 1.2, 0.0, 0.0]), np.zeros(4))
        tip = self.data.body("fingertip").xpos[:2]
        self.set_state(np.array([0.0, 1.2, *(tip * (1 - value / np.linalg.norm(tip)))]), np.zeros(4))

    def settable_variables(self) -> dict[str, tuple[float, float]]:
        """Bounds of what `set_variables` sets: both joints and the ball."""
        return {
            "shoulder_deg": (-180.0, 180.0),
            "elbow_deg": (-160.0, 160.0),
            "ball_x_m": (-0.2, 0.2),
            "ball_y_m": (-0.2, 0.2),
        }

    def set_variables(self, values: Mapping[str, float]) -> None:
        """Put arm and ball somewhere, still."""
        joints = np.radians([values["shoulder_deg"], values["elbow_deg"]])
        self.set_state(np.array([*joints, values["ball_x_m"], values["ball_y_m"]]), np.zeros(4))


def _any_reach(inner: Reacher, rng: np.random.Generator) -> None:
    joints = np.array([rng.uniform(-np.pi, np.pi), rng.uniform(-2.8, 2.8)])
    inner.set_state(np.array([*joints, 0.0, 0.0]), np.zeros(4))
    tip = inner.data.body("fingertip").xpos[:2]
    ball = tip + rng.normal(0, rng.choice([0.008, 0.03, 0.08]), 2) if rng.random() < 0.6 else rng.uniform(-0.2, 0.2, 2)
    inner.set_state(np.array([*joints, *np.clip(ball, -0.26, 0.26)]), np.zeros(4))


def _reaches(goal: str, count: int, rng: np.random.Generator) -> Iterator[MadeState]:
    """Arm and ball anywhere, whatever the goal: each of the three is met by some of them."""
    for i, seed in enumerate(rng.integers(2**32, size=count)):
        put = partial(_reach_of, seed=int(seed))
        yield MadeState(kind="other", pose="anywhere", group=f"state {i}", put=put)


def _reach_of(inner: Reacher, seed: int) -> None:
    _any_reach(inner, np.random.default_rng(seed))


def _variables(inner: Reacher) -> dict[str, float]:
    bend = abs(float(np.degrees(inner.data.qpos[1])))
    ball_x_m = float(inner.data.body("target").xpos[0])
    return inner.state_variables() | {"ball_x_m": ball_x_m, "elbow_bend_deg": bend}


def _random_camera(rng: np.random.Generator) -> Camera:
    """From above, or nearly."""
    _, distance = random_height_and_distance(rng)
    return Camera(
        lookat_m=[*rng.uniform(-0.02, 0.02, 2).tolist(), 0.0],
        distance_m=0.58 * distance,
        azimuth_deg=float(90 + rng.uniform(-8, 8)),
        elevation_deg=float(-90 + rng.uniform(0, 10)),
    )


def _concepts() -> list[Concept]:
    near = "tip_to_ball_m"
    concepts = [
        Concept(
            ("touches the ball", "has its tip on the ball", "reaches the red ball", "points its finger at the ball",
             "has its fingertip right at the ball", "is touching the target", "holds its finger to the red target"),
            inside(**{near: (0, 0.012, 0.02)}),
        ),
        Concept(("nearly touches the ball", "has its tip close to the ball"), inside(**{near: (0.02, 0.05, 0.012)})),
        Concept(("is some way off the ball",), inside(**{near: (0.07, 0.13, 0.02)})),
        Concept(
            ("is far from the ball", "points away from the red ball"),
            inside(**{near: (0.16, 1, 0.03)}),
        ),
        Concept(("does not reach the target", "misses the ball"), inside(**{near: (0.04, 1, 0.015)})),
        Concept(("is stretched out", "has a straight elbow"), inside(elbow_bend_deg=(0, 20, 15))),
        Concept(("is folded", "has a sharply bent elbow"), inside(elbow_bend_deg=(120, 180, 20))),
    ]  # fmt: skip
    for side, bounds in (("left", (-1, -0.08, 0.04)), ("right", (0.08, 1, 0.04))):
        concepts.append(Concept((f"has its tip on the {side}", f"points to the {side}"), inside(tip_x_m=bounds)))
        concepts.append(Concept((f"lies with the ball on the {side}",), inside(ball_x_m=bounds)))
    for edge, bounds in (("top", (0.1, 1, 0.04)), ("bottom", (-1, -0.1, 0.04))):
        phrases = (
            f"points to the {edge}", f"has its tip near the {edge} edge", f"is turned towards the {edge}",
            f"has its fingertip at the {edge}", f"is reaching over to the {edge} edge",
        )  # fmt: skip
        concepts.append(Concept(phrases, inside(tip_y_m=bounds)))
    return concepts


_WORDING = Wording(
    things=("robot arm", "two-link arm", "arm"), places=("table", "board"),
    plain=(
        "a {t} of two links on a {p} with a ball", "seen from above, a {t} and a red ball on a {p}",
        "simulation of a {t} and a target", "a square {p} with a {t} in the middle",
    ),
)  # fmt: skip

SCENE = Scene(
    name="reacher",
    title="Reacher",
    seed=5,
    environment=Reacher,
    pictures=MujocoPictures(
        randomise=_any_reach,
        variables=_variables,
        camera=Camera(lookat_m=(0, 0, 0), distance_m=0.55, azimuth_deg=90, elevation_deg=-90),
        random_camera=_random_camera,
        textured_colours=("blue", "tan"),
        plain_colours=("blue", "gray"),
        behind="floor",
    ),
    concepts=tuple(_concepts()),
    wording=_WORDING,
    made_states=_reaches,
    sayings=(FOLDER / "reacher.toml",),
)
