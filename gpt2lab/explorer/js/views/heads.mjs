import { choice, h, s, say, set } from "../dom.mjs";
import { createFigure, crossed, note, text } from "../figure.mjs";
import { gridLayout, step, strongest } from "../layout.mjs";
import { createLegend } from "../legend.mjs";
import { takenSwitch, takenThumbnails } from "../taken.mjs";
import { thumbnail } from "../thumbnail.mjs";
import { headsTogether, pickHead, pointing, querying } from "../together.mjs";
import { exactRow, headMapAtHand } from "../weights.mjs";
import { amount, capital, clip, headName } from "../words.mjs";

export const headsView = { label: "All heads", create: createHeads,
  about: "One square per head: a row is a token that looks, a column a token that is looked at; the stronger its colour, the more." };

// All heads, a row per layer. Each head is a button; arrow keys move, Enter opens, X switches off; with Shift
// arrow keys only move the focus, and Enter or a click adds the head to those that are drawn together.
function createHeads(store) {
  const figure = createFigure("Every head: rows are queries, columns are keys");
  const legend = createLegend(store);
  const which = choice("Which run", [["before", "before"], ["after", "after"], ["difference", "difference"]], store.showRun);
  const weigh = takenSwitch(store);
  const problem = h("div");
  const grid = h("div", { class: "g2x-cells", role: "grid", "aria-label": "All heads" });
  figure.stage.append(grid);
  const close = createFigure("");
  const looks = h("p", { class: "g2x-readout" });
  const hint = h("p", { class: "g2x-hint" });
  const side = h("div", { class: "g2x-column g2x-close" }, close.root, looks);
  const root = h("div", { class: "g2x-view" }, h("div", { class: "g2x-row" }, which.root, weigh.root), problem,
    h("div", { class: "g2x-row g2x-beside" }, figure.root, side, h("div", { class: "g2x-column" }, legend.root, hint)));
  let cells = [];
  let built = "";

  function build() {
    cells = store.scene().grid.map((heads, layer) =>
      Array.from({ length: heads }, (_, head) =>
        h("div", {
          role: "gridcell", class: "g2x-cell",
          onclick: (event) => pickHead(store, layer, head, event),
          ondblclick: () => store.set({ layer, head, view: "head" }),
          onkeydown: (event) => press(event, layer, head),
          ...pointing(store, { layer, head }),
        })));
    grid.replaceChildren(...cells.map((row, layer) => h("div", { role: "row", "aria-label": capital(store.layerName(layer)) }, row)));
  }

  function press(event, layer, head) {
    const to = step(event.key, layer, head, store.layers(), store.heads(layer));
    if (to) {
      const next = Math.min(to.column, store.heads(to.row) - 1);
      if (!event.shiftKey) store.set({ layer: to.row, head: next }); // with Shift only the focus moves
      cells[to.row][next].focus();
    } else if (event.key === "Enter" || event.key === " ") {
      if (event.shiftKey) pickHead(store, layer, head, event);
      else store.set({ layer, head, view: "head" });
    }
    else if (event.key === "x" || event.key === "X") {
      if (head < store.parts(layer)) store.toggle(`head ${layer}.${head}`);
    } else return;
    event.preventDefault();
  }

  function draw() {
    const scene = store.scene();
    const k = store.scale();
    weigh.draw();
    const found = store.get("weighted") ? takenThumbnails(store) : undefined;
    if (found === null) return false;
    problem.replaceChildren(...(found?.error ? [note(found.error)] : []));
    const taken = found?.error ? undefined : found;
    const key = JSON.stringify(scene.grid);
    if (built !== key) { build(); built = key; }
    const layers = store.layers();
    const heads = Math.max(...scene.grid);
    const label = (store.layerName(0) === "layer 0" ? 62 : 76) * k;
    const beside = store.width > 640 * k;
    const large = Math.max(170, Math.min(320, store.height / k - 190)) * k; // the side of the head that is shown larger
    const chosen = headsTogether(store);
    const place = gridLayout({ layers, heads, width: store.width - 8 - (beside ? large + 24 : 0), label, top: 24 * k, badge: 17 * k, most: layers * heads > 24 || layers > 4 ? 92 : Math.min(220, Math.max(76, (store.height - 150 * k) / layers - 23)) });
    figure.size(place.width, place.height);
    const paper = figure.paper();
    const shown = store.compared() ? store.get("which_run") : "after";
    const font = 13 * k;
    const marks = [];
    for (let head = 0; head < heads; head++) {
      marks.push(text(place.x(head) + place.cell / 2, 15 * k, head, { "font-size": font, "text-anchor": "middle" }));
    }
    marks.push(text(0, 15 * k, "head", { "font-size": font }));
    cells.forEach((row, layer) => {
      marks.push(text(0, place.y(layer) + place.cell / 2 + font / 3, store.layerName(layer), { "font-size": font }));
      row.forEach((cell, head) => {
        const [x, y] = [place.x(head), place.y(layer)];
        const image = thumbnail(store, layer, head, shown, taken);
        const silent = isOff(layer, head, shown);
        paper.globalAlpha = silent && shown !== "difference" ? 0.35 : 1;
        if (image) paper.drawImage(image, x, y, place.cell, place.cell);
        const at = chosen.findIndex((one) => one[0] === layer && one[1] === head);
        const selected = at === 0;
        const role = store.role(layer, head);
        set(cell, {
          "aria-label": headName(store.layerName(layer), head, role) + (silent ? ", switched off" : ""),
          "aria-selected": String(at >= 0),
          tabindex: selected ? 0 : -1,
          title: role?.role ? `${role.role}: ${amount(role.score)} of its attention; uniform attention would give ${amount(role.chance)}` : headName(store.layerName(layer), head),
        });
        Object.assign(cell.style, { left: `${x}px`, top: `${y}px`, width: `${place.cell}px`, height: `${place.cell}px` });
        if (selected) marks.push(s("rect", { x: x - 2, y: y - 2, width: place.cell + 4, height: place.cell + 4, rx: 3, class: "g2x-selected" }));
        if (at >= 0 && chosen.length > 1) marks.push(s("rect", { x: x + 2, y: y + 2, width: place.cell - 4, height: place.cell - 4, class: `g2x-frame g2x-l${at}` }));
        if (silent) marks.push(crossed(x, y, place.cell));
        if (role?.role) marks.push(text(x, y + place.cell + 13 * k, badge(role, place.cell, k), { class: "g2x-role", "font-size": 11.5 * k }));
      });
    });
    figure.draw(marks);
    which.root.hidden = !store.compared();
    which.show(shown, scene.names);
    legend.draw(shown === "difference", scene.runs[store.run()].triangular, taken?.most);
    side.hidden = !beside;
    side.style.width = `${large + 14}px`;
    if (beside) drawClose(shown, taken, large);
    say(hint, chosen.length > 1 ? `${chosen.length} heads are chosen; One head draws them together.` : "Shift-click, or Shift and Enter, chooses several heads for One head.");
    return true;
  }

  const isOff = (layer, head, shown) => store.headIsOff(layer, head, shown === "before" ? 0 : store.last());

  // One head, larger: the one that is pointed at, or the selected one.
  function drawClose(shown, taken, size) {
    const { layer = store.get("layer"), head = store.get("head") } = store.pointed;
    close.size(size, size);
    close.name(headName(store.layerName(layer), head, store.role(layer, head)));
    const image = thumbnail(store, layer, head, shown, taken);
    const paper = close.paper();
    const silent = isOff(layer, head, shown);
    paper.globalAlpha = silent && shown !== "difference" ? 0.35 : 1;
    close.draw(silent && crossed(0, 0, size));
    if (image) paper.drawImage(image, 0, 0, size, size);
    const map = shown === "difference" ? null : headMapAtHand(store, store.run(), [layer, head]);
    const row = map && exactRow(store, map, store.queries());
    const labels = store.labels();
    say(looks, row ? `${querying(store, labels)}: most to ${strongest(row.weights, 2).sort((a, b) => row.weights[b] - row.weights[a]).map((i) => `‘${clip(labels[i], 12)}’ ${row.write(i)}`).join(", ")}.` : "");
  }

  return { root, draw, figures: () => [figure, ...(side.hidden ? [] : [close]), legend.figure], focus: () => cells[store.get("layer")]?.[store.get("head")]?.focus() };
}

const SHORT = { "previous token": "prev", "first token": "first", itself: "self", "same token": "same", induction: "induct" };

// As much of a role as fits under a cell.
function badge(role, cell, k) {
  const room = cell / (6.4 * k);
  if (room >= role.role.length + 4) return `${role.role} ${amount(role.score)}`;
  const short = SHORT[role.role] ?? role.role;
  return room >= short.length + 4 ? `${short} ${amount(role.score)}` : short.slice(0, Math.max(1, Math.floor(room)));
}
