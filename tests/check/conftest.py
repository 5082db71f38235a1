"""No check trains a model here, except where a test says so."""

import importlib

import made_up_runs
import pytest


@pytest.fixture(autouse=True)
def no_training(monkeypatch):
    monkeypatch.setattr(importlib.import_module("gpt2lab.check.rope_lab"), "measure", made_up_runs.measure)
