"""A second look at what a built-in model sees is one of the same scenes."""

import pytest

from vlmrm.encoders import list_models
from vlmrm.report.second_models import SECOND_MODELS


@pytest.mark.parametrize("card", list_models(), ids=lambda card: card.name)
def test_each_built_in_model_has_another_one_that_knows_its_scenes(card):
    second = {other.name: other for other in list_models()}[SECOND_MODELS[card.name]]
    assert second.name != card.name
    assert set(card.knows) <= set(second.knows)
