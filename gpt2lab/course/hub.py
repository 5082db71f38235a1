"""`gpt2lab hub`: a learner's server, as JupyterHub starts it (``c.Spawner.cmd``; see docs/classroom.md).

It is what `gpt2lab open` opens, with JupyterHub's own program in place of JupyterLab's: that one asks the hub who
may come in, and learns from variables of the environment where to listen.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys

from gpt2lab.course import jupyter, workspace
from gpt2lab.errors import InputError


def hub_command(arguments: list[str]) -> int:
    """`gpt2lab hub`"""
    description = "A learner's server, as JupyterHub starts it. What is given goes to jupyterhub-singleuser."
    _, rest = argparse.ArgumentParser("gpt2lab hub", description=description).parse_known_args(arguments)
    if not importlib.util.find_spec("jupyterhub"):
        raise InputError(
            f"Expected JupyterHub beside the course. Install it: {sys.executable} -m pip install jupyterhub"
        )
    if "JUPYTERHUB_API_TOKEN" not in os.environ:
        raise InputError("Expected to be started by JupyterHub (c.Spawner.cmd). By hand, use `gpt2lab open`.")
    root = workspace.course_root()
    jupyter.prepare_work(root)
    command = [sys.executable, "-m", "jupyterhub.singleuser", *jupyter.served_by(workspace.home(root)), *rest]
    command += [f"--ServerApp.default_url=/lab/{jupyter.chapter_page(root, '0', edit=False)}"]
    os.execve(command[0], command, jupyter.jupyter_environment(root))
