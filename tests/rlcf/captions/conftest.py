"""A captioner of the table top, tables, and the reward that looks at both."""

import pytest
from torch import Tensor
from vlmrm_envs.table_top import Facts, draw_tables, random_tables

from vlmrm import RewardModel, RewardSpec
from vlmrm.rlcf.captions import PrefixCaptioner, load_captioner


@pytest.fixture(scope="session")
def captioner() -> PrefixCaptioner:
    return load_captioner("tab-cap")


@pytest.fixture(scope="session")
def reward() -> RewardModel:
    return RewardModel.from_spec(RewardSpec.clip_score("tab-m"))


@pytest.fixture(scope="session")
def tables() -> Facts:
    return random_tables(8, seed=4321)


@pytest.fixture(scope="session")
def pictures(tables: Facts) -> Tensor:
    return draw_tables(tables, seed=8, size_px=64)
