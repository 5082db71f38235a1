import { css, inkOn, signedScale } from "../colour.mjs";
import { h, s, say } from "../dom.mjs";
import { createFigure, note, text } from "../figure.mjs";
import { asFloats } from "../packing.mjs";
import { clip, number } from "../words.mjs";

export const attributionView = { label: "Attribution", create: createAttribution, oneRun: true,
  about: "Which part pushed this token? What each head and each feed-forward network adds to its logit, directly." };

// The parts in rows: the embeddings, each layer with its heads first, the final norm.
export function partRows(names) {
  const layers = new Map();
  for (const name of names.slice(2, -1)) {
    const layer = name.split(" ")[1].split(".")[0];
    layers.set(layer, [...(layers.get(layer) ?? []), name]);
  }
  return [names.slice(0, 2), ...layers.values(), names.slice(-1)];
}

// What is largest, as a sentence.
export function largestParts(names, values, n = 3) {
  const order = Array.from(names.keys()).sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]) || a - b);
  return order.slice(0, n).map((i) => `${names[i]} ${values[i] > 0 ? "+" : ""}${number(values[i])}`).join(", ");
}

// What every part adds to the logit of one token, or to its lead over a second.
function createAttribution(store) {
  const figure = createFigure("");
  const problem = h("div");
  const facts = h("p", { class: "g2x-readout", role: "status" });
  const hint = h("p", { class: "g2x-hint", text: "The final norm's scale is held as it is, so the parts add up exactly. What a part writes for a later part to read is counted there, not here." });
  let [target, against] = [0, 0]; // ids plus one; 0: the likeliest, and nothing
  const pick = (label, take) => {
    const select = h("select", { onchange: () => { take(Number(select.value)); store.changed("selection"); } });
    return { select, root: h("label", { class: "g2x-field" }, h("span", { text: label }), select) };
  };
  const first = pick("Token", (value) => { target = value; });
  const second = pick("compared with", (value) => { against = value; });
  const knobs = h("div", { class: "g2x-row g2x-knobs", role: "group", "aria-label": "Which logit" }, first.root, second.root);
  const root = h("div", { class: "g2x-view" }, knobs, problem, figure.root, facts, hint);
  let shown = "";

  function draw() {
    const recorded = Boolean(store.get("_recorded")); // other tokens take an engine
    if (recorded) [target, against] = [0, 0];
    const place = `${store.run()}/${store.token()}`;
    const answer = store.ask(`attribution/${place}/${target}/${against}`);
    if (!answer) return false;
    problem.replaceChildren(...(answer.error ? [note(answer.error)] : []));
    figure.root.hidden = facts.hidden = hint.hidden = Boolean(answer.error);
    knobs.hidden = recorded || Boolean(answer.error);
    if (answer.error) return true;
    const { meta } = answer;
    fill(meta);
    const values = asFloats(answer.buffers[0]);
    drawGrid(meta, values);
    const sum = values.reduce((a, b) => a + b, 0);
    const lead = meta.against >= 0 ? `its lead over ‘${clip(meta.labels[1], 14)}’` : "its logit";
    say(facts, `Together ${number(sum)}: ${lead}. Largest: ${largestParts(meta.names, values)}.`);
    return true;
  }

  // The tokens one can ask about: the likeliest, and whatever is chosen now.
  function fill(meta) {
    const extra = [[meta.target, meta.labels[0]], [meta.against, meta.labels[1]]].filter(([id]) => id >= 0 && !meta.choices.some(([known]) => known === id));
    const tokens = [...meta.choices, ...extra].map(([id, label]) => [id + 1, clip(label, 20)]);
    const now = JSON.stringify([tokens, target, against]);
    if (now === shown) return;
    shown = now;
    for (const [select, none, value] of [[first.select, `the likeliest: ${clip(meta.choices[0][1], 20)}`, target], [second.select, "nothing", against]]) {
      select.replaceChildren(...[[0, none], ...tokens].map(([id, label]) => h("option", { value: id, text: label })));
      select.value = String(value);
    }
  }

  function drawGrid(meta, values) {
    const f = store.scale();
    const rows = partRows(meta.names);
    const widest = Math.max(...rows.map((row) => row.length));
    const left = 116 * f;
    const width = Math.min(store.width - 12, left + widest * 104 * f);
    const cell = (width - left) / widest;
    const line = (rows.length > 9 ? 26 : 32) * f;
    const top = 26 * f;
    const font = Math.min(12.5 * f, cell / 4.6);
    const most = Math.max(...values.map(Math.abs)) || 1;
    const scale = signedScale(store.theme);
    const at = new Map(meta.names.map((name, i) => [name, values[i]]));
    figure.size(width, top + rows.length * line + 4);
    figure.name(
      `After ‘${clip(store.labels()[store.token()], 14)}’: what adds up to ‘${clip(meta.labels[0], 14)}’${meta.against >= 0 ? ` rather than ‘${clip(meta.labels[1], 14)}’` : ""}`,
      `What each part adds. Largest: ${largestParts(meta.names, values, 6)}`);
    const soft = { "font-size": Math.min(12 * f, cell / 4.4), "text-anchor": "middle" };
    const marks = [...Array.from({ length: widest - 2 }, (_, i) => `head ${i}`), "bias", "FFN"].map((name, i) => text(left + (i + 0.5) * cell, 16 * f, name, soft));
    rows.forEach((names, r) => {
      const y = top + r * line;
      const called = r === 0 ? "token, position" : r === rows.length - 1 ? "norm's bias" : `layer ${r - 1}`;
      marks.push(text(left - 8, y + line * 0.64, called, { "font-size": 12 * f, "text-anchor": "end" }));
      names.forEach((name, c) => {
        const value = at.get(name);
        const colour = scale[Math.round(127.5 + (127.5 * value) / most)];
        const [, layer, head] = name.match(/^head (\d+)\.(\d+)$/) ?? [];
        const choose = head === undefined ? {} : { onclick: () => store.set({ layer: Number(layer), head: Number(head) }) };
        const off = head !== undefined && store.headIsOff(Number(layer), Number(head), store.run());
        const chosen = head !== undefined && Number(layer) === store.get("layer") && Number(head) === store.get("head");
        const x = left + c * cell;
        marks.push(
          s("rect", { x: x + 1, y: y + 1, width: cell - 2, height: line - 2, rx: 3, fill: css(colour), class: chosen ? "g2x-answer g2x-hand" : `g2x-box${head === undefined ? "" : " g2x-hand"}`, ...choose },
            s("title", { text: `${name}: ${number(value)}${off ? ", switched off" : ""}` })),
          text(x + cell / 2, y + line * 0.64, off ? "off" : number(value), { class: null, fill: inkOn(colour), "font-size": font, "text-anchor": "middle", "pointer-events": "none" }),
        );
      });
    });
    figure.draw(marks);
  }

  return { root, draw, figures: () => [figure] };
}
