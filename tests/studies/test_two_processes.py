"""The two processes of the training chapter agree with one, and what goes wrong is said in a sentence."""

import datetime

import pytest
import torch
import torch.distributed as dist

from gpt2lab.studies import two_processes

pytestmark = pytest.mark.skipif(not (dist.is_available() and dist.is_gloo_available()), reason="needs gloo")


def test_two_agree_with_one():
    losses = two_processes.two_process_losses(steps=3)
    torch.testing.assert_close(losses["one"], losses["two"], atol=1e-5, rtol=0)
    assert len(losses["one"]) == 3 and losses["one"][2] < losses["one"][0]


def test_a_process_that_fails_is_one_sentence():
    """Steps that only the two processes get to see, so that both raise."""
    with pytest.raises(RuntimeError, match="one of the two processes failed: .*steps must be .* at least 1, got 0$"):
        two_processes._launch(0)


def test_processes_that_cannot_start_are_one_sentence(monkeypatch):
    monkeypatch.setattr(two_processes.sys, "executable", "python-that-is-not-there")
    with pytest.raises(RuntimeError, match="could not start"):
        two_processes.two_process_losses(steps=1)


def test_a_process_whose_partner_never_comes_gives_up(tmp_path, monkeypatch):
    waited = []

    def alone(backend, timeout, **meeting):
        waited.append(timeout)
        dist.distributed_c10d.init_process_group(backend, timeout=datetime.timedelta(milliseconds=50), **meeting)

    monkeypatch.setattr(two_processes.dist, "init_process_group", alone)
    with pytest.raises(RuntimeError, match="(?i)time"):
        two_processes._process(0, 1, str(tmp_path))
    assert waited == [datetime.timedelta(seconds=two_processes.LIMIT)]
    assert not dist.is_initialized()


@pytest.mark.parametrize("steps", [0, 1.5, True])
def test_steps_that_are_none(steps):
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1, got"):
        two_processes.two_process_losses(steps=steps)
