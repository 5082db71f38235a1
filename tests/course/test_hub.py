"""A learner's server, as JupyterHub starts it."""

import json
import sys

import pytest

from gpt2lab.course import hub
from gpt2lab.errors import InputError
from gpt2lab.files.records import HOME


class Started(Exception):
    """What would have taken the place of this process."""


def test_it_opens_the_learners_copies_with_the_hubs_own_program(tmp_path, monkeypatch):
    (tmp_path / "course" / "chapters").mkdir(parents=True)
    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "course" / "chapters" / "00_map.ipynb").write_text(json.dumps(empty))
    monkeypatch.setenv(HOME, str(tmp_path / "ada"))
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
    monkeypatch.setattr(hub.workspace, "course_root", lambda: tmp_path / "course")
    monkeypatch.setattr(hub.importlib.util, "find_spec", lambda name: object())

    def start(program, command, environment):
        raise Started(program, command, environment)

    monkeypatch.setattr(hub.os, "execve", start)
    with pytest.raises(Started) as seen:
        hub.hub_command(["--allow-root"])
    program, command, environment = seen.value.args
    assert program == sys.executable and command[1:3] == ["-m", "jupyterhub.singleuser"] and "--allow-root" in command
    assert f"--ServerApp.root_dir={tmp_path / 'ada'}" in command
    assert "--ServerApp.default_url=/lab/tree/work/00_map.ipynb" in command
    assert any("CourseContents" in part for part in command)
    assert environment["JUPYTERHUB_API_TOKEN"] == "secret" and not any("secret" in part for part in command)
    assert (tmp_path / "ada" / "work" / "00_map.ipynb").exists()


@pytest.mark.parametrize(("there", "said"), [(None, "pip install jupyterhub"), (object(), "use `gpt2lab open`")])
def test_without_a_hub_it_says_what_to_do(monkeypatch, there, said):
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    monkeypatch.setattr(hub.importlib.util, "find_spec", lambda name: there)
    with pytest.raises(InputError, match=said):
        hub.hub_command([])
