"""Node.js for the tests that compare Python with JavaScript."""

import os
import shutil

import pytest


@pytest.fixture(scope="session")
def node():
    program = shutil.which("node")
    if program is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("needs Node.js, which is not installed")
    return program
