import { css, inkOn, signedScale } from "./colour.mjs";
import { h, s, say, set } from "./dom.mjs";
import { createFigure, text } from "./figure.mjs";
import { labelStep, step } from "./layout.mjs";
import { patch, placeOf, told } from "./patches.mjs";
import { clip, number } from "./words.mjs";

// A table of places: colour says what a patch there does, a click makes it or takes it off.
export function patchMap(store, readout) {
  const figure = createFigure("");
  let now = null; // what is drawn
  let at = { row: 0, column: 0 };
  const { stage } = figure;
  set(stage, { tabindex: 0, role: "application", "aria-roledescription": "table of patches" });
  stage.classList.add("g2x-hand");

  function under(event) {
    const box = stage.getBoundingClientRect();
    const [column, row] = [Math.floor((event.clientX - box.left - now.left) / now.each), Math.floor((event.clientY - box.top - now.top) / now.line)];
    return now.rows[row] !== undefined && now.columns[column] !== undefined ? { row, column } : null;
  }

  function tell(cell) {
    const word = cell && now.word(cell.row, cell.column);
    if (!word) return;
    const value = now.value(cell.row, cell.column);
    const made = store.get("patched").includes(word);
    say(readout, `${told(placeOf(word), store.labels(0))}${value === undefined ? "" : `: ${value > 0 ? "+" : ""}${number(value)}`}. ${made ? "It is patched; a press takes it off." : "A press patches it."}`);
  }

  stage.addEventListener("click", (event) => {
    const cell = now && under(event);
    if (!cell) return;
    at = cell;
    patch(store, now.word(cell.row, cell.column));
  });
  stage.addEventListener("mousemove", (event) => now && tell(under(event)));
  stage.addEventListener("focus", () => { if (now) { tell(at); mark(); } });
  stage.addEventListener("blur", () => now && mark());
  stage.addEventListener("keydown", (event) => {
    if (!now) return;
    const to = step(event.key, at.row, at.column, now.rows.length, now.columns.length);
    if (to) { at = to; tell(at); mark(); } else if (event.key === "Enter" || event.key === " ") patch(store, now.word(at.row, at.column));
    else return;
    event.preventDefault();
  });

  function mark() {
    const { rows, columns, left, top, each, line, font } = now;
    const marks = [];
    const box = (row, column, style) => s("rect", { x: left + column * each, y: top + row * line, width: each, height: line, class: style });
    rows.forEach((name, row) => marks.push(text(left - 6, top + (row + 0.5) * line + font * 0.35, clip(name, 11), { "font-size": font, "text-anchor": "end" })));
    const every = labelStep(columns.length, each * columns.length, font * 1.15);
    columns.forEach((name, column) => {
      const x = left + (column + 0.5) * each;
      if (column % every) return;
      marks.push(now.upright ? text(0, 0, clip(name, 9), { "font-size": font, transform: `translate(${x + font * 0.35},${top - 5}) rotate(-90)` })
        : text(x, top - 6, name, { "font-size": font, "text-anchor": "middle" }));
    });
    const patched = new Set(store.get("patched"));
    rows.forEach((_, row) => columns.forEach((__, column) => {
      const value = now.value(row, column);
      if (now.numbers && value !== undefined) {
        marks.push(text(left + (column + 0.5) * each, top + (row + 0.5) * line + font * 0.35, number(value), { fill: inkOn(colour(value)), class: "", "font-size": font, "text-anchor": "middle" }));
      }
      if (patched.has(now.word(row, column))) marks.push(box(row, column, "g2x-selected"));
    }));
    if (stage.getRootNode().activeElement === stage) marks.push(box(at.row, at.column, "g2x-cursor"));
    figure.draw(marks);
  }

  const colour = (value) => {
    const share = Math.max(-1, Math.min(1, value / now.most));
    return signedScale(store.theme)[Math.round(127.5 + 127.5 * Math.sign(share) * Math.sqrt(Math.abs(share)))];
  };

  return {
    figure,
    root: h("div", {}, figure.root),
    // rows, columns: names; word, value: of (row, column), value undefined until it is known; plain: its colour until then
    draw(wanted) {
      now = wanted;
      at = { row: Math.min(at.row, now.rows.length - 1), column: Math.min(at.column, now.columns.length - 1) };
      figure.size(now.left + now.columns.length * now.each + 3, now.top + now.rows.length * now.line + 3);
      figure.name(now.title);
      set(stage, { "aria-label": `${now.title}. Arrow keys choose a place, Enter patches it.` });
      const paper = figure.paper();
      now.rows.forEach((_, row) => now.columns.forEach((__, column) => {
        if (!now.word(row, column)) return;
        const value = now.value(row, column);
        paper.fillStyle = value === undefined ? now.plain(row, column) : css(colour(value));
        const gap = now.each > 8 ? 1 : 0;
        paper.fillRect(now.left + column * now.each, now.top + row * now.line, now.each - gap, now.line - gap);
      }));
      mark();
    },
  };
}
