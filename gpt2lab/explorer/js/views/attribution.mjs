import { css, inkOn, signedScale } from "../colour.mjs";
import { choice, h, s, say, set } from "../dom.mjs";
import { createFigure, note, text } from "../figure.mjs";
import { attributionTable } from "../layout.mjs";
import { asFloats } from "../packing.mjs";
import { clip, number } from "../words.mjs";

export const attributionView = { label: "Attribution", create: createAttribution,
  about: "What each part adds to one token's logit here, directly; the final norm's scale is held fixed, so it sums." };

const NONE = "no other token";

// A row per layer: heads, feed-forward, biases; in front what the input brings. Orange pushes up, blue down.
function createAttribution(store) {
  const figure = createFigure("");
  const problem = h("div");
  const facts = h("p", { class: "g2x-readout", role: "status" });
  const which = choice("Which run", [["before", "before"], ["after", "after"], ["difference", "difference"]], store.showRun);
  const pickers = ["Logit of", "minus that of"].map((label) => {
    const select = h("select", { onchange: () => { chosen[label] = select.value; draw(); store.changed("selection"); } });
    return { label, select, root: h("label", { class: "g2x-field" }, h("span", { text: label }), select) };
  });
  const root = h("div", { class: "g2x-view" }, h("div", { class: "g2x-row" }, pickers.map((one) => one.root), which.root), problem, figure.root, facts);
  const chosen = {}; // by the label of its picker: the id of a token, as a text

  function fill({ label, select }, rows, usual, none) {
    const options = [...(none ? [["", NONE]] : []), ...rows.map((row) => [String(row.id), row.label])];
    const value = options.some(([id]) => id === chosen[label]) ? chosen[label] : usual;
    const key = JSON.stringify(options);
    if (select.dataset.key !== key) {
      select.dataset.key = key;
      select.replaceChildren(...options.map(([id, name]) => h("option", { value: id, text: clip(name, 24) })));
    }
    select.value = value;
    return value;
  }

  function draw() {
    const next = store.next(store.token());
    if (!next) return false;
    if (next.error) return fail(next.error);
    const rows = [...next.meta.rows].sort((a, b) => Math.max(...b.p) - Math.max(...a.p));
    const best = (run) => rows.reduce((a, b) => (b.p[run] > a.p[run] ? b : a));
    const [first, second] = [best(0), best(store.last())];
    const token = fill(pickers[0], rows, String(second.id), false);
    const against = fill(pickers[1], rows, first.id === second.id ? "" : String(first.id), true);
    const kind = store.compared() ? store.get("which_run") : "after";
    const runs = kind === "difference" ? [0, store.last()] : [store.run()];
    const ids = against && against !== token ? [token, against] : [token];
    const asked = runs.map((run) => ids.map((id) => store.ask(`attribution/${run}/${store.token()}/${id}`)));
    if (asked.flat().includes(null)) return false;
    const broken = asked.flat().find((answer) => answer.error);
    if (broken) return fail(broken.error);
    const { heads } = asked[0][0].meta;
    if (asked.some(([one]) => String(one.meta.heads) !== String(heads))) return fail("The two models have different parts: choose one of them.");
    const minus = (a, b) => (b ? a.map((value, i) => value - b[i]) : a);
    const [before, after] = asked.map((found) => minus(...found.map((answer) => Array.from(asFloats(answer.buffers[0])))));
    const parts = after ? minus(after, before) : before;
    problem.replaceChildren();
    figure.root.hidden = false;
    const label = (id) => `‘${clip(rows.find((row) => String(row.id) === id).label, 12)}’`;
    const names = store.scene().names;
    const what = ids.map(label).join(" − ") + (store.compared() ? ` (${kind === "difference" ? `${names[1]} − ${names[0]}` : names[store.run()]})` : "");
    which.root.hidden = !store.compared();
    which.show(kind, names);
    drawTable(attributionTable(parts, heads), what, parts.reduce((a, b) => a + b, 0));
    return true;
  }

  function fail(sentence) {
    problem.replaceChildren(note(sentence));
    figure.root.hidden = true;
    say(facts, "");
    return true;
  }

  function drawTable({ input, layers, rest, largest }, what, sum) {
    const k = store.scale();
    const columns = Math.max(...layers.map((row) => row.length));
    const [name, font] = [62 * k, 12.5 * k];
    const each = Math.min(74 * k, Math.max(48 * k, (store.width - 12 - name) / columns));
    const line = (layers.length > 8 ? 22 : 27) * k;
    const ends = [...input, ...rest];
    const room = 196 * k; // of a name and its number
    const beside = Math.max(1, Math.min(ends.length, Math.floor((store.width - 12) / room)));
    figure.size(Math.max(name + columns * each + 4, beside * room), (layers.length + 1) * line + 24 * k + Math.ceil(ends.length / beside) * line);
    figure.name(`After ‘${clip(store.labels()[store.token()], 12)}’, what adds to the logit of ${what}`);
    const most = Math.max(...[...ends.map(([, value]) => value), ...layers.flat()].map(Math.abs)) || 1;
    const cell = (x, y, width, value, title) => {
      const share = value / most;
      const colour = signedScale(store.theme)[Math.round(127.5 + 127.5 * Math.sign(share) * Math.sqrt(Math.abs(share)))];
      return [s("rect", { x, y: y + 1, width: width - 3, height: line - 2, rx: 3, fill: css(colour) }, s("title", { text: `${title}: ${number(value)}` })),
        text(x + (width - 3) / 2, y + line * 0.66, number(value), { fill: inkOn(colour), class: "", "font-size": font, "text-anchor": "middle" })];
    };
    const marks = [text(0, 15 * k, "head", { "font-size": font })];
    const heads = Array.from({ length: columns - 2 }, (_, i) => i);
    [...heads, "FFN", "biases"].forEach((label, i) => marks.push(text(name + (i + 0.5) * each - 2, 15 * k, label, { "font-size": font, "text-anchor": "middle" })));
    layers.forEach((row, layer) => {
      const y = 22 * k + layer * line;
      marks.push(text(0, y + line * 0.66, `layer ${layer}`, { "font-size": font }));
      row.forEach((value, i) => {
        if (value === null) return;
        const selected = layer === store.get("layer") && i === store.get("head");
        marks.push(...cell(name + i * each, y, each, value, i < columns - 2 ? `head ${layer}.${i}` : `layer ${layer}`));
        if (selected) marks.push(s("rect", { x: name + i * each - 1, y, width: each - 1, height: line, rx: 3, class: "g2x-selected" }));
      });
    });
    ends.forEach(([label, value], i) => {
      const [x, y] = [(i % beside) * room, 22 * k + (layers.length + 0.6 + Math.floor(i / beside)) * line];
      marks.push(text(x, y + line * 0.66, label, { "font-size": font }), ...cell(x + 116 * k, y, 70 * k, value, label));
    });
    figure.draw(marks);
    say(facts, `All parts together: ${number(sum)} = the logit of ${what}. Most: ${largest.map(([part, value]) => `${part} ${value > 0 ? "+" : ""}${number(value)}`).join(", ")}.`);
    set(figure.svg, { "aria-label": `${figure.title}. ${facts.textContent}` });
  }

  return { root, draw, figures: () => [figure] };
}
