import { amountScale, css, hiddenColour, signedScale } from "../colour.mjs";
import { button, h, s, say, set } from "../dom.mjs";
import { bitmap, createFigure, note, screenRatio, text } from "../figure.mjs";
import { labelStep, matrixCell, ribbon, step, strongest, windowAround } from "../layout.mjs";
import { createLegend } from "../legend.mjs";
import { difference, packedIndex, paint, paintSigned, shrink, shrinkSigned } from "../packing.mjs";
import { edgeButton } from "../patches.mjs";
import { takenMaps, takenSwitch } from "../taken.mjs";
import { createTogether, headStrip, headsTogether, querying } from "../together.mjs";
import { askRows, chosenKey, exactRow, headMap, headMapAtHand, rowWeights } from "../weights.mjs";
import { clip, headName, place } from "../words.mjs";

export const headView = { label: "One head", create: createHead, neighbours: true, oneRunNow: (store) => headsTogether(store).length > 1,
  about: "One head: the chosen token, left or in its row, spreads one whole of attention over the tokens it may see." };

const ALL_TOKENS = 40; // more than this and the token lines show the strongest ones only
const STRONGEST = 24; // so many of them

// One head, as lines between tokens and as a matrix (two of them if something is compared).
function createHead(store) {
  const lines = createFigure("Who looks at whom");
  const single = createFigure("");
  const before = createFigure("");
  const change = createFigure("");
  const legend = createLegend(store);
  const changeLegend = createLegend(store);
  const coarse = h("p", { class: "g2x-hint" });
  const matrices = [before, single, change];
  const readout = h("p", { class: "g2x-readout", role: "status" });
  const off = button("", () => store.toggle(`head ${store.get("layer")}.${store.get("head")}`), { class: "g2x-small" });
  const edge = edgeButton(store);
  const problem = h("div");
  const left = h("div", { class: "g2x-column" }, lines.root);
  const right = h("div", { class: "g2x-column" }, h("div", { class: "g2x-row" }, matrices.map((m) => m.root), readout), h("div", { class: "g2x-row" }, legend.root, changeLegend.root), coarse);
  const body = h("div", { class: "g2x-row g2x-wide" }, left, right);
  const silent = h("span", { class: "g2x-silent-note" });
  const weigh = takenSwitch(store);
  const strip = headStrip(store);
  const several = createTogether(store);
  const root = h("div", { class: "g2x-view" }, h("div", { class: "g2x-row g2x-tools" }, strip.root, weigh.root, off, edge.root, silent), problem, several.root, body);
  const maps = new Map(); // figure -> { map, size, pad }
  for (const figure of matrices) {
    set(figure.stage, { tabindex: 0, role: "application", "aria-roledescription": "attention matrix" });
    figure.stage.addEventListener("click", (event) => {
      const cell = under(figure, event);
      if (cell) store.set({ token: cell.row, key: cell.column });
    });
    figure.stage.addEventListener("mousemove", (event) => tell(figure, under(figure, event)));
    figure.stage.addEventListener("mouseleave", () => tell(figure, null));
    figure.stage.addEventListener("keydown", (event) => {
      const map = maps.get(figure)?.map;
      if (!map) return;
      const to = step(event.key, store.token(), chosenKey(store, exactRow(store, map, store.queries()).weights), store.T(), store.T());
      if (!to) return;
      event.preventDefault();
      store.set({ token: to.row, key: to.column });
    });
  }

  function under(figure, event) {
    const drawn = maps.get(figure);
    if (!drawn) return null;
    const box = figure.stage.getBoundingClientRect();
    return matrixCell(event.clientX - box.left - drawn.pad, event.clientY - box.top - drawn.pad, store.T(), drawn.size);
  }

  function tell(figure, cell) {
    const drawn = maps.get(figure) ?? maps.get(single);
    if (!drawn) return;
    const rows = cell ? [cell.row] : store.queries();
    const column = cell?.column ?? chosenKey(store, exactRow(store, drawn.map, rows).weights);
    const at = packedIndex(rows[rows.length - 1], column, store.T(), drawn.map.triangular);
    const labels = store.labels(drawn.map.run);
    const names = store.scene().names;
    const share = (map) => (packedIndex(rows[rows.length - 1], column, store.T(), map.triangular) < 0 ? "nothing, hidden by the mask," : exactRow(store, map, rows).write(column));
    const other = maps.get(before)?.map;
    const unit = drawn.map.most ? ", weight × length," : " of its attention";
    const what = other ? `gets ${share(other)}${unit} ${names[0]}, ${share(maps.get(single).map)} ${names[1]}`
      : at < 0 ? "is hidden from it by the mask" : `gets ${share(drawn.map)}${unit.replace(/,$/, "")}`;
    say(readout, `${querying(store, labels, rows)}: key ${place(column, labels)} ${what}.`);
  }

  function draw() {
    const selected = [store.get("layer"), store.get("head")];
    const runs = store.compared() ? [0, store.last()] : [0];
    strip.draw();
    weigh.draw();
    const word = `head ${selected.join(".")}`;
    off.hidden = selected[1] >= store.parts(selected[0]);
    say(off, store.get("ablated").includes(word) ? `Switch ${word} on again` : `Switch ${word} off`);
    const many = headsTogether(store).length > 1;
    several.show(many);
    edge.root.hidden = many;
    if (many) {
      body.hidden = true;
      problem.replaceChildren();
      say(silent, "");
      return several.draw();
    }
    // A head that is pointed at is shown if its map is here.
    const pointed = store.pointed.layer === undefined ? null : [store.pointed.layer, store.pointed.head];
    const atHand = pointed && runs.map((run) => headMapAtHand(store, run, pointed));
    const [layer, head] = atHand?.every(Boolean) ? pointed : selected;
    const found = takenMaps(store, layer === selected[0] && head === selected[1] ? runs.map((run) => headMap(store, run)) : atHand);
    for (const run of runs) askRows(store, run);
    if (found.some((map) => map === null)) return false;
    const broken = found.find((map) => map.error);
    problem.replaceChildren(...(broken ? [note(broken.error)] : []));
    body.hidden = found.every((map) => map.error);
    if (body.hidden) return true;
    const shown = found.length > 1 && !found[1].error ? found[1] : found[0];
    const k = store.scale();
    const pair = found.length > 1 && !broken;
    const pad = labelRoom(12 * k, 9);
    const wide = labelRoom(12 * k, 7) + 22; // a matrix of three, but for its cells
    const third = (store.width - linesWidth() - 30) / 3 - wide;
    const beside = store.width > 700 * k && (!pair || third > 190 * k);
    const room = store.width - (beside && !pair ? linesWidth() + 30 : 10);
    const isOff = store.headIsOff(layer, head, store.last());
    const seen = Math.max(store.height - pad - (pair ? 125 : 150) * k - (isOff ? 30 * k : 0), (pair ? 8 : 13) * k * store.T()); // a row of few tokens is seen without scrolling
    const size = Math.floor(pair ? Math.min(340 * k, Math.max(120 * k, Math.min(seen, beside ? third : store.width / 3 - wide))) : Math.min(Math.max(220, room - pad - 8), Math.max(200 * k, seen), 540 * k));
    const names = store.scene().names;
    right.style.width = beside ? `${pair ? Math.max(3 * (size + pad + 18), 680 * k) : room - 12}px` : ""; // else its sentences push it below the lines
    left.style.order = beside ? 0 : 1;
    say(silent, isOff ? `Head ${layer}.${head} is off: it adds nothing. Pale: where it would look.` : "");
    for (const figure of [lines, single, ...(store.sentences() ? [before] : [])]) figure.root.classList.toggle("g2x-pale", isOff);
    drawMatrix(single, shown, size, pair ? names[1] : headName(store.layerName(layer), head, store.role(layer, head)));
    for (const figure of [before, change]) figure.root.hidden = !pair;
    if (pair) {
      drawMatrix(before, found[0], size, names[0]);
      drawMatrix(change, shown, size, `${names[1]} − ${names[0]}`, found[0]);
    } else [before, change].forEach((figure) => maps.delete(figure));
    drawLines(shown);
    legend.draw(false, shown.triangular, shown.most);
    changeLegend.root.hidden = !pair;
    if (pair) changeLegend.draw(true, false, shown.most);
    const cells = dots(size);
    coarse.hidden = cells === store.T();
    say(coarse, `${store.T()} tokens on ${cells} dots: a dot shows the largest of the weights it stands for.`);
    edge.draw(chosenKey(store, exactRow(store, shown, store.token()).weights));
    if (isOff) edge.root.hidden = true; // it has no effect
    tell(single, null);
    return true;
  }

  function drawMatrix(figure, map, size, title, from) {
    const T = store.T();
    const k = store.scale();
    const labels = store.labels(map.run);
    const font = 12 * k;
    const each = labelStep(T, size, font * 1.15);
    const longest = store.compared() ? 7 : 9;
    const pad = labelRoom(font, longest);
    figure.size(size + pad + 2, size + pad + 2);
    figure.name(title, `${title}: attention of ${T} queries (rows) to ${T} keys (columns)`);
    maps.set(figure, { map, size, pad });
    set(figure.stage, { "aria-label": `${title}. Arrow keys move query and key.` });
    const m = dots(size);
    figure.paper().drawImage(bitmap(from ? changePixels(from, map, m) : pixels(map, m), m), pad, pad, size, size);
    const cell = size / T;
    const marks = [];
    const rows = store.queries();
    const row = rows[rows.length - 1];
    const column = chosenKey(store, exactRow(store, map, rows).weights);
    for (let i = 0; i < T; i += each) {
      if (Math.abs(i - row) < each && i !== row) continue;
      marks.push(tick(i, cell, pad, font, labels, false));
    }
    for (let i = 0; i < T; i += each) {
      if (Math.abs(i - column) < each && i !== column) continue;
      marks.push(tick(i, cell, pad, font, labels, true));
    }
    if (row % each) marks.push(tick(row, cell, pad, font, labels, false));
    if (column % each) marks.push(tick(column, cell, pad, font, labels, true));
    marks.push(
      s("rect", { x: pad, y: pad + rows[0] * cell, width: size, height: Math.max(rows.length * cell, 1.5), class: "g2x-cross" }),
      s("rect", { x: pad + column * cell, y: pad, width: Math.max(cell, 1.5), height: size, class: "g2x-cross" }),
      s("rect", { x: pad + column * cell, y: pad + row * cell, width: Math.max(cell, 4), height: Math.max(cell, 4), class: "g2x-selected" }),
    );
    figure.draw(marks);
  }

  // Cells on a side: one per token, but no more than the screen has pixels.
  function dots(size) {
    return Math.min(store.T(), Math.floor(size * screenRatio()));
  }

  function pixels(map, m) {
    const bytes = m < store.T() ? shrink(map.bytes, store.T(), map.triangular, m) : map.bytes;
    return paint(bytes, m, map.triangular, amountScale(store.theme), hiddenColour(store.theme));
  }

  function changePixels(from, map, m) {
    const T = store.T();
    const values = difference(from.bytes, map.bytes, T, from.triangular, map.triangular);
    return paintSigned(m < T ? shrinkSigned(values, T, m) : values, m, signedScale(store.theme));
  }

  // Room for the longest token label, of so many characters at most.
  function labelRoom(font, most) {
    return Math.round(Math.min(most, Math.max(...store.labels().map((l) => Array.from(l).length))) * font * 0.66 + 14);
  }

  function linesWidth() {
    return Math.min(store.width > 700 * store.scale() ? store.width * 0.38 : store.width - 8, 330 * store.scale());
  }

  function tick(i, cell, pad, font, labels, top) {
    const at = pad + (i + 0.5) * cell;
    const chosen = top ? i === store.get("key") : store.queries().includes(i);
    const attributes = { "font-size": font, class: chosen ? "g2x-t1 g2x-strong" : "g2x-t2" };
    const most = store.compared() ? 7 : 9;
    // Where few tokens have a label, its number tells which one this is.
    const word = labels.length > ALL_TOKENS && font * 1.15 > cell ? clip(`${i} ${labels[i]}`, most) : clip(labels[i], most);
    if (!top) return text(pad - 5, at + font * 0.35, word, { ...attributes, "text-anchor": "end" });
    return text(0, 0, word, { ...attributes, transform: `translate(${at + font * 0.35},${pad - 5}) rotate(-90)` });
  }

  // Left the queries, right the keys; thick where a query looks much.
  function drawLines(map) {
    const T = store.T();
    const k = store.scale();
    const labels = store.labels(map.run);
    const rows = store.queries();
    const token = rows[rows.length - 1];
    const { weights, write } = exactRow(store, map, rows);
    const all = T <= ALL_TOKENS;
    const queries = windowAround(token, T, all ? ALL_TOKENS : STRONGEST);
    const keys = all ? queries : strongest(weights, STRONGEST);
    const least = all ? 0.02 : 0; // the strongest of a thousand keys may get little, and are still the strongest
    const font = 13 * k;
    const line = Math.max(14.5 * k, all ? Math.min(26 * k, (store.height - 165 * k) / T) : 17 * k);
    const width = linesWidth();
    const [x0, x1] = [width * 0.32, width * 0.6];
    const y = (i) => 30 * k + (i + 0.5) * line;
    lines.size(width, y(Math.max(queries.length, keys.length) - 1) + line);
    const which = store.compared() ? `, ${store.scene().names[map.run]}` : "";
    lines.name((all ? "Who looks at whom" : `Where ‘${clip(labels[token], 12)}’ looks: its ${keys.length} strongest keys`) + which + (rows.length > 1 ? `; numbers: mean of ${rows.length} queries` : ""));
    const marks = [
      text(x0 - 8, 15 * k, "query", { "font-size": font, "text-anchor": "end" }),
      text(x1 + 8, 15 * k, "key", { "font-size": font }),
    ];
    const drawn = all && T <= 24 ? queries : [];
    for (const query of [...drawn.filter((q) => !rows.includes(q)), ...rows.filter((q) => queries.includes(q))]) {
      const on = rows.includes(query);
      const row = on && rows.length === 1 ? weights : rowWeights(map, query, T);
      keys.forEach((key, j) => {
        if (row[key] <= least) return;
        marks.push(s("path", {
          d: ribbon(x0, y(queries.indexOf(query)), x1, y(j)),
          class: on ? "g2x-line g2x-line-on" : "g2x-line",
          "stroke-width": Math.max(0.8, (on ? 9 / Math.sqrt(rows.length) : 4) * Math.sqrt(row[key]) * k),
          "stroke-opacity": on ? 0.35 + 0.6 * Math.sqrt(row[key]) : 0.25 * Math.sqrt(row[key]),
        }));
      });
    }
    const chosen = chosenKey(store, weights);
    queries.forEach((query, i) => {
      const name = all ? clip(labels[query], 12) : `${clip(labels[query], 9)} ${query}`;
      marks.push(word(x0 - 8, y(i) + font * 0.35, name, rows.includes(query), "end", font, () => store.set({ token: query })));
    });
    keys.forEach((key, j) => {
      const tint = amountScale(store.theme)[Math.round(255 * Math.sqrt(weights[key]))];
      marks.push(s("rect", { x: x1 + 2, y: y(j) - line * 0.36, width: 5, height: line * 0.72, fill: css(tint) }));
      const name = all ? clip(labels[key], 12) : `${key} ${clip(labels[key], 9)}`;
      marks.push(word(x1 + 13, y(j) + font * 0.35, name, key === chosen, "start", font, () => store.set({ key })));
      if (weights[key] > least) {
        marks.push(text(width - 2, y(j) + font * 0.35, write(key), { "font-size": 12 * k, "text-anchor": "end" }));
      }
    });
    lines.draw(marks);
  }

  function word(x, y, content, strong, anchor, font, onclick) {
    return text(x, y, content, { class: strong ? "g2x-t1 g2x-strong g2x-hand" : "g2x-t1 g2x-hand", "font-size": font, "text-anchor": anchor, onclick });
  }

  return { root, draw, figures: () => (several.root.hidden ? [lines, ...matrices.filter((m) => !m.root.hidden), legend.figure, ...(changeLegend.root.hidden ? [] : [changeLegend.figure])] : several.figures()) };
}
