"""`VLMReward` for Gymnasium's vector environments, in every autoreset mode."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from jaxtyping import UInt8

from vlmrm.errors import FrameError, PairingError
from vlmrm.frames.batch import ONE_SIZE
from vlmrm.rewards.protocols import FrameReward
from vlmrm.wrappers.episodes import AnyReward, EpisodeRewards, Paid
from vlmrm.wrappers.fitting_frames import require_fitting_cameras, require_fitting_frames
from vlmrm.wrappers.plain_values import plain_flags
from vlmrm.wrappers.reported_returns import ReportedReturns
from vlmrm.wrappers.wrapper_chain import find_wrapper


class VLMReward(VectorWrapper):  # which takes no types before Gymnasium 1.4
    """Replace the rewards of a vector environment by the scores of its frames, all scored in one batch a step.

    ``infos["env_reward"]`` keeps the environments' own rewards, ``infos["vlm_reward"]`` are those of the frames. Where
    a `RecordEpisodeStatistics` inside reports episodes, ``infos["episode"]["r"]`` becomes our return and ``["env_r"]``
    the environments'. The frame scored is always the one after the step:

    - NEXT_STEP: the step after an episode's end is a reset; it is not scored and its reward is 0.
    - SAME_STEP: ``infos["frame"]`` shows the next episode already; the last frame is in ``infos["final_info"]``.
    - DISABLED: nothing resets by itself.

    Args:
        envs: A `SyncVectorEnv` or `AsyncVectorEnv` whose environments have `CaptureFrame`.
        reward: Reward to score with: a `RewardModel`, a `FunctionReward`, or a spec, which is loaded first.
        env_weight: Weight of the environments' own rewards, which are added; 0 leaves them out.

    Raises:
        PairingError: The environments do not capture frames, shrink them for another encoder, draw them in another
            quality than the reward's spec says, or do not say how they reset; or there is a VLMReward already.

    Example:
        >>> from functools import partial
        >>> import gymnasium as gym
        >>> from vlmrm import PromptSet, RewardModel
        >>> from vlmrm.wrappers import CaptureFrame
        >>> reward = RewardModel.load("sim-s", PromptSet("a pole held upright", "a pole on its cart"))
        >>> capture = partial(CaptureFrame, preprocessing=reward.capture)  # goes to workers, and holds no model
        >>> envs = gym.make_vec(
        ...     "CartPole-v1", 2, vectorization_mode="sync", wrappers=[capture], render_mode="rgb_array"
        ... )
        >>> envs = VLMReward(envs, reward)
        >>> _ = envs.reset(seed=0)
        >>> obs, rewards, terminated, truncated, infos = envs.step(np.array([0, 1]))
        >>> rewards.shape, infos["env_reward"]
        ((2,), array([1., 1.]))
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any], reward: AnyReward, *, env_weight: float = 0.0) -> None:
        super().__init__(envs)
        self._rewards = EpisodeRewards(reward, env_weight=env_weight, num_envs=envs.num_envs)
        self._returns = ReportedReturns(envs.num_envs)
        self.autoreset_mode = _autoreset_mode(envs)
        """How the environments reset; other libraries ask vector environments for it by this name."""
        _require_captured_frames(envs, self._rewards.reward)
        self._reset_is_next = np.zeros(self.num_envs, dtype=np.bool_)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environments'; first frames are in `infos` and are not rewarded."""
        begins = np.array((options or {}).get("reset_mask", np.ones(self.num_envs)), dtype=np.bool_)
        self._reset_is_next[begins] = False
        self._returns.restart(begins)
        with _one_size():
            obs, infos = self.env.reset(seed=seed, options=options)
        self._rewards.begin(_frames_in(infos)[begins], begins)
        return obs, infos | Paid.nothing(self.num_envs).vector_infos(begins)

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """As the environments', with the scores of the frames as rewards."""
        with _one_size():
            obs, env_rewards, terminated, truncated, infos = self.env.step(actions)
        terminated = plain_flags(terminated, self.num_envs, "terminated")
        truncated = plain_flags(truncated, self.num_envs, "truncated")
        own = self._rewards.own_rewards(env_rewards, self.num_envs)
        scored = ~self._reset_is_next
        begun = self._reset_is_next
        rewards, totals = np.zeros(self.num_envs), np.zeros(self.num_envs)
        if scored.any():
            frames = self._frames_after_step(infos)[scored]
            paid = self._rewards.step(frames, terminated[scored], own[scored], scored)
            rewards[scored], totals[scored] = paid.vlm, paid.total
        if self.autoreset_mode is AutoresetMode.NEXT_STEP:
            self._reset_is_next = terminated | truncated
        elif self.autoreset_mode is AutoresetMode.SAME_STEP:
            begun = terminated | truncated
        if begun.any():
            self._rewards.begin(_frames_in(infos)[begun], begun)
        ours = Paid(vlm=rewards, env=own, total=totals)
        infos = self._returns.add_vector(totals, terminated | truncated, infos)
        return obs, totals, terminated, truncated, infos | ours.vector_infos()

    def _frames_after_step(self, infos: Any) -> UInt8[np.ndarray, "n h w 3"]:
        frames = _frames_in(infos)
        if self.autoreset_mode is AutoresetMode.SAME_STEP and "final_info" in infos:
            ended = infos["_final_info"]
            frames = frames.copy()
            frames[ended] = _frames_in(infos["final_info"])[ended]
        return frames


@contextmanager
def _one_size() -> Iterator[None]:
    """Gymnasium puts the frames of all environments into one array, and does not say that their sizes differ."""
    try:
        yield
    except ValueError as error:
        if "could not broadcast" not in str(error):
            raise
        raise FrameError(
            f"what the environments return does not fit into one array ({error}). Where they draw in different sizes, "
            f"{ONE_SIZE}"
        ) from error


def _frames_in(infos: Any) -> UInt8[np.ndarray, "n h w 3"]:
    if not isinstance(infos, Mapping) or "frame" not in infos:
        raise PairingError(
            "the infos of the vector environment hold no frames. A wrapper between it and VLMReward takes them out or "
            "turns them into a list; apply it outside VLMReward."
        )
    frames: np.ndarray = infos["frame"]
    return frames


def _autoreset_mode(envs: VectorEnv[Any, Any, Any]) -> AutoresetMode:
    mode = envs.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        raise PairingError(
            f"{envs} does not say how it resets, so the last frame of an episode cannot be told from the first of the "
            f'next: metadata["autoreset_mode"] is {mode!r}. Set it to a gymnasium.vector.AutoresetMode.'
        )
    return mode


def _require_captured_frames(envs: VectorEnv[Any, Any, Any], reward: FrameReward) -> None:
    """Ask the single environments, also those in other processes, whether they capture frames for this reward."""
    base: Any = envs.unwrapped
    if not hasattr(base, "call"):
        raise PairingError(
            f"{envs} steps all its environments as one, so that no CaptureFrame can be put around each. "
            'Use gym.make_vec(..., vectorization_mode="sync", wrappers=[CaptureFrame], render_mode="rgb_array").'
        )
    if not all(base.call("has_wrapper_attr", "capture_preprocessing")):
        raise PairingError(
            f"the environments in {envs} have no CaptureFrame, and frames taken after a reset belong to the next "
            'episode. Make them with gym.make_vec(..., wrappers=[CaptureFrame], render_mode="rgb_array").'
        )
    if find_wrapper(envs, VLMReward) is not None or any(base.call("has_wrapper_attr", "rewards_frames")):
        raise PairingError(
            "the environments have a VLMReward already, whose reward would be taken for their own. Use one: around all "
            "of them, with CaptureFrame around each."
        )
    drawn = zip(base.get_attr("capture_preprocessing"), base.get_attr("drawn_quality"), strict=True)
    for captured, quality in drawn:
        require_fitting_frames(captured, quality, reward)
    for cameras in base.get_attr("drawn_cameras"):
        require_fitting_cameras(cameras, reward)
