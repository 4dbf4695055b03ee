"""`record_episode`: an episode of an agent with its pictures and rewards, for a video."""

import itertools
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image

from vlmrm.frames import as_frames
from vlmrm.rendering.mujoco import RenderMujoco
from vlmrm.report.video import Episode
from vlmrm.rewards.protocols import FrameReward
from vlmrm.training.acting import Policy
from vlmrm.training.episodes import play
from vlmrm.wrappers.wrapper_chain import find_wrapper

_WIDEST_PX = 640


def record_episode(
    policy: Policy,
    make_env: Callable[[], gym.Env[Any, Any]],
    *,
    seed: int,
    reward: FrameReward | None,
    title: str = "",
    longest: int = 500,
) -> Episode:
    """Run one episode and keep its pictures; long ones are cut off.

    Args:
        policy: Acts deterministically.
        make_env: Makes an environment with `CaptureFrame`.
        seed: Seed of the environment.
        reward: Scores the pictures after the episode; None: the environment's own reward is shown.
        title: A few words for the video.
        longest: Most steps.
    """
    env = make_env()
    frames, small, env_rewards, in_goal, terminated = [], [], [], list[bool](), False
    drawn, as_scored = find_wrapper(env, RenderMujoco), None
    shrink = None if reward is None else reward.capture
    if drawn is not None and shrink is not None:  # shrinking a large picture gives another reward than drawing it small
        as_scored = drawn.at_size(shrink.size_px)
    try:
        for step, info in enumerate(itertools.islice(play(policy, env, seed=seed), longest + 1)):
            if reward is not None:
                frame = info["frame"] if as_scored is None else as_scored.render()
                small.append((as_frames(frame) if shrink is None else shrink.resize(as_frames(frame)))[0])
            if step == 0:
                continue  # the first frame is not rewarded
            frames.append(_shrink(info["frame"]))
            env_rewards.append(info["env_reward"])
            in_goal += [info["in_goal"]] if "in_goal" in info else []
            terminated = info["terminated"]
    finally:
        if as_scored is not None:
            as_scored.free()
        env.close()
    return Episode(
        frames=frames,
        rewards=env_rewards
        if reward is None
        else reward.score_episode(torch.stack(small), terminated=terminated).tolist(),
        in_goal=in_goal,
        fps=float(env.metadata.get("render_fps") or 30),
        title=title,
    )


def _shrink(frame: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
    """By a whole number, so that an episode of large pictures fits into memory."""
    factor = -(-max(frame.shape[:2]) // _WIDEST_PX)
    return frame if factor == 1 else np.asarray(Image.fromarray(frame).reduce(factor))
