import { h, s, set } from "../dom.mjs";
import { createFigure, note, text } from "../figure.mjs";
import { dotSteps, extent, polyline, scale, step, strongest, ticks } from "../layout.mjs";
import { asFloats } from "../packing.mjs";
import { amount, clip, number, place, tickText } from "../words.mjs";
import { chosenKey } from "../weights.mjs";

export const scoresView = { label: "Scores", create: createScores, oneRun: true, neighbours: true,
  about: "One row of a map in the making: q·k gives scores, the mask hides later tokens, softmax turns the rest into weights." };

const MOST_KEYS = 32;

// How one query's weights come about: q·k feature by feature, then raw → scaled → masked → softmax.
function createScores(store) {
  const product = createFigure("");
  const pipeline = createFigure("");
  const explain = h("p", { class: "g2x-readout", role: "status" });
  const problem = h("div");
  const body = h("div", { class: "g2x-row g2x-wide" }, h("div", { class: "g2x-column" }, product.root, explain), h("div", { class: "g2x-column" }, pipeline.root));
  const root = h("div", { class: "g2x-view" }, problem, body);

  let keys = []; // the rows of the table
  let chosen = 0;
  set(pipeline.stage, { tabindex: 0, role: "application", "aria-roledescription": "table of keys", "aria-label": "From q·k to weights. Arrow keys choose the key." });
  pipeline.stage.addEventListener("keydown", (event) => {
    const to = step(event.key, keys.indexOf(chosen), 0, keys.length, 1);
    if (!to || event.key === "ArrowLeft" || event.key === "ArrowRight") return;
    event.preventDefault();
    store.set({ key: keys[event.key === "Home" ? 0 : event.key === "End" ? keys.length - 1 : to.row] });
  });

  function draw() {
    const answer = store.ask(`scores/${store.run()}/${store.get("layer")}/${store.get("head")}/${store.token()}`);
    if (!answer) return false;
    problem.replaceChildren(...(answer.error ? [note(answer.error)] : []));
    body.hidden = Boolean(answer.error);
    if (answer.error) return true;
    const [q, k, raw, scaled, visible, weights] = answer.buffers.map(asFloats);
    const key = chosenKey(store, weights);
    const d = answer.meta.d_head;
    const labels = store.labels();
    drawProduct(dotSteps(q, k.subarray(key * d, (key + 1) * d)), key);
    drawPipeline(raw, scaled, visible, weights, key);
    const factor = answer.meta.scale;
    const how = factor ? `× ${number(factor)} (1/√${d} is ${number(1 / Math.sqrt(d))}) = ${number(scaled[key])}` : `scaled and with a bias added: ${number(scaled[key])}`;
    const end = visible[key] ? `softmax turns it into ${amount(weights[key])}` : "the mask sets it to −∞, so its weight is 0";
    explain.textContent = `Query ${place(store.token(), labels)} · key ${place(key, labels)} = ${number(raw[key])}; ${how}; ${end}.`;
    return true;
  }

  function drawProduct(steps, key) {
    const f = store.scale();
    const width = Math.floor(Math.min(store.width - 12, store.width > 720 * f ? store.width * 0.42 : 680 * f));
    explain.style.maxWidth = `${width}px`;
    const height = Math.max(160 * f, Math.min(320 * f, store.height - 150 * f));
    const font = 12 * f;
    const labels = store.labels();
    product.size(width, height);
    product.name(`q·k, feature by feature: ‘${clip(labels[store.token()], 12)}’ with ‘${clip(labels[key], 12)}’`);
    const [left, right, top, bottom] = [52 * f, width - 8, 30 * f, height - 34 * f];
    const range = extent(steps.map((p) => p.product), steps.map((p) => p.sum));
    const y = scale(range, [bottom, top]);
    const each = (right - left) / steps.length;
    const marks = ticks(...range).flatMap((v) => [
      s("path", { d: `M${left},${y(v)}H${right}`, class: v === 0 ? "g2x-axis" : "g2x-gridline" }),
      text(left - 6, y(v) + font / 3, tickText(v), { "font-size": font, "text-anchor": "end" }),
    ]);
    const bars = steps.map((p, i) => s("rect", {
      x: left + i * each + each * 0.1, width: Math.max(1, each * 0.8),
      y: Math.min(y(0), y(p.product)), height: Math.max(0.5, Math.abs(y(p.product) - y(0))),
      class: p.product >= 0 ? "g2x-up" : "g2x-down",
    }, s("title", { text: `feature ${i}: ${number(p.product)}, sum so far ${number(p.sum)}` })));
    const sum = s("path", { d: polyline(steps.map((p, i) => [left + (i + 0.5) * each, y(p.sum)])), class: "g2x-curve g2x-ink-line" });
    product.draw(marks, bars, sum,
      s("rect", { x: left, y: 6 * f, width: 12 * f, height: 10 * f, class: "g2x-up" }), text(left + 17 * f, 15 * f, "feature > 0", { "font-size": font }),
      s("rect", { x: left + 100 * f, y: 6 * f, width: 12 * f, height: 10 * f, class: "g2x-down" }), text(left + 117 * f, 15 * f, "< 0", { "font-size": font }),
      s("path", { d: `M${left + 150 * f},${11 * f}h${16 * f}`, class: "g2x-curve g2x-ink-line" }), text(left + 171 * f, 15 * f, "running sum", { "font-size": font }),
      text((left + right) / 2, height - 8 * f, `feature 0 … ${steps.length - 1} of this head`, { "font-size": font, "text-anchor": "middle" }));
  }

  function drawPipeline(raw, scaled, visible, weights, key) {
    const f = store.scale();
    const T = weights.length;
    const labels = store.labels();
    const kept = new Set(strongest(weights, MOST_KEYS));
    kept.add(key);
    chosen = key;
    keys = T <= MOST_KEYS ? [...weights.keys()] : [...kept].sort((a, b) => a - b);
    const width = Math.min(store.width - 12, store.width > 720 * f ? store.width * 0.55 : 680 * f);
    const line = Math.max(15.5 * f, Math.min(21 * f, (store.height - 110 * f) / keys.length));
    const font = 12 * f;
    const name = 112 * f;
    const columns = [["q·k", raw], ["scaled", scaled], ["masked", scaled], ["softmax", weights]];
    const each = (width - name) / columns.length;
    pipeline.size(width, 30 * f + keys.length * line + 4);
    pipeline.name(`Query ‘${clip(labels[store.token()], 12)}’: from q·k to weights${keys.length < T ? ` (${keys.length} of ${T} keys, the strongest)` : ""}`);
    const marks = columns.map(([title], c) => text(name + c * each + 4, 15 * f, title, { class: "g2x-t1 g2x-strong", "font-size": 13 * f }));
    keys.forEach((i, row) => {
      const y = 24 * f + row * line;
      if (i === key) marks.push(s("rect", { x: 0, y, width, height: line, class: "g2x-band" }));
      marks.push(text(name - 8, y + line * 0.68, keys.length < T ? `${i} ${clip(labels[i], 9)}` : clip(labels[i], 13), { class: "g2x-t1 g2x-hand", "font-size": font, "text-anchor": "end", onclick: () => store.set({ key: i }) }));
      columns.forEach(([title, values], c) => {
        const x = name + c * each;
        const value = title === "masked" && !visible[i] ? -Infinity : values[i];
        marks.push(...cell(x, y, each, line, value, title, values, font));
      });
    });
    pipeline.draw(marks);
  }

  function cell(x, y, width, line, value, title, values, font) {
    if (value === -Infinity) return [text(x + 4, y + line * 0.68, "−∞", { "font-size": font })];
    const soft = title === "softmax";
    const [low, high] = extent(values); // of weights, too: a thousand keys leave little for each
    const at = scale([low, high], [x + 50 * (font / 12), x + width - 6]);
    const zero = at(0);
    const length = Math.abs(at(value) - zero);
    return [
      text(x + 44 * (font / 12), y + line * 0.68, soft ? amount(value) : number(value), { "font-size": font, "text-anchor": "end" }),
      s("rect", { x: value < 0 ? zero - length : zero, y: y + line * 0.22, width: Math.max(0.6, length), height: line * 0.56, class: soft ? "g2x-weight" : value < 0 ? "g2x-down" : "g2x-up" }),
    ];
  }

  return { root, draw, figures: () => [product, pipeline] };
}
