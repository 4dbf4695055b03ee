import pytest
from stable_baselines3 import SAC

from vlmrm.training.threads import crowding_note, learns_on_one_thread


@pytest.mark.parametrize(
    ("threads", "load", "told"), [(2, 7.6, True), (2, 0.5, False), (1, 7.6, False)], ids=["busy", "free", "one thread"]
)
def test_a_user_is_told_when_other_programs_want_the_cores(threads, load, told, monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    note = crowding_note(threads)
    assert (note is not None) is told
    if told:
        assert note == "other programs keep the 2 cores busy (load 8); --threads 1 may be many times faster."


@pytest.mark.parametrize(("batch_size", "alone"), [(64, True), (256, True), (512, False)])
def test_large_batches_are_shared_among_threads(batch_size, alone):
    agent = SAC("MlpPolicy", "Pendulum-v1", batch_size=batch_size, buffer_size=10, device="cpu")
    assert learns_on_one_thread(agent) is alone
