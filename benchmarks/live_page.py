"""The page that holds its model: milliseconds from an edit to the new picture, and bytes beside the weights.

From disk, in headless Chromium with software rendering. An edit is sent with Enter, so that the pause after
typing is not part of it; every time ends at a drawn frame. ``english`` reads 32 tokens, ``reference`` the 17
of its whole context; each edit changes the text near its start, so that nothing could be kept, and one
edit in two is of a model with a head off, which runs it twice.

A row's "other" is the time that may be taken.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from _timing import PAIRS, Row, arguments, provenance, report
from explorer import CLOCK, limit_row

from gpt2lab.course.browser import chromium_program
from gpt2lab.explorer import Explorer, live
from gpt2lab.zoo import load_toy

LIMIT, PROGRAM = 100, 200_000  # milliseconds; bytes beside the weights
ENGLISH = "the garden was quite full of people who had never seen so very fine and so warm a morning"
TEXTS = {
    "english": [
        f"{name} said that {ENGLISH} before. It was {name}, they thought." for name in ("Emma", "Anne", "Jane", "Mary")
    ],
    "reference": [
        f"the {first} could not lift the {second} because it was {why}. it means the {first}"
        for first in ("robot", "crane")
        for second, why in (("box", "weak"), ("statue", "heavy"))
    ],
}
EDIT = """(text) => until((root) => {
  const box = root.querySelector(".g2x-text textarea");
  box.value = text;
  box.dispatchEvent(new Event("input"));
  box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
})"""


def measure(name: str, folder: Path) -> tuple[list[Row], dict[str, float]]:
    """The times of one model's page, and its size."""
    from playwright.sync_api import sync_playwright

    toy = load_toy(name)
    explorer = Explorer(toy.model, toy.encoding, TEXTS[name][0], title=name, view="overview")
    path = folder / f"{name}.html"
    explorer.save(path, recorded=False)
    program = path.stat().st_size - len(live.model_data(explorer.screen)["weights"]["base64"])
    T, rows = explorer.tokens.shape[1], []
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium_program(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.add_init_script(CLOCK)
        page.goto(path.as_uri())
        page.locator(".g2x[data-drawn]").wait_for()
        for what, after in (("edit to picture", None), ("edit to picture, a head off", "head 0.0")):
            if after:
                page.get_by_role("button", name="Switch parts off").click()
                page.get_by_label("head 0").first.uncheck()
            page.wait_for_timeout(500)
            times = [page.evaluate(EDIT, TEXTS[name][(i + 1) % 4] + "!" * (i // 4 % 2)) for i in range(PAIRS + 8)][8:]
            rows.append(limit_row(f"{name}, {T} tokens: {what}", times, LIMIT))
        browser.close()
    return rows, {f"{name}_bytes_beside_weights": program}


def main() -> int:
    options = arguments(__doc__, quick=True)
    if chromium_program() is None:
        raise SystemExit("no Chromium: there is nothing to time")
    rows: list[Row] = []
    facts: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in TEXTS:
            more, bytes_ = measure(name, Path(folder))
            rows, facts = rows + more, {**facts, **bytes_}
    if max(facts.values()) > PROGRAM:
        raise SystemExit(f"a page holds more than {PROGRAM:,} bytes beside its weights: {facts}")
    return report("live_page", rows, provenance("playwright"), options.quick, **facts)


if __name__ == "__main__":
    sys.exit(main())
