"""Makes ``explorer.png``, the picture in the README: ``gpt2lab explore``, photographed in a browser.

    python docs/make_picture.py

Needs the test tools (Playwright, Voilà) and a Chromium on the path. The model is a toy that comes
with the course, so everybody can make the same picture.

Before and after the shot the page is asked what it shows. Unless both answers are what the caption
claims, there is no picture. The answer is stored in the PNG as text, one entry per field of
``Shown``; ``tests/test_picture.py`` compares it with the caption and with the model.
"""

from __future__ import annotations

import dataclasses
import io
import re
import subprocess
import sys
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Page, ViewportSize, sync_playwright

from gpt2lab.course.browser import chromium_program
from gpt2lab.files import atomic_write

PICTURE = Path(__file__).with_name("explorer.png")
MODEL = "reference"
SIZE: ViewportSize = {"width": 1180, "height": 1010}  # CSS pixels
PATIENCE = 900  # times 0.1 s: starting a kernel and loading torch takes long on a busy machine

# ``data-drawn`` names the last complete drawing. The rest guards against an explorer that is on its
# way from it to another one: a field already changed, an answer still to come, a text just typed.
READ = """() => {
  const root = document.querySelector(".g2x[data-drawn]");
  if (!root || root.classList.contains("g2x-old") || root.querySelector("[aria-busy=true]")) return null;
  const [revision, view, layer, head, token, theme] = root.dataset.drawn.split(" ");
  const text = [...root.querySelectorAll(".g2x-token")].map((chip) => chip.textContent).join("").replaceAll("␣", " ");
  const fields = [...root.querySelectorAll(".g2x-selection input")].map((field) => field.value);
  if (fields.join(" ") !== `${layer} ${head}` || root.querySelector("textarea").value !== text) return null;
  const next = root.querySelector(".g2x-prediction .g2x-candidate")?.title ?? "";
  const prediction = /^(\\S+): /.exec(next)?.[1].replaceAll("␣", " ") ?? "";
  return { revision, shown: { text, view, layer: +layer, head: +head, token: +token, theme, prediction } };
}"""


@dataclasses.dataclass(frozen=True)
class Shown:
    """What an explorer's page shows; ``token`` is the position of the query, ``prediction`` the likeliest next one."""

    text: str
    view: str
    layer: int
    head: int
    token: int
    theme: str
    prediction: str


# What the caption in README.md says.
CLAIMED = Shown(
    text="the robot could not lift the box because it was weak. it means the",
    view="head", layer=1, head=0, token=14, theme="light", prediction=" robot",
)  # fmt: skip


def main() -> None:
    explore = ["explore", "--model", MODEL, "--text", CLAIMED.text, "--view", CLAIMED.view, "--no-browser"]
    with subprocess.Popen([sys.executable, "-m", "gpt2lab", *explore], stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = map(re.compile(r"http://\S+").search, process.stdout or ())
            address = next((found[0] for found in lines if found), None)
            if address is None:
                raise SystemExit("gpt2lab explore ended without an address; its own message says why")
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(executable_path=chromium_program(), args=["--no-sandbox"])
                page = chromium.new_page(viewport=SIZE, device_scale_factor=1.5)
                page.goto(address)
                picture = photograph(page, CLAIMED)
                chromium.close()
        finally:
            process.terminate()
    with atomic_write(PICTURE) as part:
        part.write_bytes(picture)


def photograph(page: Page, wanted: Shown, patience: int = PATIENCE) -> bytes:
    """A PNG of the explorer on the page, with what it shows as text metadata.

    Parameters
    ----------
    page : Page
        With an explorer, or about to have one.
    wanted : Shown
        Layer and head are selected; the rest must be as wanted already.
    patience : int
        How many times to ask the page, every 0.1 s.

    Raises
    ------
    RuntimeError
        If the page does not come to show what is wanted, or shows something else after the shot.
    """
    page.locator(".g2x[data-drawn]").wait_for(timeout=PATIENCE * 100)
    for name, value in (("Layer", wanted.layer), ("Head", wanted.head)):
        field = page.get_by_label(name, exact=True)
        field.fill(str(value))
        field.press("Enter")
        field.blur()  # no focus ring in the picture
    before = read(page)
    for _ in range(patience):
        if before is not None and before[1] == wanted:
            break
        page.wait_for_timeout(100)
        before = read(page)
    else:
        raise RuntimeError(f"the page does not show what the picture is of: wanted {wanted}, shown {before}")
    shot = page.locator(".g2x").screenshot()
    after = read(page)
    if after != before:
        raise RuntimeError(f"the page changed while the picture was taken: from {before} to {after}")
    return with_metadata(shot, before[1])


def read(page: Page) -> tuple[str, Shown] | None:
    """The revision of the text's run and what the page shows; None while that is changing."""
    state = page.evaluate(READ)
    return None if state is None else (state["revision"], Shown(**state["shown"]))


def with_metadata(png: bytes, shown: Shown) -> bytes:
    """The same pixels, and the fields of ``shown`` as text."""
    info, file = PngInfo(), io.BytesIO()
    info.add_text("model", MODEL)
    for name, value in dataclasses.asdict(shown).items():
        info.add_text(name, str(value))
    Image.open(io.BytesIO(png)).convert("RGB").save(file, "png", pnginfo=info, optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    main()
