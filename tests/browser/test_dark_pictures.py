"""Pictures are drawn on white; in the dark theme a filter turns them over. What is left of their colours."""

import io
import re

from PIL import Image

from gpt2lab.course.jupyter import LOOK
from gpt2lab.figures.style import CARD, CSS, PALETTE

PAGE = (17, 17, 17)  # JupyterLab's dark page


def luminance(colour):
    """WCAG 2.1, of three numbers from 0 to 255."""
    linear = [part / 3294.6 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_curves_are_seen_on_a_dark_page_and_their_ground_is_as_dark(chromium):
    look, panels = (re.search(r"filter: (invert[^;]*);", css)[1] for css in (LOOK, CSS))
    assert look == panels  # stored pictures and live ones are alike
    swatches = "".join(
        f'<div style="width: 40px; height: 40px; background: {colour}"></div>' for colour in [CARD, *PALETTE]
    )
    page = chromium.new_page(viewport={"width": 400, "height": 60})
    page.set_content(f'<body style="margin: 0"><div style="display: flex; filter: {look}">{swatches}</div></body>')
    drawn = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.close()
    ground, *curves = [drawn.getpixel((40 * place + 20, 20)) for place in range(1 + len(PALETTE))]
    assert max(abs(a - b) for a, b in zip(ground, PAGE, strict=True)) <= 3
    assert min((luminance(colour) + 0.05) / (luminance(ground) + 0.05) for colour in curves) > 4
