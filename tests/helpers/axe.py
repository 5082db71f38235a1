"""axe-core, the accessibility checker, from the npm registry into a per-user cache.

It is fetched once, with ``npm install`` and no scripts, by the tests that use it. Where it cannot be
fetched they are skipped; with CI=true that is a failure. ``npm install --prefix
~/.cache/gpt2lab/axe-core-VERSION axe-core@VERSION`` fetches it by hand.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

VERSION = "4.14.1"


def axe_source():
    """The text of axe.min.js."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gpt2lab" / f"axe-core-{VERSION}"
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file() and (npm := shutil.which("npm")):
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            npm,
            "install",
            "--no-save",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--prefix",
            str(folder),
        ]
        subprocess.run([*command, f"axe-core@{VERSION}"], capture_output=True)
    if not script.is_file():
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("needs axe-core, which npm could not fetch: see tests/helpers/axe.py")
    return script.read_text(encoding="utf-8")
