"""What every test gets: one thread for arithmetic, and (pyproject.toml) no network but this computer's own.

Sums depend on the number of threads in their last digits, and the workers of pytest-xdist share the
processor. Set before anything imports torch; programs that tests start inherit it.
"""

import os
import shutil

import pytest

os.environ.update({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub


@pytest.fixture(scope="session")
def node():
    """Node.js, for the tests of JavaScript and those that compare Python with it."""
    program = shutil.which("node")
    if program is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("needs Node.js, which is not installed")
    return program
