"""Makes ``explorer.png``, the picture in the README: ``gpt2lab explore``, photographed in a browser.

    python docs/make_picture.py

Needs the test tools (Playwright, Voilà) and a Chromium on the path. The model is a toy that comes
with the course, so everybody can make the same picture.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
TEXT = "the robot could not lift the box because it was weak. it means the"
SIZE = {"width": 1180, "height": 900}  # CSS pixels
EXPLORE = ["-m", "gpt2lab", "explore", "--model", "reference", "--text", TEXT, "--view", "head", "--no-browser"]


def main() -> None:
    with subprocess.Popen([sys.executable, *EXPLORE], stdout=subprocess.PIPE, text=True) as process:
        try:
            address = next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
            photograph(address)
        finally:
            process.terminate()


def photograph(address: str) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = chromium.new_page(viewport=SIZE, device_scale_factor=1.5)
        page.set_default_timeout(90_000)
        page.goto(address)
        layer = page.get_by_label("Layer", exact=True)
        layer.fill("1")
        layer.press("Enter")
        page.get_by_text("of its attention").wait_for()
        layer.blur()
        page.locator(".g2x").screenshot(path=HERE / "explorer.png")
        chromium.close()


if __name__ == "__main__":
    main()
