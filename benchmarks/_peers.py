"""bertviz, CircuitsVis and inspectus on the attention that our explorer shows.

What they are handed and where they are shown is the same for all: 12 layers of 12 heads, computed
beforehand, in JupyterLab with every other host blocked.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from types import ModuleType

import torch
from _timing import Row

from gpt2lab.course.browser import Lab, Notebook

RUNS = 3  # timed ones, after a first that imports; a peer that takes long is run once
LONG_S = 10
PATIENCE_S = 20  # a page that is idle and has drawn nothing by then is taken to draw nothing
BUSY_MS = 300_000  # but a page may be busy for minutes
GIVEN = """
labels = [encoding.decode([i]) for i in encoding.encode_ordinary(cut(128))]
with torch.no_grad():
    trace = model.trace(torch.tensor([encoding.encode_ordinary(cut(128))]))
attention = [block.attn.attn_weights for block in trace.blocks]
heads = torch.cat([layer[0] for layer in attention])
"""
# CircuitsVis asks google.com whether it is online, and offline takes the program that it brought along.
# It is told the answer, so that the asking does not count.
CELLS = {
    "bertviz": "from bertviz import head_view\nhead_view(attention, labels)",
    "circuitsvis": (
        "import circuitsvis.utils.render as render\n"
        "render.internet_on = lambda: False\n"
        "from circuitsvis.attention import attention_heads\n"
        "attention_heads(heads, labels)"
    ),
    "inspectus": "import inspectus\ninspectus.attention(tuple(attention), labels)",
}
# When a cell's output is in the page, and when something is drawn in it: lines or boxes of an SVG, a
# canvas that is not of one colour, a picture, or a picture made of many coloured boxes; in frames, too.
WATCH = """
addEventListener("keydown", (e) => { if (e.key === "Enter" && e.shiftKey) window.pressed = performance.now(); }, true);
const painted = (canvas) => {
  if (!canvas.width || !canvas.height || !canvas.getClientRects().length) return false;
  try {
    const small = new OffscreenCanvas(16, 16).getContext("2d");
    small.drawImage(canvas, 0, 0, 16, 16);
    return new Set(new Uint32Array(small.getImageData(0, 0, 16, 16).data.buffer)).size > 1;
  } catch { return true; }
};
const drawn = (root) => {
  const many = (svg) => svg.getClientRects().length && svg.querySelectorAll("rect, line, path, circle").length > 4;
  if ([...root.querySelectorAll("svg")].some(many)) return true;
  const canvases = [...root.querySelectorAll("canvas")];
  // Three of them: reading 144 back again and again would slow the peer down.
  if ([0, canvases.length >> 1, canvases.length - 1].some((i) => canvases[i] && painted(canvases[i]))) return true;
  if ([...root.querySelectorAll("img")].some((image) => image.complete && image.naturalWidth > 1)) return true;
  let coloured = 0;
  for (const box of root.querySelectorAll("td, div, span")) {
    if (box.style.backgroundColor && box.getClientRects().length) coloured += 1;
  }
  if (coloured > 20) return true;
  return [...root.querySelectorAll("iframe")].some((frame) => {
    try { return drawn(frame.contentDocument); } catch { return false; }
  });
};
window.watch = (n) => {
  window.inPage = window.visible = null;
  const pressed = window.pressed;
  const cell = document.querySelectorAll(".jp-Notebook .jp-CodeCell")[n];
  const look = () => {
    if (window.pressed !== pressed) {
      const output = cell.querySelector(".jp-OutputArea-output");
      if (output && window.inPage === null) window.inPage = performance.now();
      if (output && drawn(cell.querySelector(".jp-Cell-outputArea"))) {
        requestAnimationFrame(() => requestAnimationFrame(() => { window.visible = performance.now(); }));
        return;
      }
    }
    // To within 2 %: looking more often would slow a slow peer down.
    const since = window.pressed === pressed ? 0 : performance.now() - window.pressed;
    window.looking = setTimeout(look, Math.max(50, since / 50));
  };
  clearTimeout(window.looking);
  look();
};
"""


def in_jupyterlab(lab: Lab, setup: str, ours_s: float) -> tuple[list[Row], dict[str, float]]:
    """From Shift+Enter to something drawn, peer by peer, at 128 tokens.

    512 tokens are left out: the outputs are 200 to 1,000 MB, of which JupyterLab shows none in time.
    """
    rows: list[Row] = []
    facts: dict[str, float] = {}
    for name, cell in CELLS.items():
        if find_spec(name) is None:
            continue
        with lab.open(lab.write(name, [setup, GIVEN, cell]), fresh=True, script=WATCH) as notebook:
            notebook.run(0)
            notebook.run(1)
            notebook.page.set_default_timeout(BUSY_MS)
            shown = [_show(notebook)]
            facts[f"{name}_drawn_offline"] = shown[0][1] is not None
            facts[f"{name}_blocked_requests"] = len(notebook.blocked)
            if shown[0][1] is not None and shown[0][1] < LONG_S:
                shown = [_show(notebook) for _ in range(RUNS)]
        facts[f"{name}_output_in_page_s"] = statistics.median(at for at, _ in shown if at is not None)
        visible = [at for _, at in shown if at is not None]
        if len(visible) == len(shown):
            theirs_s = statistics.median(visible)
            rows.append(
                {
                    "name": f"run to visible, 128 tokens, beside {name}", "ours_s": ours_s, "theirs_s": theirs_s,
                    "ratio": theirs_s / ours_s, "times": len(visible), "target": 1.0, "met": theirs_s >= ours_s,
                }
            )  # fmt: skip
    return rows, facts


def _show(notebook: Notebook) -> tuple[float | None, float | None]:
    """Run the peer's cell: seconds until there is output, and until something is drawn (or None)."""
    page = notebook.page
    page.evaluate("window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    page.evaluate("watch(2)")
    notebook.run(2)
    end = time.monotonic() + PATIENCE_S
    while True:
        late = time.monotonic() > end
        if late:  # a page that was busy until now has drawn by the time it answers
            page.wait_for_timeout(1000)
        output, visible = page.evaluate(
            "[window.inPage, window.visible].map((at) => at && (at - window.pressed) / 1000)"
        )
        if late or visible is not None:
            return output, visible
        page.wait_for_timeout(100)


def builds(attention: list[torch.Tensor], tokens: list[str]) -> dict[str, Callable[[], str]]:
    """A function per installed peer; each returns the HTML that it would show."""
    found: dict[str, Callable[[], str]] = {}
    with contextlib.suppress(ImportError):
        from bertviz import head_view

        found["bertviz"] = lambda: head_view(attention, tokens, html_action="return").data
    with contextlib.suppress(ImportError):
        from circuitsvis.attention import attention_heads

        stacked = torch.cat([layer[0] for layer in attention])
        found["circuitsvis"] = lambda: str(attention_heads(stacked, tokens))
    with contextlib.suppress(ImportError):
        import inspectus
        import IPython.display

        def show() -> str:
            shown: list[str] = []
            with _replaced(IPython.display, "display", lambda *things, **_: shown.extend(_html(t) for t in things)):
                inspectus.attention(tuple(attention), tokens)
            return "".join(shown)

        found["inspectus"] = show
    return found


@contextlib.contextmanager
def _replaced(owner: ModuleType, name: str, value: object) -> Iterator[None]:
    """``owner.name`` is ``value`` meanwhile, also where inspectus has imported it."""
    before = getattr(owner, name)
    modules = [m for m in list(sys.modules.values()) if (getattr(m, "__name__", None) or "").startswith("inspectus")]
    users = [m for m in [owner, *modules] if getattr(m, name, None) is before]
    for user in users:
        setattr(user, name, value)
    try:
        yield
    finally:
        for user in users:
            setattr(user, name, before)


def _html(thing: object) -> str:
    return getattr(thing, "data", None) or str(thing)
