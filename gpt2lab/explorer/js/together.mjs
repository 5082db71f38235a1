import { amountScale, hiddenColour } from "./colour.mjs";
import { button, h, s, say, set } from "./dom.mjs";
import { bitmap, createFigure, note, text } from "./figure.mjs";
import { matrixCell, ribbon, strongest, windowAround } from "./layout.mjs";
import { paint } from "./packing.mjs";
import { toggled } from "./store.mjs";
import { takenMaps } from "./taken.mjs";
import { thumbnail } from "./thumbnail.mjs";
import { askRows, chosenKey, exactRow, headMap, rowWeights } from "./weights.mjs";
import { clip, headName, place } from "./words.mjs";

const MOST_TOGETHER = 6; // more colours are not told apart
const MOST_LINES = 26;

// The heads that are drawn together, [layer, head], the selected one first.
export function headsTogether(store) {
  const words = [`head ${store.get("layer")}.${store.get("head")}`, ...store.get("also")];
  return [...new Set(words)].map((word) => word.slice(5).split(".").map(Number));
}

// Select a head; with Shift, draw it with the selected one, or no longer.
export function pickHead(store, layer, head, { shiftKey }) {
  if (!shiftKey) return store.set({ layer, head });
  const own = `head ${store.get("layer")}.${store.get("head")}`;
  const also = toggled(store.get("also"), `head ${layer}.${head}`).filter((word) => word !== own);
  return also.length < MOST_TOGETHER && store.set({ also });
}

// What shows a head, or whatever a click would choose, while the pointer or the keyboard's focus is on it.
export function pointing(store, what) {
  const point = () => store.point(what);
  const leave = () => store.point({});
  return { onpointerenter: point, onpointerleave: leave, onfocus: (event) => event.target.matches(":focus-visible") && point(), onblur: leave };
}

// The heads of the selected layer as a row: a press selects, with Shift it adds.
export function headStrip(store) {
  const root = h("div", { class: "g2x-strip", role: "toolbar", "aria-label": "Heads of this layer; with Shift several" });
  let cells = [];
  let built = "";
  root.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const to = by && cells[cells.indexOf(event.target) + by];
    if (!to) return;
    event.preventDefault();
    to.button.focus();
  });

  function draw() {
    const layer = store.get("layer");
    const size = Math.round(30 * store.scale());
    const key = [layer, store.heads(layer), size].join();
    if (built !== key) {
      built = key;
      cells = Array.from({ length: store.heads(layer) }, (_, head) => {
        const canvas = h("canvas", { width: size, height: size, "aria-hidden": "true" });
        const cell = h("button", { type: "button", class: "g2x-strip-head", onclick: (event) => pickHead(store, layer, head, event), ...pointing(store, { layer, head }) }, canvas, h("span", { text: head }));
        return Object.assign(cell, { button: cell, canvas });
      });
      root.replaceChildren(...cells);
    }
    const chosen = headsTogether(store);
    cells.forEach((cell, head) => {
      const image = thumbnail(store, layer, head, store.run() ? "after" : "before");
      const paper = cell.canvas.getContext("2d");
      paper.imageSmoothingEnabled = false;
      if (image) paper.drawImage(image, 0, 0, size, size);
      const at = chosen.findIndex(([l, i]) => l === layer && i === head);
      const name = headName(store.layerName(layer), head, store.role(layer, head));
      set(cell, { "aria-pressed": String(at >= 0), "aria-label": name, title: name, tabindex: head === store.get("head") ? 0 : -1, "data-colour": at < 0 ? null : at });
    });
  }

  return { root, draw };
}

// Several heads in one picture: lines in a colour each, a column of numbers each, a small map each.
export function createTogether(store) {
  const lines = createFigure("");
  const figures = Array.from({ length: MOST_TOGETHER }, () => createFigure(""));
  const chips = h("div", { class: "g2x-row g2x-chips" });
  const problem = h("div");
  const readout = h("p", { class: "g2x-readout", role: "status" });
  const grid = h("div", { class: "g2x-row" }, figures.map((figure) => figure.root));
  const right = h("div", { class: "g2x-column" }, grid, readout);
  const body = h("div", { class: "g2x-row g2x-wide" }, lines.root, right);
  const root = h("div", { class: "g2x-view" });
  let side = 1;
  for (const { stage } of figures) {
    stage.addEventListener("click", (event) => {
      const box = stage.getBoundingClientRect();
      const cell = matrixCell(event.clientX - box.left, event.clientY - box.top, store.T(), side);
      if (cell) store.set({ token: cell.row, key: cell.column });
    });
  }
  const name = ([layer, head]) => `${layer}.${head}`;

  function draw() {
    const heads = headsTogether(store);
    const run = store.run();
    for (const head of heads) askRows(store, run, head);
    const found = takenMaps(store, heads.map((head) => headMap(store, run, head)));
    if (found.includes(null)) return false;
    const broken = found.find((map) => map.error);
    problem.replaceChildren(...(broken ? [note(broken.error)] : []));
    body.hidden = Boolean(broken);
    chips.replaceChildren(...heads.map((head, i) => h("span", { class: "g2x-chip", "data-colour": i },
      headName(store.layerName(head[0]), head[1], store.role(...head)),
      i ? button("×", () => store.set({ also: toggled(store.get("also"), `head ${name(head)}`) }), { "aria-label": `Without head ${name(head)}`, class: "g2x-small" }) : null)),
    button("Only the first", () => store.set({ also: [] }), { class: "g2x-small" }));
    if (broken) return true;
    const rows = found.map((map) => exactRow(store, map, store.queries()));
    drawLines(heads, rows, run, found);
    const k = store.scale();
    const room = store.width > 760 * k ? store.width - lines.width - 30 : store.width - 12;
    const columns = Math.max(1, Math.min(heads.length, 3, Math.floor(room / (150 * k))));
    side = Math.floor(Math.min(room / columns - 16, (heads.length > columns ? 200 : 260) * k, Math.max(110 * k, (store.height - 190 * k) / Math.ceil(heads.length / columns) - 40)));
    right.style.width = `${room}px`;
    figures.forEach((figure, i) => {
      figure.root.hidden = i >= heads.length;
      if (i < heads.length) drawMap(figure, found[i], heads[i], i, chosenKey(store, rows[0].weights));
    });
    const labels = store.labels(run);
    const key = chosenKey(store, rows[0].weights);
    const unit = found[0].most ? "weight × length" : "attention";
    say(readout, `${querying(store, labels)}: ${unit} to key ${place(key, labels)} ${heads.map((head, i) => `head ${name(head)} ${rows[i].write(key)}`).join(", ")}. Small maps: rows are queries, columns keys.`);
    return true;
  }

  function drawLines(heads, rows, run, maps) {
    const k = store.scale();
    const T = store.T();
    const labels = store.labels(run);
    const token = store.token();
    const best = labels.map((_, i) => Math.max(...rows.map((row) => row.weights[i])));
    const keys = T <= MOST_LINES ? [...labels.keys()] : strongest(best, MOST_LINES);
    const queries = windowAround(token, T, MOST_LINES);
    const chosen = store.queries();
    const font = 13 * k;
    const line = Math.max(17 * k, Math.min(24 * k, (store.height - 190 * k) / queries.length));
    const each = 42 * k;
    const [x0, x1] = [88 * k, 190 * k];
    const columns = x1 + 98 * k;
    const y = (i) => 30 * k + (i + 0.5) * line;
    lines.size(columns + heads.length * each + 4, y(Math.max(queries.length, keys.length) - 1) + line);
    lines.name(`Several heads: where ${chosen.length > 1 ? `${chosen.length} queries look, in the mean` : `‘${clip(labels[chosen[0]], 12)}’ looks`}${store.compared() ? `, ${store.scene().names[run]}` : ""}`);
    const marks = [text(x0 - 8, 15 * k, "query", { "font-size": font, "text-anchor": "end" }), text(x1 + 14, 15 * k, "key", { "font-size": font })];
    heads.forEach((head, i) => {
      const x = columns + (i + 0.5) * each;
      marks.push(s("rect", { x: x - each * 0.42, y: 19 * k, width: each * 0.84, height: 4 * k, class: `g2x-h${i}` }),
        text(x, 14 * k, name(head), { class: "g2x-t1 g2x-strong", "font-size": font, "text-anchor": "middle" }));
      const own = chosen.length > 1 && ((query) => rowWeights(maps[i], query, T));
      const apart = (i - (heads.length - 1) / 2) * 2.4 * k;
      for (const query of chosen.filter((one) => queries.includes(one))) {
        const weights = own ? own(query) : rows[i].weights;
        keys.forEach((key, j) => {
          const weight = weights[key];
          if (weight > 0.02) marks.push(s("path", { d: ribbon(x0, y(queries.indexOf(query)) + apart, x1, y(j) + apart), class: `g2x-fine g2x-l${i}`, "stroke-width": Math.max(0.8, (6 * Math.sqrt(weight / chosen.length)) * k), "stroke-opacity": 0.3 + 0.6 * Math.sqrt(weight) }));
        });
      }
    });
    const key = chosenKey(store, rows[0].weights);
    const word = (x, at, i, strong, anchor, onclick) => text(x, at, T > MOST_LINES ? `${clip(labels[i], 7)} ${i}` : clip(labels[i], 10),
      { class: `g2x-t1 g2x-hand${strong ? " g2x-strong" : ""}`, "font-size": font, "text-anchor": anchor, onclick });
    queries.forEach((query, i) => marks.push(word(x0 - 8, y(i) + font * 0.35, query, chosen.includes(query), "end", () => store.set({ token: query }))));
    keys.forEach((one, j) => {
      marks.push(word(x1 + 14, y(j) + font * 0.35, one, one === key, "start", () => store.set({ key: one })));
      rows.forEach((row, i) => {
        if (row.weights[one] < 0.005) return;
        const x = columns + i * each;
        marks.push(s("rect", { x: x + 3, y: y(j) + line * 0.3, width: (each - 6) * Math.sqrt(row.weights[one]), height: 3 * k, class: `g2x-h${i}` }),
          text(x + each / 2, y(j) + font * 0.25, row.write(one).replace("≈ ", "≈"), { "font-size": 11.5 * k, "text-anchor": "middle" }));
      });
    });
    lines.draw(marks);
  }

  function drawMap(figure, map, [layer, head], i, key) {
    const T = store.T();
    const cell = side / T;
    figure.size(side, side);
    figure.name(`${name([layer, head])}`, `${headName(store.layerName(layer), head)}: attention of ${T} queries (rows) to ${T} keys (columns)`);
    figure.paper().drawImage(bitmap(paint(map.bytes, T, map.triangular, amountScale(store.theme), hiddenColour(store.theme)), T), 0, 0, side, side);
    const queries = store.queries();
    figure.draw([s("rect", { x: 1, y: 1, width: side - 2, height: side - 2, class: `g2x-frame g2x-l${i}` }),
      s("rect", { x: 0, y: queries[0] * cell, width: side, height: Math.max(1.5, queries.length * cell), class: "g2x-cross" }),
      s("rect", { x: key * cell, y: 0, width: Math.max(1.5, cell), height: side, class: "g2x-cross" })]);
  }

  function show(many) {
    root.hidden = !many;
    if (many !== root.hasChildNodes()) root.replaceChildren(...(many ? [chips, problem, body] : []));
  }

  return { root, draw, show, figures: () => [lines, ...figures.filter((figure) => !figure.root.hidden)] };
}

// The chosen query, or the span and that it is a mean, as the beginning of a sentence.
export function querying(store, labels, rows = store.queries()) {
  const [first, last] = [rows[0], rows[rows.length - 1]];
  return rows.length > 1 ? `Queries ${place(first, labels)} to ${place(last, labels)}, the mean of ${rows.length} rows` : `Query ${place(first, labels)}`;
}
