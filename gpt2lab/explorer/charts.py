"""The explorer's views that are charts and tables, drawn without a browser; see ``picture``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from gpt2lab.explorer import scene
from gpt2lab.explorer.sheet import Sheet
from gpt2lab.explorer.words import amount, number, percent
from gpt2lab.figures.drawing import clip
from gpt2lab.figures.style import BLUE, FADED, FONT, GRID, INK, ORANGE, SMALL

# The same colours as js/colour.mjs, light theme.
WEIGHTS = LinearSegmentedColormap.from_list(
    "weights", ["#fbfcfe", "#cfe3f3", "#7fb8dd", "#2f7fbc", "#0b4a86", "#06264d"]
)
TOP, LAST = 96, 520  # where a chart may begin and must end
PAIR = (BLUE, ORANGE)  # before and after; attention and feed-forward


def scores(sheet: Sheet, explorer: Any) -> None:
    """One query's weights: q·k, scaled, masked, softmax, for the keys that get most."""
    meta, data = _ask(explorer, f"scores/{_run(explorer)}/{explorer.layer}/{explorer.head}/{explorer._token_index()}")
    raw, scaled, visible, weights = data[2:]
    shown = sorted(np.argsort(-weights, kind="stable")[:16].tolist())
    of = f" ({len(shown)} of {len(weights)} keys, the strongest)" if len(shown) < len(weights) else ""
    where = f"Layer {explorer.layer}, head {explorer.head}"
    _title(sheet, explorer, f"{where}: how the query {_quoted(explorer)} gets its weights{of}")
    columns = {"q·k": raw, "scaled": scaled, "masked": np.where(visible > 0, scaled, -np.inf), "softmax": weights}
    line, each, left = (LAST - TOP - 10) / max(10, len(shown)), 220, 150
    for c, (name, values) in enumerate(columns.items()):
        x = left + c * each
        sheet.text(x, TOP, name, bold=True)
        finite = values[shown][np.isfinite(values[shown])]
        low, high = min(0.0, finite.min(initial=0.0)), max(0.0, finite.max(initial=0.0))
        room = 130 / ((high - low) or 1.0)
        for row, key in enumerate(shown):
            y, value = TOP + 14 + (row + 0.5) * line, values[key]
            if c == 0:
                sheet.text(left - 14, y, f"{key} {clip(explorer._label(_id(explorer, key)), 11)}", at="rm")
            sheet.text(x + 52, y, amount(value) if name == "softmax" else number(value), color=FADED, at="rm")
            if np.isfinite(value):
                sheet.box(x + 62 - low * room, y - 0.28 * line, value * room, 0.56 * line, PAIR[int(value < 0)])
    if meta["scale"]:
        how = f"× {number(meta['scale'])} (1/√{meta['d_head']})"
        sheet.text(left + each + 62, TOP, how, color=FADED, size=10.5)


def stream(sheet: Sheet, explorer: Any) -> None:
    """The selected token's stream: its length, what each part adds, where it points."""
    meta, data = _ask(explorer, f"stream/{_run(explorer)}/{explorer._token_index()}")
    names, n = meta["names"], meta["layers"]
    table = dict(zip(names, data[0].reshape(n, len(names)).T, strict=True))
    blocks = np.arange(n)
    length = np.concatenate([table["resid_pre"][:1], table["resid_post"]])
    _title(sheet, explorer, f"The residual stream of {_quoted(explorer)}, block by block")
    places = [(70, 122), (560, 122), (70, 350), (560, 350)]
    _curve(sheet, *places[0], "Length of the stream", np.arange(n + 1), length, ["in", *map(str, blocks)])
    added = {"attention": table["attn"], "feed-forward": table["ffn"]}
    _bars(sheet, *places[1], "What each part adds: its length", added)
    along = {"attention": table["attn_along"], "feed-forward": table["ffn_along"]}
    _bars(sheet, *places[2], "… along the direction of the final stream", along)
    _curve(sheet, *places[3], "Cosine with the final stream", blocks, table["cosine"], list(map(str, blocks)), 1.0)


def neurons(sheet: Sheet, explorer: Any) -> None:
    """The neurons of one layer that the selected token moves most, and what they write."""
    meta, data = _ask(explorer, f"neurons/{_run(explorer)}/{explorer.layer}/{explorer._token_index()}")
    post = data[1]
    count = f"{meta['active']:,} of {meta['d_ff']:,} neurons are above zero"
    _title(sheet, explorer, f"Layer {explorer.layer}: neurons that {_quoted(explorer)} moves most; {count}")
    line = (LAST - TOP - 10) / 16
    low, high = min(0.0, float(post.min())), max(0.0, float(post.max()))
    room, zero = 320 / ((high - low) or 1.0), 110 - low * 320 / ((high - low) or 1.0)
    for x, name, at in ((96, "neuron", "rm"), (110, "activation", "lm"), (540, "raises the logits of", "lm")):
        sheet.text(x, TOP, name, color=FADED, at=at)
    for row, (neuron, value, words) in enumerate(zip(meta["neurons"], post, meta["words"], strict=True)):
        y = TOP + 14 + (row + 0.5) * line
        sheet.text(96, y, str(neuron), at="rm")
        sheet.box(zero, y - 0.32 * line, value * room, 0.64 * line, PAIR[int(value < 0)])
        sheet.text(500, y, number(value), color=FADED, at="rm")
        sheet.text(540, y, "   ".join(clip(word, 11) for word in words["up"]))
    sheet.line([zero, zero], [TOP + 14, LAST], FADED)


def lens(sheet: Sheet, explorer: Any) -> None:
    """What the model would say if it stopped after each block, and where its answer ranks there."""
    meta, data = _ask(explorer, f"lens/{_run(explorer)}/{explorer._token_index()}")
    labels, p = meta["labels"], data[0].reshape(len(meta["labels"]), -1)
    answer = clip(meta["answer"], 14)
    _title(sheet, explorer, f"What each block would say after {_quoted(explorer)}; the answer is ‘{answer}’")
    line = min(30.0, (LAST - TOP - 14) / len(labels))
    size = min(SMALL, 0.5 * line)
    for x, name in ((16, "blocks done"), (126, "answer: rank · p"), (290, "most probable tokens")):
        sheet.text(x, TOP, name, color=FADED)
    for row, words in enumerate(labels):
        y = TOP + 14 + (row + 0.5) * line
        sheet.text(100, y, f"{row} (all)" if row == len(labels) - 1 else str(row), size=size, at="rm")
        sheet.text(126, y, f"{meta['ranks'][row]:,} · {amount(data[1][row])}", size=size)
        for c, word in enumerate(words):
            x, colour = 290 + c * 150, WEIGHTS(float(p[row, c]) ** 0.5)
            ink = "white" if sum(colour[:3]) < 1.5 else INK
            sheet.box(x, y - line / 2 + 1, 146, line - 2, colour)
            own = dict(bold=True) if meta["final"][row][c] else {}
            sheet.text(x + 7, y, clip(word, 11), size=size, color=ink, **own)
            sheet.text(x + 140, y, amount(p[row, c]), size=size, color=ink, at="rm")


def next_token(sheet: Sheet, explorer: Any) -> None:
    """The distribution of the next token, as trained and as it is sampled."""
    meta, _ = _ask(explorer, scene.next_question(explorer))
    line = 33 if len(meta["kept"]) == 1 else 44
    next_bars(sheet, explorer, meta, left=16, top=TOP, line=line, most=int((LAST - TOP) // line), compact=False)
    kept = ", ".join(f"{n:,}" for n in meta["kept"])
    entropy = ", ".join(number(e) for e in meta["entropy"])
    sheet.text(760, TOP + 16, f"drawn from {kept} of {meta['vocab_size']:,} tokens", color=FADED)
    sheet.text(760, TOP + 40, f"entropy as trained {entropy} nats", color=FADED)
    if not _as_trained(explorer):
        top_k = f", top-k {explorer.top_k}" if explorer.top_k else ""
        top_p = f", top-p {explorer.top_p:g}" if explorer.top_p != 1 else ""
        sheet.text(760, TOP + 64, f"temperature {explorer.temperature:g}{top_k}{top_p}", color=FADED)
        sheet.text(760, TOP + 88, "dark: what is drawn from", color=FADED)


def next_bars(
    sheet: Sheet, explorer: Any, meta: dict, *, left: Any, top: Any, line: Any, most: int, compact: bool
) -> None:
    """Bars of the most probable next tokens; two runs stand one under the other."""
    n = len(meta["kept"])
    rows = sorted(meta["rows"], key=lambda row: -max(row["p"]))[:most]
    rows = [row for row in meta["rows"] if row in rows]
    sampled = not (compact or _as_trained(explorer))
    longest = max([*(p for row in rows for p in row["p"]), *(p for row in rows for p in row["sampled"] if sampled)])
    name, room = (104, 160) if compact else (150, 420)
    sheet.text(left, top - 34, f"Next after {_quoted(explorer)}", size=FONT + 1, bold=True)
    if n > 1:
        for i, which in enumerate(explorer._names):
            sheet.box(left + 150 * i, top - 14, 12, 11, PAIR[i])
            sheet.text(left + 150 * i + 18, top - 9, clip(which, 16), size=10.5, color=FADED)
    thick = 0.76 * line / n
    for row, found in enumerate(rows):
        y = top + (row + 0.5) * line
        sheet.text(left + name - 10, y, clip(found["label"], 11 if compact else 16), at="rm")
        for i in range(n):
            upper, p, drawn = y + (i - n / 2) * thick, found["p"][i], found["sampled"][i]
            sheet.box(left + name, upper, max(1.0, room * p / longest), 0.9 * thick, PAIR[i])
            if sampled:
                sheet.box(left + name, upper + 0.3 * thick, room * drawn / longest, 0.3 * thick, INK)
            end = max(p, drawn if sampled else 0.0)
            share = "cut" if sampled and drawn == 0 else percent(drawn if sampled else p)
            size = min(SMALL, 0.62 * thick)
            sheet.text(left + name + room * end / longest + 8, upper + 0.45 * thick, share, size=size, color=FADED)


def _curve(
    sheet: Sheet, x: Any, y: Any, title: str, at: np.ndarray, values: np.ndarray, names: list[str], top: Any = 0.0
) -> None:
    height, place = _frame(sheet, x, y, title, np.append(values, top), names)
    sheet.line([place(i) for i in at], [height(v) for v in values], INK, 2.2, dots=True)


def _bars(sheet: Sheet, x: Any, y: Any, title: str, bars: dict[str, np.ndarray]) -> None:
    n = len(next(iter(bars.values())))
    height, place = _frame(sheet, x, y, title, np.concatenate(list(bars.values())), list(map(str, range(n))))
    thick = min(30.0, 0.8 * (place(1) - place(0) if n > 1 else 200) / len(bars))
    for b, (name, values) in enumerate(bars.items()):
        sheet.box(x + 150 * b, y - 14, 12, 11, PAIR[b])
        sheet.text(x + 150 * b + 18, y - 9, name, size=10.5, color=FADED)
        for i, v in enumerate(values):
            sheet.box(place(i) + (b - len(bars) / 2) * thick, height(0), 0.92 * thick, height(v) - height(0), PAIR[b])


def _frame(
    sheet: Sheet, x: Any, y: Any, title: str, values: np.ndarray, names: list[str], size: tuple = (450, 130)
) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Title, grid and ticks of a small chart; how high a value and how far right a place stands."""
    finite = values[np.isfinite(values)]
    low, high = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
    width, tall = size
    room = tall / ((high - low) or 1.0)

    def height(value: Any) -> float:
        return float(y + tall - (value - low) * room)

    def place(i: Any) -> float:
        return float(x + width * (i + 0.5) / len(names))

    sheet.text(x, y - 32, title, bold=True)
    marks = MaxNLocator(3, steps=[1, 2, 5, 10]).tick_values(low, high)
    for tick in marks[(marks >= low) & (marks <= high)]:
        sheet.line([x, x + width], [height(tick)] * 2, FADED if abs(tick) < 1e-12 else GRID)
        sheet.text(x - 8, height(tick), f"{tick + 0.0:g}".replace("-", "−"), size=10, color=FADED, at="rm")
    every = 1 + (len(names) - 1) // 24
    for i in range(0, len(names), every):
        sheet.text(place(i), y + tall + 14, names[i], size=10, color=FADED, at="mm")
    sheet.text(x + width, y + tall + 32, "block", size=10, color=FADED, at="rm")
    return height, place


def _ask(explorer: Any, question: str) -> tuple[dict, list[np.ndarray]]:
    meta, data = scene.answer(explorer, question)
    return meta, [np.frombuffer(part, dtype=np.float32) for part in data]


def _run(explorer: Any) -> int:
    return len(explorer.runs) - 1


def _as_trained(explorer: Any) -> bool:
    return (explorer.temperature, explorer.top_k, explorer.top_p) == (1, 0, 1)


def _id(explorer: Any, place: int) -> int:
    return int(explorer.runs[0].tokens[0, place])


def _quoted(explorer: Any) -> str:
    return f"‘{clip(explorer._label(_id(explorer, explorer._token_index())), 14)}’"


def _title(sheet: Sheet, explorer: Any, text: str) -> None:
    sheet.text(16, 62, text + which_run(explorer), size=FONT + 1, bold=True)


def which_run(explorer: Any) -> str:
    """Of two runs a view shows the second; a title says so."""
    return f" · {explorer._names[1]}" if len(explorer.runs) > 1 else ""


CHARTS: dict[str, Callable[[Sheet, Any], None]] = {
    "scores": scores, "stream": stream, "neurons": neurons, "lens": lens, "next": next_token,
}  # fmt: skip
