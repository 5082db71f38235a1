import { button, h, say, set } from "./dom.mjs";
import { same } from "./links.mjs";
import { amount, count, percent } from "./words.mjs";

const bare = (label) => label.replace(/^[ ␣]+|[ ␣]+$/g, ""); // as tours/base.py
const squeezed = (text) => (text ?? "").trim().split(/\s+/).join(" ");

// The position of a token: [letters, which of those with these letters], ["", 0] is the last; -1 if there is none.
export function findToken([letters, which], labels) {
  if (!which) return labels.length - 1;
  return [...labels.keys()].filter((i) => bare(labels[i]) === letters)[which - 1] ?? -1;
}

const at = (store, place) => findToken(place, store.labels());
// What a step may wait for: whether it holds, and what brings it about. Text and off are of the picture that is there.
const ACTS = {
  text: [(store, text) => squeezed(store.scene().text) === squeezed(text), (_, text) => ({ text })],
  off: [(store, off) => same([...(store.scene().off ?? [])].sort(), [...off].sort()), (_, off) => ({ ablated: off })],
  view: [(store, view) => store.get("view") === view, (_, view) => ({ view })],
  head: [(store, [layer, head]) => store.get("layer") === layer && store.get("head") === head, (_, [layer, head]) => ({ layer, head })],
  token: [(store, place) => store.token() === at(store, place), (store, place) => ({ token: place[1] ? at(store, place) : -1 })],
  key: [(store, place) => store.get("key") === at(store, place), (store, place) => ({ key: at(store, place) })],
};
const RUNNING = ["text", "off"]; // what runs the model

const holds = (store, until, names = Object.keys(until)) => names.every((name) => !(name in until) || ACTS[name][0](store, until[name]));

// A figure of the model as { value, text }; null while it is on its way.
export function readFigure(store, { kind, before, start, end, layer, head }) {
  const run = before ? 0 : store.last();
  const from = at(store, start);
  const missing = { value: NaN, text: "–" };
  if (from < 0) return missing;
  if (kind === "weight") {
    const to = at(store, end);
    const answer = to < 0 ? { error: true } : store.ask(`row/${run}/${layer}/${head}/${from}`);
    if (!answer || answer.error) return answer && missing;
    const bytes = answer.buffers[0];
    const value = new DataView(bytes.buffer ?? bytes, bytes.byteOffset ?? 0).getFloat32(4 * to, true);
    return { value, text: amount(value) };
  }
  const answer = store.next(from);
  if (!answer || answer.error) return answer && missing;
  const shares = answer.meta.rows.filter((row) => bare(row.label) === end[0]).map((row) => row.p[run]);
  if (shares.length) {
    const value = shares.reduce((a, b) => a + b, 0);
    return { value, text: percent(value) };
  }
  const most = Math.min(...answer.meta.rows.map((row) => row.p[run])); // it is not among the likeliest
  return { value: most, text: percent(most) };
}

// What a step says with the figures of this model, and whether they are as expected; null while one is on its way.
export function tell(store, step) {
  const parts = step.said.map((part) => (typeof part === "string" ? part : readFigure(store, part)?.text ?? null));
  const found = step.expect.map(({ figure }) => readFigure(store, figure));
  if (parts.includes(null) || found.includes(null)) return null;
  const asExpected = step.expect.every(({ above, limit }, i) => (above ? found[i].value > limit : found[i].value < limit));
  return `${asExpected ? "" : "This model does otherwise than the tour expects. With its figures, the tour says: "}${parts.join("")}`;
}

// The steps of a tour as a card that waits for what the learner does.
export function tourCard(store) {
  const seen = new Map(); // step -> what was said there
  let open = true;
  let showing = false; // the step is being shown, and the model still has to run for it
  let hint = "";
  const heading = h("strong", { class: "g2x-tour-title" });
  const todo = h("p", { class: "g2x-tour-do" });
  const look = h("p", { class: "g2x-tour-look" });
  const said = h("p", { class: "g2x-tour-said" });
  const back = button("Back", () => go(-1), { class: "g2x-small" });
  const show = button("Show me", () => { showing = true; bring(); }, { class: "g2x-small" });
  const next = button("Next", () => go(1), { class: "g2x-small g2x-next" });
  const root = h("section", { class: "g2x-tour", "aria-label": "Tour" },
    h("div", { class: "g2x-row g2x-tour-head" }, heading, h("span", { class: "g2x-row" }, back, show, next)),
    h("div", { "aria-live": "polite" }, todo, look, said));
  const opener = button("Tour", () => { open = !open; store.changed("selection"); }, { "aria-expanded": "true" });

  // In a recording there are only the steps for which the model need not run.
  function steps() {
    const { steps: all } = store.get("_tour");
    const { text, off } = store.scene();
    return store.get("_recorded") ? all.filter((step) => squeezed(step.text) === squeezed(text) && same([...step.off].sort(), [...off].sort())) : all;
  }

  const index = () => Math.min(store.get("step"), steps().length - 1);
  const done = (i) => seen.has(i) || !Object.keys(steps()[i].until).length;

  function go(by) {
    const [i, last] = [index(), steps().length - 1];
    hint = by > 0 && !done(i) ? "Not yet: do what stands above, or press Show me." : "";
    showing = false;
    if (by > 0 && i === last) again();
    else if (!hint) store.set({ step: Math.max(0, i + by) });
    store.changed("selection");
  }

  function again() {
    seen.clear();
    const typed = store.get("_recorded") ? {} : { text: store.get("_tour").text, ablated: [] };
    store.set({ ...typed, step: 0, view: "heads", layer: 0, head: 0, token: -1 });
  }

  // First what runs the model, then the rest, because positions belong to the new text.
  function bring() {
    const { until } = steps()[index()];
    const ran = holds(store, until, RUNNING);
    const wanted = Object.keys(until).filter((name) => RUNNING.includes(name) !== ran);
    store.set(Object.assign({}, ...wanted.map((name) => ACTS[name][1](store, until[name]))));
    if (ran) showing = false;
  }

  return {
    root,
    opener,
    draw() {
      const all = store.get("_tour")?.steps ? steps() : [];
      opener.hidden = !all.length;
      root.hidden = !all.length || !open;
      set(opener, { "aria-expanded": String(open) });
      if (root.hidden) return;
      const i = index();
      const step = all[i];
      if (showing) bring();
      if (!seen.has(i) && holds(store, step.until)) {
        const words = tell(store, step);
        if (words !== null) { seen.set(i, words); hint = ""; }
      }
      const { title, steps: whole } = store.get("_tour");
      const left = whole.length - all.length;
      say(heading, `Tour: ${title} · step ${i + 1} of ${all.length}`);
      say(todo, step.do);
      say(look, step.look);
      const more = i === all.length - 1 && left ? `${count(left, "step")} of this tour must run the model: take the tour in a notebook.` : "";
      say(said, [seen.get(i) || hint, more].filter(Boolean).join(" "));
      said.classList.toggle("g2x-done", Boolean(seen.get(i)));
      back.disabled = i === 0;
      show.hidden = done(i);
      say(next, i === all.length - 1 ? "Again" : "Next");
      set(next, { "aria-disabled": done(i) ? null : "true" });
    },
  };
}
