"""Makes ``explorer.png``, the picture in the README: the explorer, photographed in a browser.

    python docs/make_picture.py

Needs the test tools (Playwright) and a Chromium on the path. The model is a toy that comes with the
course, so everybody can make the same picture.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from gpt2lab.explorer import Explorer
from gpt2lab.zoo import load_toy

HERE = Path(__file__).parent
TEXT = "the robot could not lift the box because it was weak. it means the"
SIZE = {"width": 1180, "height": 820}  # CSS pixels


def main() -> None:
    toy = load_toy("reference")
    title = "Trained toy model: which noun does “it” mean?"
    explorer = Explorer(toy.model, toy.encoding, text=TEXT, title=title, view="head", layer=1)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "explorer.html"
        explorer.save(page_file)
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = chromium.new_page(viewport=SIZE, device_scale_factor=1.5)
        page.goto(page_file.as_uri())
        page.get_by_text("Who looks at whom").wait_for()
        page.screenshot(path=HERE / "explorer.png", full_page=True)
        chromium.close()


if __name__ == "__main__":
    main()
