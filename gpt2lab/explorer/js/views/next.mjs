import { button, h, s, say, set } from "../dom.mjs";
import { createFigure, note, text } from "../figure.mjs";
import { likeliest, scale, ticks, zoomedEnd } from "../layout.mjs";
import { clip, number, percent, tickText } from "../words.mjs";

export const nextView = { label: "Next token", create: createNext,
  about: "The model's answer at the chosen token: how probable it holds each next token to be, the likeliest on top." };

const MOST_BARS = 12; // tokens shown

// Bars for the most probable next tokens on an axis from 0 to `end`; two runs stand one under the other.
function drawNext(figure, store, meta, { width, sampled, end }) {
  const f = store.scale();
  const font = 13.5 * f;
  const rows = likeliest(meta.rows, MOST_BARS);
  const runs = meta.kept.length;
  const line = Math.max(22 * f, Math.min(28 * f, (store.height - 160 * f) / rows.length)) + (runs > 1 ? 12 * f : 0);
  const narrow = width < 480 * f; // no room for logits
  const name = (narrow ? 92 : 130) * f;
  const room = width - name - (narrow ? 62 : 142) * f;
  const first = (runs > 1 ? 48 : 24) * f;
  const x = scale([0, end], [name, name + room]);
  const bottom = first + rows.length * line;
  figure.size(width, bottom + 6 * f);
  figure.name(`What ${store.scene().fills ? "stands in the place of" : "comes after"} ‘${clip(store.labels()[store.token()], 20)}’${end < 1 ? ` (zoomed: the axis ends at ${tickText(100 * end)} %)` : ""}`,
    `Most probable next tokens: ${rows.map((row) => `${row.label} ${row.p.map(percent).join(" and ")}`).join(", ")}`);
  const small = { "font-size": 12 * f };
  const marks = ticks(0, end, narrow ? 2 : 4).flatMap((v) => [
    s("path", { d: `M${x(v)},${first}V${bottom}`, class: v ? "g2x-gridline" : "g2x-axis" }),
    text(x(v), first - 7 * f, `${tickText(Number((100 * v).toPrecision(6)))} %`, { ...small, "text-anchor": "middle" }),
  ]);
  if (!narrow) marks.push(text(width - 4, first - 7 * f, "logit", { ...small, "text-anchor": "end" }));
  if (runs > 1) {
    store.scene().names.forEach((which, i) => marks.push(
      s("rect", { x: i * 148 * f, y: 4, width: 12 * f, height: 10 * f, class: i ? "g2x-after" : "g2x-before" }),
      text(i * 148 * f + 17 * f, 13 * f, clip(which, 17), small)));
  }
  rows.forEach((row, r) => {
    const y = first + r * line;
    marks.push(text(name - 8, y + line * 0.62, clip(row.label, narrow ? 10 : 14), { class: "g2x-t1", "font-size": font, "text-anchor": "end" }));
    const thick = (line * 0.8) / runs;
    for (let i = 0; i < runs; i++) {
      const top = y + line * 0.12 + i * thick;
      const to = (p) => Math.min(x(p), x(end)); // what is drawn from may reach beyond a zoomed axis
      const bar = (p, place) => s("rect", { x: name, width: Math.max(0.8, to(p) - name), ...place });
      marks.push(bar(row.p[i], { y: top, height: thick * 0.88, rx: 2, class: i ? "g2x-after" : "g2x-before" }));
      const drawn = sampled && row.sampled[i] > 0;
      if (drawn) marks.push(bar(row.sampled[i], { y: top + thick * 0.3, height: thick * 0.28, class: "g2x-sampled" }));
      const longest = Math.max(row.p[i], drawn ? row.sampled[i] : 0);
      const share = `${percent(drawn ? row.sampled[i] : row.p[i])}${sampled && !drawn ? ", cut" : ""}`;
      marks.push(text(to(longest) + 5, top + thick / 2 + 4 * f, share, small));
      if (!narrow) marks.push(text(width - 4, top + thick / 2 + 4 * f, number(row.logit[i]), { ...small, "text-anchor": "end" }));
    }
  });
  figure.draw(marks);
}

// The distribution the next token is drawn from.
function createNext(store) {
  const figure = createFigure("");
  const facts = h("p", { class: "g2x-readout", role: "status" });
  const problem = h("div");
  let zoomed = false;
  const zoom = button("Zoom", () => { zoomed = !zoomed; draw(); }, { class: "g2x-small", title: "End the axis near the longest bar" });
  const key = h("p", { class: "g2x-hint" });
  const root = h("div", { class: "g2x-view" }, problem, h("div", { class: "g2x-row g2x-tools" }, zoom, key), figure.root, facts);

  function draw() {
    const values = [store.get("temperature"), store.get("top_k"), store.get("top_p")];
    const answer = store.next(store.token());
    if (!answer) return false;
    problem.replaceChildren(...(answer.error ? [note(answer.error)] : []));
    figure.root.hidden = zoom.hidden = Boolean(answer.error);
    if (answer.error) return true;
    const { meta } = answer;
    const sampled = values[0] !== 1 || values[1] !== 0 || values[2] !== 1;
    set(zoom, { "aria-pressed": String(zoomed) });
    const largest = Math.max(...likeliest(meta.rows, MOST_BARS).flatMap((row) => [...row.p, ...(sampled ? row.sampled : [])]));
    drawNext(figure, store, meta, { width: Math.min(store.width - 12, 900 * store.scale()), sampled, end: zoomed ? zoomedEnd(largest) : 1 });
    say(key, sampled ? "Wide bar: as trained. Narrow dark bar and number: what is drawn from." : "");
    const names = store.scene().names;
    say(facts, meta.kept.map((kept, i) =>
      `${meta.kept.length > 1 ? names[i] + ": d" : "D"}rawn from ${kept.toLocaleString("en")} of ${meta.vocab_size.toLocaleString("en")} tokens, entropy as trained ${number(meta.entropy[i])} nats`).join("; ") + ".");
    return true;
  }

  return { root, draw, figures: () => [figure] };
}
