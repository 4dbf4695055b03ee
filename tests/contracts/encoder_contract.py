"""What every encoder must do. Inherit the class, give it an encoder and its twin, and pytest does the rest.

class TestMyEncoder(EncoderContract):
    @pytest.fixture
    def encoder(self):
        return MyEncoder()

    @pytest.fixture
    def twin(self):  # the same weights, loaded once more
        return MyEncoder()
"""

import copy
import pickle

import pytest
import torch

from vlmrm.encoders.encoder import Encoder
from vlmrm.frames.preprocessing import Preprocessing


class EncoderContract:
    """Tests for an encoder of any kind, given by the fixtures `encoder` and `twin`; no model's own numbers."""

    sentences = ("a red picture", "a green picture", "a blue picture")
    """Sentences that the encoder knows and tells apart."""
    tolerance = 1e-4
    """How much a row may change with the size of its batch; fp16 and bf16 need more."""

    @pytest.fixture
    def frames(self, encoder):
        """Noise at the encoder's size; seven, so that no usual batch divides them."""
        generator = torch.Generator().manual_seed(0)
        size = encoder.size_px
        return torch.randint(0, 256, (7, size, size, 3), generator=generator, dtype=torch.uint8)

    def test_it_has_every_part_of_an_encoder(self, encoder):
        assert isinstance(encoder, Encoder)
        assert isinstance(encoder.name, str)
        assert encoder.logit_scale > 0
        assert isinstance(encoder.logit_bias, float)

    def test_its_fingerprint_is_one_short_word(self, encoder):
        assert 4 <= len(encoder.fingerprint) <= 64
        assert encoder.fingerprint.split() == [encoder.fingerprint]

    def test_the_same_weights_loaded_again_have_the_same_fingerprint(self, encoder, twin):
        assert twin is not encoder
        assert twin.fingerprint == encoder.fingerprint

    def test_embedding_leaves_the_fingerprint_as_it_is(self, encoder, twin, frames):
        """The twin is asked before it embeds, the encoder after it has."""
        untouched = twin.fingerprint
        encoder.embed_frames(frames)
        encoder.embed_texts(list(self.sentences))
        assert encoder.fingerprint == untouched

    def test_its_preprocessing_makes_frames_of_its_size(self, encoder):
        assert isinstance(encoder.preprocessing, Preprocessing)
        frames = torch.zeros(2, encoder.size_px + 6, encoder.size_px + 10, 3, dtype=torch.uint8)
        assert encoder.preprocessing.resize(frames).shape == (2, encoder.size_px, encoder.size_px, 3)

    def test_its_preprocessing_can_be_sent_to_another_process(self, encoder):
        assert pickle.loads(pickle.dumps(encoder.preprocessing)) == encoder.preprocessing

    def test_frames_become_float32_rows_of_unit_length_on_the_cpu(self, encoder, frames):
        rows = encoder.embed_frames(frames)
        assert (rows.shape, rows.dtype, rows.device.type) == ((7, encoder.dim), torch.float32, "cpu")
        torch.testing.assert_close(rows.norm(dim=1), torch.ones(7), atol=1e-4, rtol=0)

    def test_sentences_become_float32_rows_of_unit_length_on_the_cpu(self, encoder):
        rows = encoder.embed_texts(list(self.sentences))
        expected = (len(self.sentences), encoder.dim)
        assert (rows.shape, rows.dtype, rows.device.type) == (expected, torch.float32, "cpu")
        torch.testing.assert_close(rows.norm(dim=1), torch.ones(len(rows)), atol=1e-4, rtol=0)

    def test_different_sentences_have_different_rows(self, encoder):
        rows = encoder.embed_texts(list(self.sentences))
        assert len({tuple(row.tolist()) for row in rows}) == len(self.sentences)

    @pytest.mark.parametrize("size", [1, 2, 3])
    def test_the_size_of_the_batch_never_changes_a_frames_row(self, encoder, frames, size):
        split = torch.cat([encoder.embed_frames(part) for part in frames.split(size)])
        torch.testing.assert_close(split, encoder.embed_frames(frames), atol=self.tolerance, rtol=0)

    def test_company_never_changes_a_sentences_row(self, encoder):
        alone = torch.cat([encoder.embed_texts([sentence]) for sentence in self.sentences])
        torch.testing.assert_close(encoder.embed_texts(list(self.sentences)), alone, atol=self.tolerance, rtol=0)

    def test_the_same_input_gives_the_same_row(self, encoder, frames):
        torch.testing.assert_close(encoder.embed_frames(frames), encoder.embed_frames(frames), atol=0, rtol=0)
        sentences = list(self.sentences)
        torch.testing.assert_close(encoder.embed_texts(sentences), encoder.embed_texts(sentences), atol=0, rtol=0)

    def test_rows_keep_their_order(self, encoder, frames):
        backwards = encoder.embed_frames(frames.flip(0)).flip(0)
        torch.testing.assert_close(backwards, encoder.embed_frames(frames), atol=self.tolerance, rtol=0)

    def test_frames_of_any_size_are_taken(self, encoder):
        frames = torch.zeros(1, encoder.size_px * 2, encoder.size_px * 2, 3, dtype=torch.uint8)
        assert encoder.embed_frames(frames).shape == (1, encoder.dim)

    def test_a_frame_shrunk_beforehand_has_the_same_row(self, encoder):
        size = 2 * encoder.size_px
        frames = torch.randint(0, 256, (2, size, size, 3), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
        shrunk = encoder.preprocessing.resize(frames)
        torch.testing.assert_close(
            encoder.embed_frames(shrunk), encoder.embed_frames(frames), atol=self.tolerance, rtol=0
        )

    def test_rows_carry_no_gradient(self, encoder, frames):
        assert not encoder.embed_frames(frames).requires_grad
        assert not encoder.embed_texts(list(self.sentences)).requires_grad

    def test_the_frames_given_stay_as_they_are(self, encoder, frames):
        before = copy.deepcopy(frames)
        encoder.embed_frames(frames)
        assert torch.equal(frames, before)
