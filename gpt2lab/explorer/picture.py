"""The explorer without a browser: a picture for GitHub, for a notebook just opened, for ``save``.

Every view has its drawing, in the light theme, made of the same numbers that the browser gets.
"""

from __future__ import annotations

from gpt2lab.explorer.maps import SIZE
from gpt2lab.explorer.screen import Screen
from gpt2lab.explorer.sheet import TOP, Sheet
from gpt2lab.explorer.views import VIEWS
from gpt2lab.explorer.views.next import draw_bars, predict
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import FADED, FONT, Picture

MOST_BARS, RIGHT = 8, 690  # of the prediction beside a view, and where it begins
LETTERS = 100  # of a heading


def draw(screen: Screen) -> Picture:
    """The present view as a picture."""
    sheet = Sheet(screen.title)
    sheet.text(16, 24, _heading(screen), size=FONT)
    view = VIEWS[screen.view]
    try:
        view.draw(sheet, screen)
        if view.with_prediction and all(run.has_logits for run in screen.runs):
            _draw_prediction(sheet, screen)
    except ValueError as error:  # a model that lacks what the view needs says so
        sheet.text(16, 74, str(error), color=FADED)
    return sheet.done()


def _heading(screen: Screen) -> str:
    texts = (screen.text, screen.text_b) if screen.sentences else (screen.text,)
    changes = [("off", screen.ablated), ("patched", screen.patched)]
    changed = clip(" · ".join(f"{what}: {', '.join(words)}" for what, words in changes if words), 60)
    title = f"{screen.title}: " if screen.title else ""
    room = min(80, max(20, LETTERS - len(changed) - len(title)))
    quoted = " and ".join(f"“{clip(text, room // len(texts))}”" for text in texts)
    heading = title + " · ".join(filter(None, (quoted, changed)))
    return "".join(c if c.isprintable() else "·" for c in heading.replace("\n", "⏎"))


def _draw_prediction(sheet: Sheet, screen: Screen) -> None:
    """What the model expects after the selected token, before and after a change."""
    try:
        found = predict(screen.runs, screen.token, screen.knobs, screen.label)
    except ValueError as error:
        for i, part in enumerate(str(error).split(": ")):
            sheet.text(RIGHT, TOP + 24 * i, part, color=FADED)
        return
    draw_bars(sheet, screen, found, left=RIGHT, top=TOP, line=SIZE / MOST_BARS, most=MOST_BARS, compact=True)
