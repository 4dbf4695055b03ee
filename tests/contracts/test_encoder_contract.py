"""The contract holds for an encoder that keeps it, and breaks for ones that do not."""

import pytest
import torch

from tests.contracts.encoder_contract import EncoderContract
from tests.toys import ColourEncoder
from vlmrm.encoders import EnsembleEncoder
from vlmrm.frames.preprocessing import Preprocessing


@pytest.fixture(scope="module")
def encoder():
    return ColourEncoder()


@pytest.fixture
def twin():
    return ColourEncoder()


class TestColourEncoder(EncoderContract):
    sentences = ("red", "green", "blue")


class LargerColourEncoder(ColourEncoder):
    name, fingerprint, size_px, logit_scale, logit_bias = "larger", "larger-colours", 12, 5.0, -1.0

    @property
    def preprocessing(self):
        return Preprocessing(size_px=self.size_px, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


class TestEnsembleEncoder(EncoderContract):
    sentences = ("red", "green", "blue")

    @pytest.fixture
    def encoder(self):
        return EnsembleEncoder([ColourEncoder(), LargerColourEncoder()], [0.25, 0.75])

    @pytest.fixture
    def twin(self, encoder):
        return EnsembleEncoder(encoder.members, encoder.weights)


class Unnormalised(ColourEncoder):
    def embed_frames(self, frames):
        return 2 * super().embed_frames(frames)


class DependsOnTheBatch(ColourEncoder):
    def embed_frames(self, frames):
        rows = super().embed_frames(frames)
        return torch.nn.functional.normalize(rows - rows.mean(dim=0) / 2, dim=1)


class Random(ColourEncoder):
    def embed_frames(self, frames):
        return torch.nn.functional.normalize(super().embed_frames(frames) + 0.1 * torch.rand(len(frames), 4), dim=1)


class CountsItsCalls(ColourEncoder):
    @property
    def fingerprint(self):
        return f"colours-{len(self.batches)}"


class NewEachTime(ColourEncoder):
    @property
    def fingerprint(self):
        return f"colours-{id(self)}"


@pytest.mark.parametrize(
    ("broken", "test", "arguments"),
    [
        (Unnormalised, "test_frames_become_float32_rows_of_unit_length_on_the_cpu", ()),
        (DependsOnTheBatch, "test_the_size_of_the_batch_never_changes_a_frames_row", (2,)),
        (Random, "test_the_same_input_gives_the_same_row", ()),
    ],
)
def test_an_encoder_that_breaks_the_contract_is_caught(broken, test, arguments):
    with pytest.raises(AssertionError):
        getattr(EncoderContract(), test)(broken(), noise(), *arguments)


def test_a_fingerprint_that_changes_with_use_or_with_every_load_is_caught():
    contract = EncoderContract()
    contract.sentences = ("red", "green", "blue")
    with pytest.raises(AssertionError):
        contract.test_embedding_leaves_the_fingerprint_as_it_is(CountsItsCalls(), CountsItsCalls(), noise())
    with pytest.raises(AssertionError):
        contract.test_the_same_weights_loaded_again_have_the_same_fingerprint(NewEachTime(), NewEachTime())


def noise():
    return torch.randint(0, 256, (7, 8, 8, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
