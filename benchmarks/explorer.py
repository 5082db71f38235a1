"""The explorer: bytes, seconds to build, and milliseconds from a hand to a new picture.

Bytes and build time stand beside bertviz, CircuitsVis and inspectus on the same attention, where
those are installed (``pip install bertviz circuitsvis inspectus``). Building ours includes the run of
the model; theirs is handed the attention. The rest is taken in JupyterLab in headless Chromium with
software rendering, on a 12-layer, 12-head model of width 48; every time ends at a drawn frame. The
peers are run in the same JupyterLab with the same attention, and with every other host blocked.

A row's "other" is a peer's time, or the time that may be taken. ``--quick`` leaves the peers out.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import statistics
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import _peers
import torch
from _timing import PAIRS, Row, arguments, compare, provenance, report

from gpt2lab import GPT2, GPT2Config, course_encoding
from gpt2lab.course.browser import Lab, chromium_program, jupyterlab
from gpt2lab.explorer import Explorer

if TYPE_CHECKING:
    from playwright.sync_api import Page

LENGTHS = (32, 128)
FIRST_VIEW, ALL_MAPS = 250_000, 1_300_000  # bytes at 128 tokens
WORDS = "def area(width, height): return width * height if width > 0 else None # "
SETUP = f"""
import torch
from gpt2lab import GPT2, GPT2Config, course_encoding
from gpt2lab.explorer import Explorer
torch.manual_seed(0)
encoding = course_encoding()
model = GPT2(GPT2Config(vocab_size=1024, n_layers=12, n_heads=12, d_model=48, context_length=1024, dropout=0.0)).eval()
words = {WORDS!r} * 60
cut = lambda T: encoding.decode(encoding.encode_ordinary(words)[:T])
"""
CLOCK = """
addEventListener("keydown", (e) => { if (e.key === "Enter" && e.shiftKey) window.pressed = performance.now(); }, true);
window.frame = () => new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));
});
new MutationObserver(async () => {
  const shown = document.querySelectorAll(".g2x[data-drawn]");
  if (shown.length > (window.seen ?? 0)) { window.seen = shown.length; window.visible = await frame(); }
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-drawn"] });
window.until = (act) => new Promise((done) => {
  const root = [...document.querySelectorAll(".g2x")].pop();
  const start = performance.now();
  const watch = new MutationObserver(async () => { watch.disconnect(); done((await frame()) - start); });
  watch.observe(root, { attributes: true, attributeFilter: ["data-drawn"] });
  act(root);
});
"""
NUMBER = """(v) => until((root) => {
  const field = root.querySelectorAll(".g2x-selection input")[v.which];
  field.value = v.value;
  field.dispatchEvent(new Event("change"));
})"""
TYPE = """(text) => until((root) => {
  const box = root.querySelector(".g2x-text textarea");
  box.value = text;
  box.dispatchEvent(new Event("input"));
})"""


def make(T: int) -> Explorer:
    """Ours, from a model to the first view."""
    torch.manual_seed(0)
    encoding = course_encoding()
    config = GPT2Config(vocab_size=1024, n_layers=12, n_heads=12, d_model=48, context_length=T, dropout=0.0)
    return Explorer(GPT2(config).eval(), encoding, WORDS * 60)


def first_view_bytes(explorer: Explorer) -> int:
    """Everything that is sent before the first picture: program, style, scene."""
    binary = [run["thumbnails"] for run in explorer._scene["runs"]]
    binary += [data for answer in explorer._scene["first"].values() for data in answer["buffers"]]
    text = json.dumps(explorer.get_state(), default=lambda value: "")
    return len(text.encode()) + sum(map(len, binary))


def all_map_bytes(explorer: Explorer) -> int:
    """Every head's map, at full size."""
    return sum(len(explorer.answer(f"map/0/{i}/{j}")[1][0]) for i in range(12) for j in range(12))


def sizes_and_build_times(quick: bool) -> tuple[list[Row], dict[str, float]]:
    rows: list[Row] = []
    facts: dict[str, float] = {}
    for T in LENGTHS:
        explorer = make(T)
        assert explorer.tokens.shape[1] == T
        facts[f"first_view_bytes_{T}"] = first_view_bytes(explorer)
        facts[f"all_map_bytes_{T}"] = all_map_bytes(explorer)
        attention = [explorer.runs[0].block(i).attn.attn_weights for i in range(12)]
        for name, build in _peers.builds(attention, explorer._scene["labels"]).items():
            with contextlib.redirect_stdout(io.StringIO()):
                facts[f"{name}_bytes_{T}"] = len(build().encode("utf-8", "replace"))
                if T == min(LENGTHS) and not quick:
                    rows.append(
                        compare(
                            f"build, {T} tokens, beside {name}",
                            functools.partial(make, T),
                            build,
                            target=0.1,
                            warm_up=1,
                        )
                    )
    return rows, facts


def limit_row(name: str, milliseconds: list[float], limit: float) -> Row:
    """A row for a time that may be taken."""
    middle = statistics.median(milliseconds) / 1000
    low, _, high = statistics.quantiles(milliseconds, n=4) if len(milliseconds) > 2 else (0.0, 0.0, 0.0)
    return {
        "name": name, "ours_s": middle, "theirs_s": limit / 1000, "ratio": limit / 1000 / middle,
        "quartiles_ms": [low, high], "times": len(milliseconds), "target": 1.0, "met": middle * 1000 <= limit,
    }  # fmt: skip


def in_jupyterlab(quick: bool) -> tuple[list[Row], dict[str, float]]:
    """Times that a person would feel, in a browser; ours and the peers'."""
    from playwright.sync_api import sync_playwright

    program = chromium_program()
    if program is None:
        print("no Chromium: the times in the browser are left out")
        return [], {}
    with (
        tempfile.TemporaryDirectory() as folder,
        jupyterlab(Path(folder)) as (url, token),
        sync_playwright() as p,
    ):
        browser = p.chromium.launch(executable_path=program, args=["--no-sandbox"])
        lab = Lab(browser, Path(folder), url, token)
        try:
            rows = measure(lab, quick)
            if quick:
                return rows, {}
            first = next(row for row in rows if row["name"] == "run to visible, 128 tokens")
            theirs, facts = _peers.in_jupyterlab(lab, SETUP, first["ours_s"])
            return rows + theirs, facts
        finally:
            browser.close()


def measure(lab: Lab, quick: bool = False) -> list[Row]:
    """Our rows; a quick run shows each text twice instead of five times."""
    runs = 2 if quick else 5
    cells = [SETUP]
    for T in (128, 512):
        cells += [f"e = Explorer(model, encoding, cut({T})); e"] * runs
    cells.append("toy = GPT2(GPT2Config.tiny(vocab_size=1024)).eval(); e = Explorer(toy, encoding, 'a b'); e")
    with lab.open(lab.write("ours", cells), fresh=True, script=CLOCK) as notebook:
        page = notebook.page
        notebook.run(0)
        rows: list[Row] = []
        for first, (T, limit) in zip((1, 1 + runs), ((128, 800), (512, 1200)), strict=True):
            times = []
            for n in range(first, first + runs):
                seen = page.evaluate("window.seen ?? 0")
                notebook.run(n)
                page.wait_for_function("n => (window.seen ?? 0) > n && window.visible > window.pressed", arg=seen)
                times.append(page.evaluate("window.visible - window.pressed"))
            rows.append(limit_row(f"run to visible, {T} tokens", times[1:], limit))  # the first one imports
            if T == 128:
                rows += hands(page)
        notebook.run(len(cells) - 1)
        page.wait_for_timeout(800)
        texts = [f"x{i} = x + {i}  # change" for i in range(PAIRS)]
        rows.append(limit_row("edit to new picture, toy model", [page.evaluate(TYPE, text) for text in texts], 300))
        if notebook.blocked:
            raise SystemExit(f"the explorer asked other hosts: {notebook.blocked[:3]}")
    return rows


def hands(page: Page) -> list[Row]:
    """Selections in the head view of the last explorer on the page."""
    page.locator(".g2x").last.locator("[data-view=head]").click()
    page.wait_for_timeout(1500)  # the neighbours arrive
    loaded = [page.evaluate(NUMBER, {"which": 1, "value": 1 + i % 11}) for i in range(2 * PAIRS)][PAIRS:]
    asked = []
    for layer in range(2, 12):
        page.evaluate(NUMBER, {"which": 1, "value": layer % 12})
        page.wait_for_timeout(300)
        asked.append(page.evaluate(NUMBER, {"which": 0, "value": (layer * 5) % 12}))
        page.wait_for_timeout(300)
    return [
        limit_row("another head, loaded, to pixels", loaded, 50),
        limit_row("click to Python to picture", asked, 120),
    ]


def main() -> int:
    options = arguments(__doc__, quick=True)
    rows, facts = sizes_and_build_times(options.quick)
    for name, limit in (("first_view_bytes_128", FIRST_VIEW), ("all_map_bytes_128", ALL_MAPS)):
        if facts[name] > limit:
            raise SystemExit(f"{name} is {facts[name]:,}, at most {limit:,} are allowed")
    in_browser, more = in_jupyterlab(options.quick)
    rows += in_browser
    versions = {}
    for name in ("anywidget", "bertviz", "circuitsvis", "inspectus"):
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    return report("explorer", rows, {**provenance("jupyterlab"), **versions}, options.quick, **facts, **more)


if __name__ == "__main__":
    sys.exit(main())
