import logging

import pytest
import torch

from vlmrm.encoders import runtime
from vlmrm.encoders.runtime import Runtime, choose_runtime
from vlmrm.errors import EncoderError


def test_the_cpu_computes_in_full_precision_unless_asked():
    assert choose_runtime("cpu") == Runtime(device=torch.device("cpu"), precision="fp32", batch_size=32)
    assert choose_runtime("cpu").dtype == torch.float32


def test_bf16_on_a_cpu_without_it_is_allowed_and_said(monkeypatch, caplog):
    monkeypatch.setattr(runtime, "_cpu_has_bf16", lambda: False)
    with caplog.at_level(logging.WARNING):
        assert choose_runtime("cpu", "bf16").dtype == torch.bfloat16
    assert "emulate" in caplog.text


def test_bf16_on_a_cpu_with_it_says_nothing(monkeypatch, caplog):
    monkeypatch.setattr(runtime, "_cpu_has_bf16", lambda: True)
    with caplog.at_level(logging.WARNING):
        choose_runtime("cpu", "bf16")
    assert not caplog.records


@pytest.mark.parametrize(
    ("device", "precision", "batch_size", "message"),
    [
        ("cpu", "fp16", None, "fp16 is for GPUs"),
        ("cpu", "int4", None, "Known: fp32, bf16, fp16"),
        ("cpu", None, 0, "at least 1"),
        ("gpu", None, None, "no device 'gpu' here"),
        ("cuda:99", None, None, "no device 'cuda:99' here"),
    ],
)
def test_what_is_not_there_or_does_not_go_together_is_an_error(device, precision, batch_size, message):
    with pytest.raises(EncoderError, match=message):
        choose_runtime(device, precision, batch_size=batch_size)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_is_taken_where_there_is_one_in_half_precision():
    chosen = choose_runtime()
    assert chosen.device.type == "cuda"
    assert chosen.precision in ("bf16", "fp16")
