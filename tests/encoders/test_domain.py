"""Where a model can be trusted, and when it is said that frames or sentences are not of its world."""

import warnings
from dataclasses import replace

import pytest
import torch
import vlmrm_envs as envs

from vlmrm.encoders import Domain, DomainWatch, Encoder, Preprocessing, load_encoder
from vlmrm.encoders.cards import BUILTIN_FOLDER, builtin_names
from vlmrm.encoders.domain_watch import WINDOW
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
    return Domain.fit(*samples(20_000, seed=0), words={"CartPole": WORDS})


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
        offsets = zip(point - domain.means.double(), domain.factors.double(), strict=True)
        expected = min(float((offset @ factor @ factor.T) @ offset) for offset, factor in offsets)
        assert float(distance) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_each_class_is_measured_by_deviations_of_its_own():
    """One class is ten times as wide as the other; 98 % of a Gaussian in two dimensions lie within 2.8 deviations."""
    generator = torch.Generator().manual_seed(0)
    classes = torch.arange(40_000) % 2
    wide = torch.tensor([0.1, 1.0])[classes][:, None]
    points = 20.0 * classes[:, None] + wide * torch.randn(40_000, 2, generator=generator)
    domain = Domain.fit(points, classes, words={})
    assert domain.outside(torch.tensor([[0.27, 0.0], [0.0, 0.29], [22.7, 20.0], [20.0, 22.9]])).tolist() == [
        False, True, False, True,
    ]  # fmt: skip


def test_fresh_frames_from_inside_are_outside_as_rarely_as_asked(domain):
    """One in 50, within what borders from 2,500 frames of each class let expect."""
    fresh, _ = samples(20_000, seed=2)
    assert 0.013 < domain.share_outside(fresh) < 0.027


def test_a_point_between_two_classes_or_off_the_plane_is_outside(domain):
    strange = torch.tensor([[5.0, 0.0, 0.0], [0.0, 0.0, 1.0], [10.0, 6.0, 0.0]])
    assert domain.share_outside(strange) == 1


def test_the_quantile_sets_how_many_are_let_in():
    strict = Domain.fit(*samples(20_000, seed=0), words={}, quantile=0.5)
    assert strict.share_outside(samples(20_000, seed=2)[0]) == pytest.approx(0.5, abs=0.02)


def test_it_survives_a_folder_beside_a_card_that_exists(tmp_path, domain):
    """In half precision: the thousandth part of a distance may get lost."""
    (tmp_path / "card.json").write_text('{"description": "A toy."}')
    replace(domain, nearness=0.25).save(tmp_path)
    again = Domain.load(tmp_path)
    points, _ = samples(50, seed=1)
    torch.testing.assert_close(again.distances(points), domain.distances(points), rtol=5e-3, atol=1e-3)
    assert again.words == {"CartPole": {"pole", "upright", "cart"}}
    assert again.nearness == 0.25
    assert '"description": "A toy."' in (tmp_path / "card.json").read_text()


def test_a_card_without_scenes_has_one(tmp_path, domain):
    domain.save(tmp_path)
    (tmp_path / "card.json").write_text('{"words": ["pole"]}')
    assert Domain.load(tmp_path).words == {"": {"pole"}}


@pytest.mark.parametrize("name", builtin_names())
def test_the_file_of_a_built_in_domain_is_small(name):
    assert (BUILTIN_FOLDER / name / "domain.safetensors").stat().st_size < 200_000


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
        Domain.fit(torch.eye(3), torch.arange(3), words={})


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


def test_it_warns_once_while_most_frames_lie_outside(domain):
    watch = DomainWatch(PointEncoder(domain))
    watch.see(points(INSIDE, OUTSIDE))
    with pytest.warns(OutOfDomainWarning, match="2 of the last 3 frames"):
        watch.see(points(OUTSIDE))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watch.see(points(OUTSIDE, OUTSIDE))


def test_only_recent_frames_count(domain):
    """After 3,000 frames of its own world, half a window of another one and one frame more are enough."""
    watch = DomainWatch(PointEncoder(domain))
    watch.see(points(*[INSIDE] * 3_000))
    watch.see(points(*[OUTSIDE] * (WINDOW // 2)))
    with pytest.warns(OutOfDomainWarning, match=f"{WINDOW // 2 + 1} of the last {WINDOW} frames"):
        watch.see(points(OUTSIDE))


def test_it_warns_again_after_frames_came_back_inside(domain):
    watch = DomainWatch(PointEncoder(domain))
    for _ in range(3):
        with pytest.warns(OutOfDomainWarning):
            watch.see(points(*[OUTSIDE] * WINDOW))
        watch.see(points(*[INSIDE] * WINDOW))


class SentenceEncoder(PointEncoder):
    """Takes each sentence for the point that it names."""

    def embed_texts(self, texts):
        return torch.tensor([[float(number) for number in text.split()] for text in texts])


def test_sentences_that_no_frame_comes_near_are_reported_after_the_first_window(domain):
    """Frames lie at (0, 0.5, 0), so that the product with "0 1 0" is 0.5 and with "1 0 0" 0."""
    encoder = SentenceEncoder(replace(domain, nearness=0.4))
    watch = DomainWatch(encoder, ["1 0 0", "0 0.5 0"])
    watch.see(points(*[INSIDE] * (WINDOW - 1)))
    with pytest.warns(OutOfDomainWarning, match=r"none of the sentences '1 0 0', '0 0.5 0' .* is 0.25, where .* 0.40"):
        watch.see(points(INSIDE))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watch.see(points(*[INSIDE] * 2 * WINDOW))
        DomainWatch(encoder, ["1 0 0", "0 1 0"]).see(points(*[INSIDE] * WINDOW))


@pytest.mark.parametrize("name", ["sim-xs", "sim-s"])
def test_a_sentence_about_another_scene_is_reported_and_none_about_its_own(name):
    """Rollouts of the cart and its pole; the first sentence is about the car and its flag."""
    encoder = load_encoder(name, device="cpu")
    frames = encoder.embed_frames(envs.labelled_frames("cartpole/upright", WINDOW, seed=3, size_px=96).frames)
    with pytest.warns(OutOfDomainWarning, match="about another scene"):
        DomainWatch(encoder, ["a car at the peak of the mountain", "a car in the mountain"]).see(frames)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DomainWatch(encoder, ["a pole hanging straight down", "pole and cart"]).see(frames)


def test_it_warns_once_for_each_unknown_word(domain):
    watch = DomainWatch(PointEncoder(domain))
    with pytest.warns(OutOfDomainWarning, match="'zebra' is in no .*; 'striped' is in no"):
        watch.read(["a pole", "a zebra, striped"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watch.read(["the striped zebra", "an upright cart"])
    with pytest.warns(OutOfDomainWarning, match="means: 'horse' is in no"):
        watch.read(["a zebra and a horse"])
