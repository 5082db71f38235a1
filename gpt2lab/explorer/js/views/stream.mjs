import { h, s } from "../dom.mjs";
import { createFigure, note, text } from "../figure.mjs";
import { extent, labelStep, polyline, scale, ticks } from "../layout.mjs";
import { asFloats } from "../packing.mjs";
import { clip, number, tickText } from "../words.mjs";

export const streamView = { label: "Stream", create: createStream,
  about: "The vector of the chosen token on its way through the blocks: how long it is, and which part added what." };

// Curves over layers; a dashed curve is the run before the change.
function curves(figure, store, { title, series, layers, unit, zeroToOne }) {
  const f = store.scale();
  const columns = store.width > 780 * f ? 3 : store.width > 600 ? 2 : 1;
  const width = Math.floor((store.width - 12) / columns) - 14;
  const height = Math.max(140 * f, Math.min(226 * f, (store.height - 110 * f) / 2 - 34));
  const font = 12 * f;
  figure.size(width, height);
  figure.name(title, `${title}: ${series.map((line) => `${line.name} ${line.values.map(number).join(", ")}`).join("; ")}`);
  const [left, right, top, bottom] = [50 * f, width - 10, 26 * f, height - 38 * f];
  const all = extent(...series.map((line) => line.values));
  const range = zeroToOne ? [all[0], 1] : all;
  const y = scale(range, [bottom, top]);
  const n = Math.max(...series.map((line) => line.values.length));
  const x = (i) => (n === 1 ? (left + right) / 2 : left + ((i + 0.5) / n) * (right - left));
  const marks = ticks(...range).flatMap((v) => [
    s("path", { d: `M${left},${y(v)}H${right}`, class: v === 0 ? "g2x-axis" : "g2x-gridline" }),
    text(left - 6, y(v) + font / 3, tickText(v), { "font-size": font, "text-anchor": "end" }),
  ]);
  const each = labelStep(n, right - left, font * 2.2);
  for (let i = 0; i < n; i += each) {
    marks.push(text(x(i), bottom + font * 1.4, layers[i], { "font-size": font, "text-anchor": "middle" }));
  }
  const bars = series.filter((line) => line.bar);
  for (const line of series) {
    const index = bars.indexOf(line);
    if (index >= 0) {
      const thick = ((right - left) / n) * 0.8 / bars.length;
      line.values.forEach((v, i) => Number.isFinite(v) && marks.push(s("rect", {
        x: x(i) - (thick * bars.length) / 2 + index * thick, width: Math.max(1, thick * 0.9),
        y: Math.min(y(0), y(v)), height: Math.max(0.5, Math.abs(y(v) - y(0))), class: line.style,
      }, s("title", { text: `${line.name} ${layers[i]}: ${number(v)}` }))));
    } else {
      marks.push(s("path", { d: polyline(line.values.map((v, i) => [x(i), y(v)])), class: `g2x-curve ${line.style}` }));
      if (!line.style.includes("g2x-dashed")) {
        line.values.forEach((v, i) => Number.isFinite(v) && marks.push(s("circle", { cx: x(i), cy: y(v), r: 3.4 * f, class: line.style.replace("-line", "-dot") }, s("title", { text: `${line.name} ${layers[i]}: ${number(v)}` }))));
      }
    }
  }
  let at = left;
  for (const line of series) {
    marks.push(line.bar
      ? s("rect", { x: at, y: 5 * f, width: 12 * f, height: 10 * f, class: line.style })
      : s("path", { d: `M${at},${10 * f}h${16 * f}`, class: `g2x-curve ${line.style}` }));
    marks.push(text(at + 20 * f, 14 * f, line.name, { "font-size": font }));
    at += (22 + (line.name ? 4 + 6.6 * line.name.length : 0)) * f + 4;
  }
  marks.push(text((left + right) / 2, height - 6 * f, unit, { "font-size": font, "text-anchor": "middle" }));
  figure.draw(marks);
}

// The residual stream of the selected token: how long it is, who wrote what, what the norms saw.
function createStream(store) {
  const figures = Array.from({ length: 5 }, () => createFigure(""));
  const problem = h("div");
  const charts = h("div", { class: "g2x-row" }, figures.map((figure) => figure.root));
  const hint = h("p", { class: "g2x-hint", text: "What the parts add in the direction where the stream ends up, and what the input brings along that direction, sum to the final length." });
  const root = h("div", { class: "g2x-view" }, problem, charts, hint);

  function read(run) {
    const answer = store.ask(`stream/${run}/${store.token()}`);
    if (!answer || answer.error) return answer;
    const values = Array.from(asFloats(answer.buffers[0]));
    const { names, layers } = answer.meta;
    return {
      layers,
      row: (name) => Array.from({ length: layers }, (_, i) => values[i * names.length + names.indexOf(name)]),
    };
  }

  function draw() {
    const runs = store.compared() ? [read(0), read(store.last())] : [read(0)];
    if (runs.some((run) => run === null)) return false;
    const now = runs[runs.length - 1];
    problem.replaceChildren(...(now.error ? [note(now.error)] : []));
    charts.hidden = hint.hidden = Boolean(now.error);
    if (now.error) return true;
    const before = runs.length > 1 && !runs[0].error ? runs[0] : null;
    const names = store.scene().names;
    const blocks = Array.from({ length: Math.max(now.layers, before?.layers ?? 0) }, (_, i) => String(i));
    const around = ["in", ...blocks];
    const length = (run) => [run.row("resid_pre")[0], ...run.row("resid_post")];
    const ghost = (make) => (before ? [{ name: names[0], values: make(before), style: "g2x-ghost-line g2x-dashed" }] : []);
    const token = `‘${clip(store.labels()[store.token()], 12)}’`;
    curves(figures[0], store, {
      title: `Length of the stream at ${token}`, unit: "after block", layers: around,
      series: [{ name: "length", values: length(now), style: "g2x-ink-line" }, ...ghost(length)],
    });
    curves(figures[1], store, {
      title: "What each part adds: its length", unit: "block", layers: blocks,
      series: [{ name: "attention", values: now.row("attn"), style: "g2x-attn", bar: true }, { name: "feed-forward", values: now.row("ffn"), style: "g2x-ffn", bar: true }],
    });
    curves(figures[2], store, {
      title: "… and how far it points where the stream ends up", unit: "block", layers: blocks,
      series: [{ name: "attention", values: now.row("attn_along"), style: "g2x-attn", bar: true }, { name: "feed-forward", values: now.row("ffn_along"), style: "g2x-ffn", bar: true }],
    });
    curves(figures[3], store, {
      title: "Cosine with the final stream", unit: "after block", layers: blocks, zeroToOne: true,
      series: [{ name: "cosine", values: now.row("cosine"), style: "g2x-ink-line" }, ...ghost((run) => run.row("cosine"))],
    });
    curves(figures[4], store, {
      title: "What the layer norms divide by and subtract", unit: "block", layers: blocks,
      series: [
        { name: "std, ln_1", values: now.row("ln_1_std"), style: "g2x-attn-line" },
        { name: "std, ln_2", values: now.row("ln_2_std"), style: "g2x-ffn-line" },
        { name: "", values: now.row("ln_1_mean"), style: "g2x-attn-line g2x-dashed" },
        { name: "means", values: now.row("ln_2_mean"), style: "g2x-ffn-line g2x-dashed" },
      ],
    });
    return true;
  }

  return { root, draw, figures: () => figures };
}
