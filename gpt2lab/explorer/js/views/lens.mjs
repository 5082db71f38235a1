import { amountScale, css, inkOn } from "../colour.mjs";
import { h, s } from "../dom.mjs";
import { createFigure, note, text } from "../figure.mjs";
import { asFloats } from "../packing.mjs";
import { amount, clip } from "../words.mjs";

export const lensView = { label: "Logit lens", create: createLens,
  about: "What the model would say after the chosen token if it stopped early: a row for each number of blocks." };

// What the model would say if it stopped after each layer, and where its final answer ranks there.
function createLens(store) {
  const tables = [createFigure(""), createFigure("")];
  const problem = h("div");
  const hint = h("p", { class: "g2x-hint", text: "Each row takes the stream after that many blocks through the final layer norm and the output layer. It is a reading aid: early layers were never trained to be read this way." });
  const row = h("div", { class: "g2x-column" }, tables.map((t) => t.root));
  const root = h("div", { class: "g2x-view" }, problem, row, hint);

  function draw() {
    const runs = store.compared() ? [store.last(), 0] : [0];
    const found = runs.map((run) => store.ask(`lens/${run}/${store.token()}`));
    if (found.some((answer) => answer === null)) return false;
    problem.replaceChildren(...(found[0].error ? [note(found[0].error)] : []));
    tables.forEach((table, i) => {
      table.root.hidden = !found[i] || Boolean(found[i].error);
      if (!table.root.hidden) drawTable(table, found[i], runs.length > 1 ? store.scene().names[i === 0 ? 1 : 0] : "");
    });
    return true;
  }

  function drawTable(figure, { meta, buffers }, run) {
    const f = store.scale();
    const [top, answer] = buffers.map(asFloats);
    const rows = meta.labels.length;
    const line = (rows > 14 ? 22 : 28) * f;
    const font = 12.5 * f;
    const [name, rank] = [76 * f, 136 * f];
    const width = Math.min(store.width - 12, 880 * f);
    // Fewer columns where a token and its probability would not fit.
    const given = meta.labels[0].length;
    const columns = Math.max(1, Math.min(given, Math.floor((width - name - rank) / (92 * f))));
    const each = (width - name - rank) / columns;
    figure.size(width, 30 * f + rows * line + 2);
    figure.name(`${run ? run + ": w" : "W"}hat each layer would say ${store.scene().fills ? "in the place of" : "after"} ‘${clip(store.labels()[store.token()], 14)}’; the answer is ‘${clip(meta.answer, 14)}’`);
    const marks = [
      text(0, 15 * f, "blocks done", { "font-size": font }),
      text(name + 12 * f, 15 * f, "answer: rank · p", { "font-size": font }),
      text(name + rank, 15 * f, columns > 1 ? "most probable tokens" : "likeliest", { "font-size": font }),
    ];
    for (let r = 0; r < rows; r++) {
      const y = 24 * f + r * line;
      const good = 1 - Math.log(meta.ranks[r]) / Math.log(Math.max(2, meta.vocab_size));
      marks.push(
        text(name - 14 * f, y + line * 0.66, r === rows - 1 ? `${r} (all)` : r, { class: "g2x-t1", "font-size": font, "text-anchor": "end" }),
        s("rect", { x: name + 12 * f, y: y + line * 0.7, width: Math.max(1, good * (rank - 40 * f)), height: line * 0.16, class: "g2x-weight" }),
        text(name + 12 * f, y + line * 0.58, `${meta.ranks[r].toLocaleString("en")} · ${amount(answer[r])}`, { class: "g2x-t1", "font-size": font }),
      );
      for (let c = 0; c < columns; c++) {
        const p = top[r * given + c];
        const colour = amountScale(store.theme)[Math.round(255 * Math.sqrt(p))];
        const x = name + rank + c * each;
        marks.push(
          s("rect", { x, y: y + 1, width: each - 3, height: line - 2, rx: 3, fill: css(colour), class: meta.final[r][c] ? "g2x-answer" : "g2x-box" }),
          text(x + 6, y + line * 0.66, clip(meta.labels[r][c], Math.max(3, Math.floor((each - 48 * f) / (7.4 * f)))), { class: null, fill: inkOn(colour), "font-size": font }),
          text(x + each - 9, y + line * 0.66, amount(p), { class: null, fill: inkOn(colour), "font-size": 11.5 * f, "text-anchor": "end" }),
        );
      }
    }
    figure.draw(marks);
  }

  return { root, draw, figures: () => tables.filter((t) => !t.root.hidden) };
}
