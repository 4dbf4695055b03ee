import pytest

from tests.toys import ColourEncoder
from vlmrm.encoders import load_encoder
from vlmrm.encoders.towers.inner import open_clip_encoder, require_towers, tower_of
from vlmrm.errors import EncoderError


def test_every_parameter_belongs_to_the_tower_that_uses_it(any_encoder):
    model = open_clip_encoder(any_encoder).model
    of_image = {f"visual.{name}" for name, _ in model.visual.named_parameters()}
    found = {name: tower_of(name) for name, _ in model.named_parameters()}
    assert {name for name, tower in found.items() if tower == "image"} == of_image
    assert {name for name, tower in found.items() if tower is None} <= {"logit_scale", "logit_bias"}
    assert tower_of("text_decoder.ln_final.weight") is None  # of CoCa, which neither tower uses


def test_encoders_of_other_kinds_are_refused_by_name(builtin_like):
    assert open_clip_encoder(builtin_like) is builtin_like
    with pytest.raises(
        EncoderError, match=r"'sim-xs \+ sim-s' is not a model of OpenCLIP.*of an ensemble, tune a member"
    ):
        open_clip_encoder(load_encoder("sim-xs + sim-s", device="cpu"))
    with pytest.raises(EncoderError, match=r"'colour' is not a model of OpenCLIP. Give another"):
        open_clip_encoder(ColourEncoder(), otherwise="Give another.")


@pytest.mark.parametrize("towers", ["image", ("image", "vision")])
def test_towers_that_do_not_exist_are_refused(towers):
    with pytest.raises(EncoderError, match=r"names out of \('image', 'text'\)"):
        require_towers(towers)
