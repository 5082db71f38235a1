"""What every test gets: one thread for arithmetic, shapes that are enforced where components are tested, and
(pyproject.toml) no network but this computer's own.

Sums depend on the number of threads in their last digits, and the workers of pytest-xdist share the
processor. Set before anything imports torch; programs that tests start inherit it.
"""

import gc
import os
import shutil
import sys
from pathlib import Path

import jaxtyping
import pytest

ROOT = Path(__file__).parents[1]

# The modules that state tensor shapes: jaxtyping and beartype compare each call with them. Before they are imported.
SHAPED = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "gpt2lab").rglob("*.py"))
    if "\nfrom jaxtyping import " in path.read_text(encoding="utf-8")
]
jaxtyping.install_import_hook(SHAPED, "beartype.beartype")

# Where their own tests lie; "tests" are those in no room. Comparing takes a third of the time of a test that runs a
# small model, so the rooms that only use models run them as a reader does, unless --shapes-everywhere is given.
ROOMS_OF_SHAPES = {"tests", "attention", "family", "studies", "tasks", "training"}
# In those rooms, but they call a whole model thousands of times: comparing would be up to half of their time.
WITHOUT_SHAPES = {"test_padding.py", "test_classifying.py", "test_asking.py"}

os.environ.update({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub


def pytest_addoption(parser):
    parser.addoption("--shapes-everywhere", action="store_true", help="enforce tensor shapes in every test")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    enforced = item.path.parent.name in ROOMS_OF_SHAPES and item.path.name not in WITHOUT_SHAPES
    enforced = enforced or item.config.getoption("--shapes-everywhere")
    jaxtyping.config.update("jaxtyping_disable", not enforced)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Modules and tests stay until the end: Python shall not search them for garbage again and again.

    Afterwards it searches less often than it would by itself, which is a twentieth of the tests' time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish():
    """pytest itself now searches five times for garbage whose end went wrong: one search is enough."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def only_devices_that_are_there_are_seeded():
    """torch.manual_seed notes the whole call stack for each kind of GPU that might still come: half a millisecond."""
    import torch

    for device in (torch.cuda, torch.xpu, torch.mtia):
        if not device.is_available():
            device.manual_seed_all = lambda seed: None


@pytest.fixture(scope="module", autouse=True)
def widgets_are_closed():
    """ipywidgets keeps every open widget, and with it the panel's model and picture, until the process ends."""
    yield
    if ipywidgets := sys.modules.get("ipywidgets"):
        ipywidgets.Widget.close_all()


@pytest.fixture(scope="session")
def node():
    """Node.js, for the tests of JavaScript and those that compare Python with it."""
    program = shutil.which("node")
    if program is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("needs Node.js, which is not installed")
    return program


@pytest.fixture(scope="session")
def chromium():
    """A headless browser, one for a process: Playwright allows no second. Without Chromium: skip; in CI: fail."""
    playwright_api = pytest.importorskip("playwright.sync_api")
    from gpt2lab.course.browser import chromium_program

    program = chromium_program()
    if program is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("needs Chromium, which is not installed")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
