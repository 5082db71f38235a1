import { button, h, numberField, s, say } from "../dom.mjs";
import { createFigure, note, text } from "../figure.mjs";
import { strongest } from "../layout.mjs";
import { clip, number, percent } from "../words.mjs";

export const nextView = { label: "Next token", create: createNext, prediction: false };

// The rows that are most probable in any run, in their own order: what only the change makes likely
// must not be missing.
export function likeliest(rows, n) {
  const kept = new Set(strongest(rows.map((row) => Math.max(...row.p)), n));
  return rows.filter((_, i) => kept.has(i));
}

// Bars for the most probable next tokens; two runs stand one under the other.
export function drawNext(figure, store, meta, { width, most, sampled, compact }) {
  const f = store.scale();
  const token = store.token();
  const font = (compact ? 13 : 13.5) * f;
  const rows = likeliest(meta.rows, most);
  const runs = meta.kept.length;
  const line = (runs > 1 ? 36 : compact ? 25 : 28) * f;
  const name = (compact ? 92 : 130) * f;
  const extra = compact ? 0 : 76 * f;
  const room = width - name - extra - 66 * f;
  figure.size(width, rows.length * line + (runs > 1 ? 34 : 8) * f);
  figure.name(compact ? `Next after ‘${clip(store.labels()[token], 12)}’` : `What comes after ‘${clip(store.labels()[token], 20)}’`,
    `Most probable next tokens: ${rows.map((row) => `${row.label} ${row.p.map(percent).join(" and ")}`).join(", ")}`);
  const most_p = Math.max(...rows.flatMap((row) => [...row.p, ...(sampled ? row.sampled : [])]), 1e-9);
  const marks = [];
  if (runs > 1) {
    store.scene().names.forEach((which, i) => marks.push(
      s("rect", { x: i * 148 * f, y: 4, width: 12 * f, height: 10 * f, class: i ? "g2x-after" : "g2x-before" }),
      text(i * 148 * f + 17 * f, 13 * f, clip(which, 17), { class: "g2x-t2", "font-size": 12 * f })));
  }
  rows.forEach((row, r) => {
    const y = (runs > 1 ? 26 : 2) * f + r * line;
    marks.push(text(name - 8, y + line * 0.56, clip(row.label, compact ? 10 : 14), { class: "g2x-t1", "font-size": font, "text-anchor": "end" }));
    const thick = (line * 0.72) / runs;
    for (let i = 0; i < runs; i++) {
      const top = y + line * 0.1 + i * thick;
      const length = (p) => Math.max(0.8, (p / most_p) * room);
      marks.push(s("rect", { x: name, y: top, width: length(row.p[i]), height: thick * 0.88, rx: 2, class: i ? "g2x-after" : "g2x-before" }));
      if (sampled) {
        marks.push(row.sampled[i] > 0
          ? s("rect", { x: name, y: top + thick * 0.3, width: length(row.sampled[i]), height: thick * 0.28, class: "g2x-sampled" })
          : text(name + length(row.p[i]) + 56 * f, top + thick * 0.66, "cut", { class: "g2x-t2", "font-size": 11.5 * f }));
      }
      const longest = Math.max(row.p[i], sampled ? row.sampled[i] : 0);
      marks.push(text(name + length(longest) + 5, top + thick * 0.7, percent(sampled && row.sampled[i] > 0 ? row.sampled[i] : row.p[i]), { class: "g2x-t2", "font-size": 12 * f }));
      if (!compact) marks.push(text(width - 4, top + thick * 0.7, number(row.logit[i]), { class: "g2x-t2", "font-size": 12 * f, "text-anchor": "end" }));
    }
  });
  figure.draw(marks);
}

// The distribution the next token is drawn from, with the three knobs of sampling.
function createNext(store) {
  const figure = createFigure("");
  const facts = h("p", { class: "g2x-readout", role: "status" });
  const problem = h("div");
  const temperature = numberField("Temperature", 0, 10, 0.1, (value) => store.set({ temperature: value }));
  const topK = numberField("Top-k (0 = all)", 0, 100000, 1, (value) => store.set({ top_k: Math.round(value) }));
  const topP = numberField("Top-p", 0.01, 1, 0.05, (value) => store.set({ top_p: value }));
  const plain = button("As trained", () => store.set({ temperature: 1, top_k: 0, top_p: 1 }), { class: "g2x-small" });
  const knobs = h("div", { class: "g2x-row g2x-knobs", role: "group", "aria-label": "Sampling" }, temperature.root, topK.root, topP.root, plain);
  const key = h("p", { class: "g2x-hint" });
  const root = h("div", { class: "g2x-view" }, knobs, problem, figure.root, key, facts);

  function draw() {
    knobs.hidden = Boolean(store.get("_recorded")); // other values take a kernel
    const values = [store.get("temperature"), store.get("top_k"), store.get("top_p")];
    [temperature, topK, topP].forEach((field, i) => field.show(values[i]));
    const answer = store.next(store.token());
    if (!answer) return false;
    problem.replaceChildren(...(answer.error ? [note(answer.error)] : []));
    figure.root.hidden = Boolean(answer.error);
    if (answer.error) return true;
    const { meta } = answer;
    const sampled = values[0] !== 1 || values[1] !== 0 || values[2] !== 1;
    drawNext(figure, store, meta, { width: Math.min(store.width - 12, 780 * store.scale()), most: 12, sampled });
    say(key, sampled ? "Wide bar: as trained. Narrow dark bar and number: what is drawn from. Right: logit." : "Bars: probability. Right: logit.");
    const names = store.scene().names;
    say(facts, meta.kept.map((kept, i) =>
      `${meta.kept.length > 1 ? names[i] + ": d" : "D"}rawn from ${kept.toLocaleString("en")} of ${meta.vocab_size.toLocaleString("en")} tokens, entropy as trained ${number(meta.entropy[i])} nats`).join("; ") + ".");
    return true;
  }

  return { root, draw, figures: () => [figure] };
}
