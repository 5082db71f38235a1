"""Cards: a question with its code, numbers and answer, as HTML for a panel and as the picture that is stored.

blocks = [heading("Is it right?"), text("GPT-2 uses ReLU."), code(A=lines, B=lines), numbers({"kept": 0.1})]
html(blocks)          # for ipywidgets.HTML; colours are those of the page, light or dark
picture(blocks)       # a Picture, for a notebook that nobody has run
"""

from __future__ import annotations

import html as escaping
import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from matplotlib.patches import Rectangle

from gpt2lab.figures.drawing import clip, short
from gpt2lab.figures.style import FADED, FONT, GRID, INK, SMALL, Picture, house_style

WIDTH, MARGIN = 9.4, 0.2  # inches
CODE_SIZE = 11.0  # points
NEAR_ZERO = 1e-5  # below it, the order of magnitude is enough: most are rounding errors
MARK = "➤"  # before a line that is meant
BLANK = " "
_LETTER = "var(--gpt2lab-font,15px)"  # larger on a projector, see panels.css

_LINE = {"heading": 0.3, "text": 0.26, "small": 0.235, "code": 0.225}  # inches from line to line
_LETTERS = {"heading": 80, "text": 88, "small": 100}  # in a line
_SIZE = {"heading": FONT + 2, "text": FONT, "small": SMALL}


class Block(NamedTuple):
    """One part of a card, made by the functions below."""

    kind: Literal["heading", "text", "small", "code", "numbers"]
    said: str = ""
    columns: tuple[tuple[str, tuple[str, ...]], ...] = ()  # title and lines of each
    rows: tuple[tuple[str, str], ...] = ()


def heading(said: str) -> Block:
    """What is asked, or what came of it."""
    return Block("heading", said)


def text(said: str) -> Block:
    """A paragraph; backticks around code."""
    return Block("text", said)


def small(said: str) -> Block:
    """A source, a score."""
    return Block("small", said)


def numbers(values: Mapping[str, int | float]) -> Block:
    """Figures by name, one a row, in three digits; whole numbers in full, and what is nearly 0 marked as such."""
    return Block("numbers", rows=tuple((name, _number(value)) for name, value in values.items()))


def code(versions: Mapping[str, Sequence[str]], marked: Collection[str] = ()) -> Block:
    """Numbered lines of code, side by side.

    Parameters
    ----------
    versions : mapping of str to lines
        One column each, with its title: "A" and "B", or one with an empty title.
    marked : collection of str
        Lines with a mark in front, such as "A2".
    """
    columns = []
    for title, lines in versions.items():
        marks = [MARK if f"{title}{n}" in marked else BLANK for n in range(1, len(lines) + 1)]
        columns.append(
            (title, tuple(f"{mark} {n}  {line}" for n, (mark, line) in enumerate(zip(marks, lines, strict=True), 1)))
        )
    return Block("code", columns=tuple(columns))


def _number(value: int | float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"≈ 0 ({value:.0e})" if 0 < abs(value) < NEAR_ZERO else short(value)


def html(blocks: Sequence[Block]) -> str:
    """The card as HTML: letters of 16 px and more, in the page's own colours."""
    look = f"max-width:62em;font-size:calc({_LETTER} + 1px);line-height:1.45"
    return f'<div style="{look}">{"".join(map(_html, blocks))}</div>'


def _html(block: Block) -> str:
    said = _with_code(block.said)
    if block.kind == "heading":
        return f'<div style="font-size:calc({_LETTER} + 4px);font-weight:600;margin:4px 0">{said}</div>'
    if block.kind == "small":
        return f'<div style="font-size:{_LETTER};margin:4px 0">{said}</div>'
    if block.kind == "text":
        return f'<div style="margin:6px 0">{said}</div>'
    if block.kind == "numbers":
        cell = "padding:2px 18px 2px 0;border-bottom:1px solid var(--jp-border-color2,#bbb)"
        rows = "".join(
            f'<tr><th scope="row" style="{cell};text-align:left;font-weight:400">{escaping.escape(name)}</th>'
            f'<td style="{cell};text-align:right;font-weight:600">{number}</td></tr>'
            for name, number in block.rows
        )
        return f'<table style="border-collapse:collapse;margin:6px 0;font-size:1em">{rows}</table>'
    look = (
        f"margin:0;padding:8px 10px;overflow-wrap:anywhere;font-size:{_LETTER};line-height:1.5;border-radius:4px;"
        "font-family:var(--jp-code-font-family,monospace);white-space:pre-wrap;"
        "background:var(--jp-layout-color2,#eee);color:var(--jp-content-font-color0,inherit)"
    )
    longest = max(len(line) for _, lines in block.columns for line in lines)
    columns = "".join(
        f'<div style="flex:1 1 calc({0.607 * longest:.1f} * {_LETTER} + 24px);min-width:0;max-width:100%">'
        f"<b>{title}</b>"
        f'<pre tabindex="0" aria-label="code {title}" style="{look}">{escaping.escape(chr(10).join(lines))}</pre></div>'
        for title, lines in block.columns
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:12px;margin:8px 0">{columns}</div>'


def _with_code(said: str) -> str:
    parts = escaping.escape(said, quote=False).split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner
        return "`".join(parts)
    tag = '<code style="font-size:0.94em;white-space:pre-wrap">{}</code>'
    return "".join(tag.format(part) if i % 2 else part for i, part in enumerate(parts))


def picture(blocks: Sequence[Block], title: str) -> Picture:
    """The card as a picture ``WIDTH`` inches wide, as high as it needs."""
    height = 2 * MARGIN + sum(_height(block) for block in blocks)
    drawn, y = Picture(WIDTH, height, title), height - MARGIN
    with house_style():
        for block in blocks:
            _draw(drawn, block, y, height)
            y -= _height(block)
    return drawn


def _lines(block: Block) -> list[str]:
    return textwrap.wrap(block.said.replace("`", ""), _LETTERS[block.kind]) if block.said else []


def _height(block: Block) -> float:
    if block.kind == "numbers":
        return 0.1 + _LINE["text"] * len(block.rows)
    if block.kind == "code":
        tall = [0.26 + _LINE["text"] * bool(title) + _LINE["code"] * len(lines) for title, lines in block.columns]
        return 0.1 + (max(tall) if _side_by_side(block) else sum(tall))
    return 0.1 + _LINE[block.kind] * len(_lines(block))


def _draw(drawn: Picture, block: Block, y: float, height: float) -> None:
    left = MARGIN / WIDTH
    if block.kind == "numbers":
        for i, (name, number) in enumerate(block.rows):
            at = (y - _LINE["text"] * (i + 0.5)) / height
            drawn.write(None, left + 0.02, at, name, size=FONT)
            drawn.write(None, 0.62, at, number, size=FONT, bold=True, at="rm")
    elif block.kind == "code":
        _draw_code(drawn, block, y, height)
    else:
        bold = block.kind == "heading"
        color = FADED if block.kind == "small" else INK
        for i, line in enumerate(_lines(block)):
            at = (y - _LINE[block.kind] * (i + 0.5)) / height
            drawn.write(None, left, at, line, size=_SIZE[block.kind], color=color, bold=bold)


def _draw_code(drawn: Picture, block: Block, y: float, height: float) -> None:
    beside = _side_by_side(block)
    across, top = (1 - 2 * MARGIN / WIDTH) / (len(block.columns) if beside else 1), y
    for i, (title, lines) in enumerate(block.columns):
        left = MARGIN / WIDTH + i * across * beside
        top = y if beside else top
        if title:
            drawn.write(None, left, (top - _LINE["text"] / 2) / height, title, size=FONT, bold=True)
            top -= _LINE["text"]
        tall = 0.16 + _LINE["code"] * len(lines)
        box = (left, (top - tall) / height), across - 0.012, tall / height
        drawn.add_artist(_card(*box))
        for n, line in enumerate(lines):
            at = (top - 0.08 - _LINE["code"] * (n + 0.5)) / height
            shown = clip(line, _most(1))
            drawn.text(left + 0.01, at, shown, family="DejaVu Sans Mono", fontsize=CODE_SIZE, va="center")
        top -= tall + 0.1


def _most(columns: int) -> int:
    """Letters of code in a line, with that many columns beside each other."""
    return int(((WIDTH - 2 * MARGIN) / columns - 0.25) * 72 / (CODE_SIZE * 0.602))


def _side_by_side(block: Block) -> bool:
    """Whether no line of the columns would be cut off."""
    return max(len(line) for _, lines in block.columns for line in lines) <= _most(len(block.columns))


def _card(corner: tuple[float, float], width: float, height: float) -> Rectangle:
    return Rectangle(corner, width, height, facecolor="#f3f3f3", edgecolor=GRID, zorder=0)
