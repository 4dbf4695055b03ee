import warnings

import pytest
import torch

from vlmrm.encoders import Domain, DomainWatch, Encoder, Preprocessing
from vlmrm.errors import EncoderError, OutOfDomainWarning

WORDS = ["Pole", "upright", "cart"]


def samples(count, seed):
    """Two round clusters of different widths along the axes, in the plane; no third dimension at all."""
    generator = torch.Generator().manual_seed(seed)
    classes = torch.arange(count) % 2
    centres = torch.tensor([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0]])
    spread = torch.tensor([0.1, 1.0, 0.0])
    return centres[classes] + spread * torch.randn(count, 3, generator=generator), classes


@pytest.fixture(scope="module")
def domain():
    return Domain.fit(*samples(20_000, seed=0), words=WORDS)


class PointEncoder:
    """Reads the embedding out of the picture: (x, y) of the first pixel, in tenths, minus 10."""

    name, fingerprint, dim, size_px, logit_scale, logit_bias = "point", "points", 3, 1, 1.0, 0.0
    preprocessing = Preprocessing(size_px=1, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

    def __init__(self, domain=None):
        self.domain = domain

    def embed_frames(self, frames):
        return frames[:, 0, 0].float() / 10 - 10

    def embed_texts(self, texts):
        return torch.ones(len(texts), 3)


def pictures(*points):
    """Frames that `PointEncoder` turns into these points, with a third coordinate of 0."""
    values = [[round(10 * (x + 10)), round(10 * (y + 10)), 100] for x, y in points]
    return torch.tensor(values, dtype=torch.uint8)[:, None, None, :]


INSIDE, OUTSIDE = (0.0, 0.5), (5.0, 0.0)  # the second lies between the clusters


def test_distances_equal_the_definition_written_out(domain):
    points, _ = samples(50, seed=1)
    for point, distance in zip(points.double(), domain.distances(points), strict=True):
        offsets = [point - mean for mean in domain.means.double()]
        expected = min(float(offset @ domain.precision.double() @ offset) for offset in offsets)
        assert float(distance) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_distance_is_counted_in_deviations_of_the_class():
    """One deviation is 0.1 along x and 1.0 along y; the squared distance of each is 1, but for the ridge."""
    domain = Domain.fit(*samples(20_000, seed=0), words=[])
    one_deviation = torch.tensor([[0.1, 0.0, 0.0], [0.0, 1.0, 0.0], [10.1, 0.0, 0.0]])
    assert domain.distances(one_deviation).tolist() == pytest.approx([1, 1, 1], rel=0.1)


def test_fresh_frames_from_inside_are_outside_as_rarely_as_asked(domain):
    """One in 200; the 99.5 % interval of 20,000 draws around a threshold of 4,000 is about 0.2 to 0.9 %."""
    fresh, _ = samples(20_000, seed=2)
    assert 0.002 < domain.share_outside(fresh) < 0.009


def test_a_point_between_two_classes_or_off_the_plane_is_outside(domain):
    strange = torch.tensor([[5.0, 0.0, 0.0], [0.0, 0.0, 1.0], [10.0, 6.0, 0.0]])
    assert domain.share_outside(strange) == 1


def test_the_quantile_sets_how_many_are_let_in():
    strict = Domain.fit(*samples(20_000, seed=0), words=[], quantile=0.5)
    assert strict.share_outside(samples(20_000, seed=2)[0]) == pytest.approx(0.5, abs=0.02)


def test_it_survives_a_folder_beside_a_card_that_exists(tmp_path, domain):
    (tmp_path / "card.json").write_text('{"description": "A toy."}')
    domain.save(tmp_path)
    again = Domain.load(tmp_path)
    points, _ = samples(50, seed=1)
    assert torch.equal(again.distances(points), domain.distances(points))
    assert again.threshold == pytest.approx(domain.threshold)
    assert again.words == {"pole", "upright", "cart"}
    assert '"description": "A toy."' in (tmp_path / "card.json").read_text()


@pytest.mark.parametrize("damage", ["card.json", "domain.safetensors"])
def test_a_missing_or_damaged_file_is_an_error(tmp_path, domain, damage):
    domain.save(tmp_path)
    (tmp_path / damage).write_bytes(b"[]")
    with pytest.raises(EncoderError, match="cannot be read"):
        Domain.load(tmp_path)
    (tmp_path / damage).unlink()
    with pytest.raises(EncoderError, match="cannot be read"):
        Domain.load(tmp_path)


def test_too_few_frames_for_their_classes_are_an_error():
    with pytest.raises(EncoderError, match="several frames of each class"):
        Domain.fit(torch.eye(3), torch.arange(3), words=[])


def test_unknown_words_are_named_once_and_small_words_do_not_count(domain):
    assert domain.unknown_words("The POLE is upright on top of the cart, on top!") == ["top"]
    assert domain.unknown_words("pole-and-cart 12") == []
    assert domain.unknown_words("a zebra under a Zebra") == ["zebra", "under"]


def test_a_word_with_a_hyphen_is_known_whole_and_in_parts():
    domain = Domain.fit(
        torch.eye(8).repeat(10, 1), torch.zeros(80, dtype=torch.long), words=["four-legged", "Cross-legged"]
    )
    assert domain.unknown_words("a four-legged, cross-legged table of four legged things") == ["table", "things"]


def points(*points):
    """Embeddings of these points, with a third coordinate of 0."""
    return torch.tensor([[x, y, 0.0] for x, y in points])


def test_an_encoder_with_a_domain_is_an_encoder_and_does_not_warn_by_itself(domain):
    encoder = PointEncoder(domain)
    assert isinstance(encoder, Encoder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.embed_frames(pictures(OUTSIDE))
        encoder.embed_texts(["a zebra"])


def test_an_encoder_without_a_domain_is_not_watched():
    watch = DomainWatch(PointEncoder())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watch.see(points(OUTSIDE, OUTSIDE))
        watch.read(["a zebra"])


def test_it_is_silent_while_most_frames_lie_inside(domain):
    watch = DomainWatch(PointEncoder(domain))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watch.see(points(INSIDE, INSIDE, OUTSIDE))
        watch.see(points(OUTSIDE))  # two of four: half, not more


def test_it_warns_once_when_more_than_half_of_all_frames_lay_outside(domain):
    watch = DomainWatch(PointEncoder(domain))
    watch.see(points(INSIDE, OUTSIDE))
    with pytest.warns(OutOfDomainWarning, match="2 of 3 frames"):
        watch.see(points(OUTSIDE))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watch.see(points(OUTSIDE, OUTSIDE))


def test_it_warns_once_for_each_unknown_word(domain):
    watch = DomainWatch(PointEncoder(domain))
    with pytest.warns(OutOfDomainWarning, match="never saw 'zebra', 'striped' in training"):
        watch.read(["a pole", "a zebra, striped"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watch.read(["the striped zebra", "an upright cart"])
    with pytest.warns(OutOfDomainWarning, match="never saw 'horse'"):
        watch.read(["a zebra and a horse"])
