"""What `pytest --nbval chapters/…` needs and adds, set here so that it holds from every working directory."""

import os
from pathlib import Path

SANITIZE = Path(__file__).parent / "tests" / "nbval_sanitize.cfg"


def pytest_configure(config):
    if not getattr(config.option, "nbval", False):
        return
    from gpt2lab.course import notebooks  # not at the top: the tests load the package with its shapes enforced

    # Outputs are compared in the environment in which they were made.
    os.environ.update(notebooks.environment())
    config.option.nbval_current_env = True  # this Python, not whatever kernel is called python3
    config.option.nbval_cell_timeout = notebooks.CELL_TIMEOUT  # nbval's own is half an hour
    config.option.nbval_sanitize_with = str(SANITIZE)


def pytest_collection_modifyitems(config, items):
    if getattr(config.option, "nbval", False):
        from solutions import with_solutions

        items[:] = with_solutions(items)
