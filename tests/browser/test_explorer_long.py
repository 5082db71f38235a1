"""The longest text GPT-2 takes: 1,024 tokens, 12 layers of 12 heads, in JupyterLab."""

from explorer_page import Shown

from gpt2lab.explorer.selection import VIEWS

T, LAYERS, HEADS = 1024, 12, 12
KERNEL_MB = 700  # most that all of this may take at any moment; all attention maps alone are 604 MB
SETUP = f"""
import resource
import torch
from gpt2lab import GPT2, GPT2Config, course_encoding
from gpt2lab.explorer import Explorer
torch.manual_seed(0)
encoding = course_encoding()
model = GPT2(GPT2Config(vocab_size=1024, n_layers={LAYERS}, n_heads={HEADS}, d_model=48, context_length={T})).eval()
for block in model.blocks:
    block.attn.qkv.weight.data *= 8
words = "def area(width, height): return width * height if width > 0 else None # " * 60
text = encoding.decode(encoding.encode_ordinary(words)[:{T}])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MB, on Linux
model(torch.zeros(1, {T}, dtype=torch.long))
before = peak()
"""
SHOW = "explorer = Explorer(model, encoding, text)\nexplorer"
CHECK = "print(explorer.tokens.shape[1], explorer.layer, explorer.head, round(peak() - before))"
# Everything that is drawn, as boxes on the page: nothing may be wider than its explorer.
SOUND = """e => {
    const width = e.getBoundingClientRect().width;
    const shown = (x) => x.offsetParent !== null;
    const canvases = [...e.querySelectorAll('canvas')].filter(shown);
    const fits = (c) => c.clientWidth <= width && Math.abs(c.width - c.clientWidth * devicePixelRatio) <= 1;
    return {
        page: document.documentElement.scrollWidth <= innerWidth,
        explorer: e.scrollWidth <= e.clientWidth,
        panel: [...e.querySelectorAll('.g2x-panel')].every((p) => p.scrollWidth <= p.clientWidth),
        // As many pixels as are seen and no more: not one per weight.
        canvases: canvases.every((c) => c.width <= 1 || fits(c)),
        labels: [...e.querySelectorAll('.g2x-panel svg')].every((s) => s.querySelectorAll('text').length < 400),
    };
}"""
OVERLAPS = """e => {
    const found = [];
    for (const svg of e.querySelectorAll('.g2x-panel svg')) {
        const boxes = [...svg.querySelectorAll('text')].filter((t) => t.textContent.trim())
            .map((t) => [t.textContent, t.getBoundingClientRect()]).filter(([, b]) => b.width);
        boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
            const x = Math.min(p.right, q.right) - Math.max(p.left, q.left);
            const y = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
            if (x > 2 && y > 0.35 * Math.min(p.height, q.height)) found.push(`${a} | ${b}`);
        }));
    }
    return found;
}"""


def test_1024_tokens_open_and_stay_usable_in_both_themes(lab, spread_of_pixels):
    with lab.open(lab.write("long", [SETUP, SHOW, CHECK, CHECK]), fresh=True) as notebook:
        notebook.run(0)
        notebook.run(1)
        shown = Shown(notebook, 1)
        root = shown.root
        assert root.locator(".g2x-token").count() == T

        for theme in ("light", "dark"):
            notebook.theme(dark=theme == "dark")
            shown.wait(theme=theme)
            # JupyterLab hides its page for a moment; a picture drawn then has no width, and Chromium complains.
            notebook.errors.clear()
            for view in VIEWS:
                root.locator(f"[data-view={view}]").click()
                shown.wait(view=view, theme=theme)
                assert spread_of_pixels(root.locator(".g2x-panel").screenshot()) > 5, view
                assert root.locator(".g2x-note").count() == 0, view
                found = root.evaluate(SOUND)
                assert found == dict.fromkeys(("page", "explorer", "panel", "canvases", "labels"), True), view
                assert root.evaluate(OVERLAPS) == [], view
            assert notebook.errors == []

        root.locator("[data-view=head]").click()
        shown.wait(view="head")

        def number(label, value):
            before = shown.pixels()
            root.get_by_label(label, exact=True).fill(str(value))
            root.get_by_label(label, exact=True).press("Enter")
            shown.wait(**{label.lower(): value})
            notebook.wait_until(lambda: shown.pixels() != before, f"the picture of {label} {value}")

        number("Head", 7)
        number("Layer", 9)
        assert notebook.run(2).startswith(f"{T} 9 7 ")

        before = shown.pixels()
        root.get_by_role("textbox", name="Text for the model").fill("return " + "width * height " * 400)
        shown.wait(rev=2)
        assert shown.pixels() != before
        root.get_by_text("the context holds 1,024: only the first 1,024 are shown").wait_for()
        tokens, _, _, megabytes = notebook.run(3).split()
        assert int(tokens) == T
        assert int(megabytes) < KERNEL_MB
        assert notebook.errors == []
        assert notebook.blocked == []
