"""`VLMReward`: one environment, rewarded for what its picture shows."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from vlmrm.errors import PairingError, SpecError
from vlmrm.rewards.protocols import FrameReward
from vlmrm.wrappers.capture_frame import CaptureFrame
from vlmrm.wrappers.episodes import AnyReward, EpisodeRewards, Paid, frames_of, written
from vlmrm.wrappers.fitting_frames import require_fitting_cameras, require_fitting_frames
from vlmrm.wrappers.hindsight import RefuseHindsight
from vlmrm.wrappers.plain_values import plain_info, plain_step
from vlmrm.wrappers.reported_returns import ReportedReturns
from vlmrm.wrappers.wrapper_chain import find_wrapper, resets_itself


class VLMReward(RefuseHindsight, gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Replace the reward of any environment that renders by the score of its frames.

    ``info["env_reward"]`` keeps the environment's own reward (NaN where that is not a number, which an
    `EnvValueWarning` says), ``info["vlm_reward"]`` is the one of the picture and ``info["frame"]`` the picture; after a
    reset both rewards are 0. Where a `Monitor` inside reports an episode, ``info["episode"]["r"]`` becomes our return
    and ``["env_r"]`` the environment's. Episodes end as before, unless `end_on_reward` says otherwise.
    `CaptureFrame` is added where it is missing. The reset step of an inner `gymnasium.wrappers.Autoreset` is not
    scored; its reward is 0.

    `env.spec` records the reward as its spec, with the render quality of the frames, so that
    `gymnasium.make(env.spec)` builds it again; of a `FunctionReward` it records the name, and asks for it again.

    Args:
        env: Made with ``render_mode="rgb_array"``.
        reward: Reward to score with: a `RewardModel`, a `FunctionReward`, or a spec, which is loaded first.
        env_weight: Weight of the environment's own reward, which is added; 0 leaves it out.
        end_on_reward: Terminate the episode when the picture shows the goal: when the reward is above its threshold,
            or has seen its last milestone (Baumli et al. 2023, arXiv 2312.09187).

    Raises:
        FrameError: The environment does not render RGB pictures.
        PairingError: It is rewarded by pictures already, `CaptureFrame` shrinks them for another encoder, they are
            drawn in another quality than the reward's spec says, it resets itself where the reward should end
            episodes, or it returns values that cannot be read, as an own reward of None where that has a weight.
        SpecError: The reward should end episodes and never says that the goal is reached.

    Example:
        >>> from vlmrm import PromptSet, RewardSpec
        >>> spec = RewardSpec(encoder="sim-s", prompts=PromptSet("a pole held upright", "a pole on its cart"))
        >>> env = VLMReward(gym.make("CartPole-v1", render_mode="rgb_array"), spec)
        >>> obs, info = env.reset(seed=0)
        >>> obs, reward, terminated, truncated, info = env.step(0)
        >>> info["vlm_reward"] == reward, info["env_reward"], info["frame"].shape
        (True, 1.0, (96, 96, 3))
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        reward: AnyReward,
        *,
        env_weight: float = 0.0,
        end_on_reward: bool = False,
    ) -> None:
        if find_wrapper(env, VLMReward) is not None:
            raise PairingError(f"{env} has a VLMReward already. Use one, or add up the rewards yourself.")
        rewards, inner = EpisodeRewards(reward, env_weight=env_weight), env
        if end_on_reward:
            _require_an_end(rewards.reward, env)
        capture = find_wrapper(env, CaptureFrame)
        if capture is None:
            capture = inner = CaptureFrame(env, rewards.reward.capture)
        require_fitting_frames(capture.capture_preprocessing, capture.drawn_quality, rewards.reward)
        require_fitting_cameras(capture.drawn_cameras, rewards.reward)
        # The spec, never the model: Gymnasium makes deep copies of what is recorded.
        RecordConstructorArgs.__init__(
            self,
            reward=written(rewards.reward, capture.drawn_quality),
            env_weight=env_weight,
            end_on_reward=end_on_reward,
        )
        gym.Wrapper.__init__(self, inner)
        self._rewards, self._end_on_reward = rewards, end_on_reward
        self.env_weight = rewards.env_weight
        """Weight of the environment's own reward; callbacks ask for it by name."""
        self.rewards_frames = True
        """Vector wrappers ask for it by name, so that nothing is rewarded twice."""
        self._returns = ReportedReturns(num_envs=1)
        self._resets_itself = resets_itself(env)
        self._reset_is_next = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's; the first frame is in `info` and is not rewarded."""
        self._reset_is_next = False
        self._returns.restart()
        obs, info = self.env.reset(seed=seed, options=options)
        info = plain_info(info, self.env)
        self._rewards.begin(frames_of([info]))
        return obs, info | Paid.nothing(1).infos()[0]

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """As the environment's, with the score of the frame as the reward."""
        obs, env_reward, terminated, truncated, info = plain_step(self.env.step(action), self.env)
        frames = frames_of([info])
        if self._reset_is_next:
            self._rewards.begin(frames)
            paid = Paid.nothing(1)
        else:
            paid = self._rewards.step(frames, np.array([terminated]), [env_reward])
        ended_inside = np.array([bool(terminated or truncated)])
        info = self._returns.add(paid.total, ended_inside, [info])[0]
        terminated = terminated or (self._end_on_reward and bool(self._rewards.stream.goal_reached()[0]))
        self._reset_is_next = self._resets_itself and (terminated or truncated)
        return obs, float(paid.total[0]), terminated, truncated, info | paid.infos()[0]


def _require_an_end(reward: FrameReward, env: gym.Env[Any, Any]) -> None:
    spec = reward.spec
    if spec is None or not spec.says_goal_reached:
        said = f"it is {reward.name}" if spec is None else f"threshold={spec.threshold}, over_time={spec.over_time}"
        raise SpecError(
            "end_on_reward ends an episode when the reward says that the goal is reached, and this one never does: "
            f"{said}. Give it a threshold (vlmrm.fitting.calibrate chooses one) and no over_time, or milestones."
        )
    if resets_itself(env):
        raise PairingError(
            "end_on_reward ends episodes that the Autoreset inside knows nothing of. Put Autoreset around VLMReward."
        )
