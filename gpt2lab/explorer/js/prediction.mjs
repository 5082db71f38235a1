import { button, h, ofTwo, set } from "./dom.mjs";
import { likeliest } from "./layout.mjs";
import { pointing } from "./together.mjs";
import { clip, percent } from "./words.mjs";

const CANDIDATE_ROOM = 132; // one candidate: a word, a bar and its number
const CANDIDATES = 8;

// The next token as one line that stays on screen. Each bar's frame is 100 %; two runs have two bars.
export function predictionStrip(store, generation) {
  const title = h("span", { class: "g2x-strip-title" });
  const list = h("ol", { class: "g2x-candidates" });
  const root = h("section", { class: "g2x-prediction", "aria-label": "Prediction" }, title, list);
  let shown = {};

  function candidate(row) {
    const names = row.p.length > 1 ? store.scene().names : [];
    const spoken = row.p.map((p, i) => [names[i], percent(p)].filter(Boolean).join(" ")).join(", ");
    const bars = row.p.map((p, i) => {
      const fill = h("span", { class: `g2x-fill${i ? " g2x-second" : ""}` });
      fill.style.width = `${100 * p}%`;
      return h("span", { class: "g2x-meter" }, h("span", { class: "g2x-track" }, fill), h("span", { class: "g2x-share", text: percent(p) }));
    });
    const add = button("", () => generation.append(row.id), { class: "g2x-candidate", title: `${row.label}: ${spoken}`, ...pointing(store, { next: clip(row.label, 14) }) });
    add.append(h("span", { class: "g2x-word", text: clip(row.label, 14) }), ...bars);
    return h("li", {}, add);
  }

  return {
    root,
    draw() {
      root.hidden = !store.scene().can.next;
      const pointed = store.pointed.token;
      const at = pointed !== undefined && store.has(store.nextQuestion(pointed)) ? pointed : store.token();
      const answer = root.hidden ? null : store.next(at);
      const n = Math.max(2, Math.min(CANDIDATES, Math.floor(root.clientWidth / (CANDIDATE_ROOM * store.scale())) - 1));
      for (const add of list.querySelectorAll("button")) add.disabled = !generation.usable();
      if (!answer || (answer === shown.answer && n === shown.n)) return;
      shown = { answer, n };
      set(root, { "data-runs": answer.meta?.kept.length ?? 0 });
      title.replaceChildren(answer.error ?? `${store.scene().fills ? "In the place of" : "Next after"} ‘${clip(store.labels()[at], 12)}’`,
        ...(answer.meta?.kept.length > 1 ? [h("br"), ...ofTwo(...store.scene().names.map((name) => clip(name, 9)))] : []));
      title.classList.toggle("g2x-no-prediction", Boolean(answer.error));
      list.replaceChildren(...(answer.error ? [] : likeliest(answer.meta.rows, n).map(candidate)));
      for (const add of list.querySelectorAll("button")) add.disabled = !generation.usable();
    },
  };
}
