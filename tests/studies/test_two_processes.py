"""The two processes of the training chapter agree with one, and nothing is left behind."""

import subprocess

import pytest
import torch
import torch.distributed as dist

from gpt2lab.studies import two_processes

pytestmark = pytest.mark.skipif(not (dist.is_available() and dist.is_gloo_available()), reason="needs gloo")


def test_two_agree_with_one(monkeypatch):
    started = []
    real = subprocess.Popen

    def noted(*arguments, **options):
        started.append(real(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    losses = two_processes.two_process_losses(steps=3)
    torch.testing.assert_close(losses["one"], losses["two"], atol=1e-5, rtol=0)
    assert len(losses["one"]) == 3 and losses["one"][2] < losses["one"][0]
    assert [process.poll() for process in started] == [0, 0]


def test_a_process_that_fails_is_one_sentence(monkeypatch):
    monkeypatch.setattr(two_processes.sys, "executable", "python-that-is-not-there")
    with pytest.raises(RuntimeError, match="could not start"):
        two_processes.two_process_losses(steps=1)


def test_processes_that_do_not_end_are_ended(monkeypatch):
    monkeypatch.setattr(two_processes, "LIMIT", 0.05)
    with pytest.raises(RuntimeError, match="not finished within"):
        two_processes.two_process_losses(steps=1)


def test_zero_steps():
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1, got 0"):
        two_processes.two_process_losses(steps=0)
