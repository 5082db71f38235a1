"""An explorer in a page, as the browser tests read and drive it."""

from gpt2lab.course.browser import wait_until
from gpt2lab.explorer import links

SETUP = """
import torch
from gpt2lab import GPT2, GPT2Config, course_encoding
from gpt2lab.explorer import Explorer
torch.manual_seed(0)
model = GPT2(GPT2Config.tiny(vocab_size=1024, n_layers=3, n_heads=4, d_model=32, context_length=64)).eval()
for block in model.blocks:
    block.attn.qkv.weight.data *= 8
explorer = Explorer(model, course_encoding(), "for i in range(10): for i in range(10):")
"""
SHOW = "explorer"
NAMES = ("rev", "view", "layer", "head", "token", "theme")  # in the order in which the picture states them
ECHO = "print(explorer.layer, explorer.head, explorer.token, explorer.view, explorer.ablated, repr(explorer.text))"


class Shown:
    """An explorer in cell ``n`` of a notebook, or, without ``n``, on a page that has no cells.

    ``drawn`` is what its picture shows: revision, view, layer, head, token, theme.
    """

    def __init__(self, notebook, n=None, at=0):
        self.notebook, self.page = notebook, notebook.page
        self.root = (self.page if n is None else notebook.output(n)).locator(".g2x").nth(at)
        self.root.wait_for()
        notebook.wait_until(lambda: self.drawn(), "a first picture")

    def drawn(self):
        return self.root.get_attribute("data-drawn")

    def wait(self, **wanted):
        _wait_for_picture(self.page, self.drawn, wanted)

    def pixels(self):
        """All canvases of the present view, as one string."""
        return self.root.evaluate("e => [...e.querySelectorAll('.g2x-panel canvas')].map(c => c.toDataURL()).join()")

    def button(self, name):
        return self.root.get_by_role("button", name=name, exact=True)


def walk(page):
    """Press Tab until the explorer is left: names of what had the focus, and whether it showed."""
    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => {
                const e = document.activeElement;
                if (!e.closest('.g2x')) return null;
                const label = e.getAttribute('aria-label') || e.closest('label')?.textContent || e.textContent;
                return [label.trim(), getComputedStyle(e).outlineStyle];
            }"""
        )
        if at is None and reached:
            break
        if at:
            reached.append(at)
    return reached


def choose(page, view):
    page.locator(f"[data-view={view}]").click()
    drawn(page, view=view)


def drawn(page, **wanted):
    """Wait until the picture shows what is wanted. (The page's policy forbids wait_for_function.)"""
    _wait_for_picture(page, lambda: page.locator(".g2x").get_attribute("data-drawn"), wanted)


def _wait_for_picture(page, drawn, wanted):
    wanted = {name: str(value) for name, value in wanted.items()}
    wait_until(
        page,
        lambda: wanted.items() <= dict(zip(NAMES, (drawn() or "").split(), strict=False)).items(),
        lambda: f"{wanted}, drawn is {drawn()}",
    )


def address(page):
    """The state in the page's address."""
    return links.decode(page.evaluate("location.hash"))[0]


def settled(page, **wanted):
    """Wait until the address says what is wanted."""
    wait_until(
        page,
        lambda: wanted.items() <= address(page).items(),
        lambda: f"{wanted}, the address is {address(page)}",
    )
