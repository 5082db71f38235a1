"""Reading cells: prose, headings, names, texts and pictures."""

import base64
import io

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from gpt2lab.course import cells


def test_code_and_formulas_are_no_prose():
    cell = new_markdown_cell("# A\none $x + y$ two\n```\nthree four\n```\n<b>five</b> [six](seven.md) `eight nine`")
    assert cells.text_without_headings(cell).split() == ["one", "x", "two", "five", "[six", "x"]


def test_a_comment_in_a_code_fence_is_no_heading():
    assert cells.headings(new_markdown_cell("```\n# no\n```\n## *Yes* `x`")) == ["Yes x"]


def test_texts_and_pictures_of_the_outputs():
    data = base64.b64encode(b"picture").decode()
    outputs = [
        new_output("stream", text="one\n"),
        new_output("display_data", {"text/plain": "two", "image/png": data}),
    ]
    cell = new_code_cell("x", outputs=outputs)
    assert cells.texts(cell) == ["one\n", "two"]
    assert cells.pictures(cell) == [b"picture"]


def test_the_name_of_a_cell_helps_to_find_it():
    assert cells.name(new_code_cell("\nimport torch\nx", execution_count=3)) == "In [3] `import torch`"
    assert cells.name(new_markdown_cell("## Heading")) == "the cell `## Heading`"


@pytest.mark.parametrize(
    ("background", "ink", "blank"),
    [(255, None, True), (255, 0, False), (0, 255, False), (255, 250, True), (30, 200, False)],
)
def test_blank_pictures(background, ink, blank):
    from PIL import Image

    pixels = np.full((80, 100, 3), background, dtype=np.uint8)
    if ink is not None:
        pixels[20:30, 20:60] = ink
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    assert cells.is_blank(stream.getvalue()) is blank


def test_a_picture_that_is_all_transparent_is_blank():
    from PIL import Image

    stream = io.BytesIO()
    Image.effect_noise((100, 80), 90).convert("RGBA").save(stream, "PNG")
    assert not cells.is_blank(stream.getvalue())
    image = Image.effect_noise((100, 80), 90).convert("RGBA")
    image.putalpha(0)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    assert cells.is_blank(stream.getvalue())
