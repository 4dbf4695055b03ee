"""The curvature of CLIP's losses in an embedding, against autograd's Hessians."""

import pytest
import torch
from torch.nn.functional import cosine_similarity, cross_entropy, logsigmoid

from tests.rewards.transforms.uncertainty.two_towers import BIAS, SCALE, normal
from vlmrm.rewards.transforms.uncertainty import laplace
from vlmrm.rewards.transforms.uncertainty.laplace import curvatures


def logits(frame, texts):
    return SCALE * cosine_similarity(frame[None], texts, dim=1)


def expected_hessian(loss, shares, point):
    """Mean Hessian over the answers, each as likely as the model itself thinks."""
    parts = [
        share * torch.autograd.functional.hessian(lambda p, answer=answer: loss(p, answer), point)
        for answer, share in enumerate(shares)
    ]
    return torch.stack(parts).sum(dim=0)


def softmax_loss(frame, texts, answer):
    return cross_entropy(logits(frame, texts)[None], torch.tensor([answer]))


def sigmoid_loss(frame, text, answer):
    """0: they do not belong together; 1: they do."""
    logit = logits(frame, text[None])[0] + BIAS
    return -logsigmoid(logit if answer else -logit)


@pytest.mark.parametrize("lengths", [1.0, 30.0])
def test_the_curvature_in_a_frame_is_infonces_hessian_averaged_over_the_answers(lengths):
    """The Gauss-Newton matrix of a softmax is its Fisher matrix: the answers' mean Hessian, through the length too."""
    frames, texts = lengths * normal(3, 4), normal(3, 4, seed=1)
    expected = torch.zeros(4, 4, dtype=torch.float64)
    for frame in frames:
        shares = logits(frame, texts).softmax(dim=0)
        expected += expected_hessian(lambda p, answer: softmax_loss(p, texts, answer), shares, frame) / 3
    torch.testing.assert_close(curvatures(frames, texts, scale=SCALE)[0], expected)


def test_the_curvature_in_a_frame_is_the_gauss_newton_matrix_of_infonce():
    """The softmax's Hessian in the logits between the logits' Jacobian in the embedding."""
    frame, texts = normal(4), normal(3, 4, seed=1)
    jacobian = torch.autograd.functional.jacobian(lambda p: logits(p, texts), frame)
    bend = torch.autograd.functional.hessian(
        lambda values: cross_entropy(values[None], torch.tensor([1])), logits(frame, texts)
    )
    torch.testing.assert_close(curvatures(frame[None], texts, scale=SCALE)[0], jacobian.T @ bend @ jacobian)


def test_the_curvature_in_a_sentence_is_infonces_hessian_averaged_over_the_answers():
    frames, texts = normal(3, 4), 5 * normal(2, 4, seed=1)
    expected = torch.zeros(4, 4, dtype=torch.float64)
    for frame in frames:
        shares = logits(frame, texts).softmax(dim=0)
        for j in range(2):

            def loss(text, answer, frame=frame, j=j):
                return softmax_loss(frame, torch.cat([texts[:j], text[None], texts[j + 1 :]]), answer)

            expected += expected_hessian(loss, shares, texts[j]) / 6
    torch.testing.assert_close(curvatures(frames, texts, scale=SCALE)[1], expected)


def test_the_curvatures_of_a_sigmoid_are_its_hessians_averaged_over_the_answers():
    frames, texts = normal(3, 4), 5 * normal(2, 4, seed=1)
    in_frames, in_texts = torch.zeros(2, 4, 4, dtype=torch.float64)
    for frame in frames:
        for text in texts:
            yes = (logits(frame, text[None])[0] + BIAS).sigmoid()
            shares = (1 - yes, yes)
            in_frames += expected_hessian(lambda p, answer, t=text: sigmoid_loss(p, t, answer), shares, frame) / 3
            in_texts += expected_hessian(lambda p, answer, f=frame: sigmoid_loss(f, p, answer), shares, text) / 6
    ours = curvatures(frames, texts, scale=SCALE, bias=BIAS)
    torch.testing.assert_close(ours[0], in_frames)
    torch.testing.assert_close(ours[1], in_texts)


@pytest.mark.parametrize("bias", [None, BIAS])
def test_curvatures_are_positive_semi_definite_and_flat_along_the_embedding(bias):
    """A longer embedding has the same cosine."""
    frames, texts = normal(1, 6), normal(4, 6, seed=1)
    of_frame, of_texts = curvatures(frames, texts, scale=SCALE, bias=bias)
    assert torch.linalg.eigvalsh(of_frame).min() > -1e-12
    assert torch.linalg.eigvalsh(of_texts).min() > -1e-12
    assert (of_frame @ frames[0]).abs().max() < 1e-12
    assert of_frame.trace() > 0.1


def test_the_curvature_falls_with_the_square_of_the_length():
    frames, texts = normal(5, 6), normal(4, 6, seed=1)
    near, far = curvatures(frames, texts, scale=SCALE), curvatures(10 * frames, texts, scale=SCALE)
    torch.testing.assert_close(100 * far[0], near[0])
    torch.testing.assert_close(far[1], near[1])


def test_curvatures_do_not_depend_on_how_many_are_summed_at_once(monkeypatch):
    frames, texts = normal(9, 6), normal(4, 6, seed=1)
    whole = curvatures(frames, texts, scale=SCALE)
    for at_once in (1, 2 * texts.numel()):
        monkeypatch.setattr(laplace, "_ELEMENTS", at_once)
        for part, all_at_once in zip(curvatures(frames, texts, scale=SCALE), whole, strict=True):
            torch.testing.assert_close(part, all_at_once)
