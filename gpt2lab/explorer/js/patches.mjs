import { button, h, say, set } from "./dom.mjs";
import { clip } from "./words.mjs";

// What is patched: words as studies/patch_words.py says them.
export const SOURCES = ["zero", "mean", "other"];
const FROM = { zero: "zero", mean: "mean", other: "other sentence" };

export const placeOf = (word) => word.slice(0, word.lastIndexOf(" "));

// The list with a word in the place of whatever was patched there, or without it if it was there.
export function patchedWith(list, word) {
  const rest = list.filter((other) => placeOf(other) !== placeOf(word));
  return list.includes(word) ? rest : [...rest, word];
}

// Where patches take from: what was chosen, or the other sentence if there is one.
export function sourceOf(store) {
  const { other } = store.scene();
  if (store.patchFrom && !(store.patchFrom === "other" && other)) return store.patchFrom;
  return other === "" ? "other" : "zero";
}

export function patch(store, word) {
  if (word && store.scene().can?.patch) store.set({ patched: patchedWith(store.get("patched"), word) });
}

// A place as people read it.
export function told(place, labels) {
  const [kind, part, at] = place.split(" ");
  const named = (i) => (i === "all" ? "all positions" : `${i} ‘${clip(labels[i] ?? "", 8)}’`);
  if (kind === "edge") return `edge ${part}: ${at.split(">").map(named).join(" from ")}`;
  return `${{ head: "head ", ffn: "FFN ", stream: "stream before block " }[kind]}${part} at ${named(at)}`;
}

// The patches as chips to be taken off one by one, in the order in which they were made.
export function patchChips(store) {
  const past = []; // lists that Undo brings back
  let seen = null;
  const chips = h("span", { class: "g2x-chips" });
  const undo = button("Undo patch", () => {
    seen = past.pop();
    store.set({ patched: seen });
  }, { class: "g2x-small" });
  const none = button("Take all off", () => store.set({ patched: [] }), { class: "g2x-small" });
  const root = h("div", { class: "g2x-row g2x-patches", role: "group", "aria-label": "Patched" }, none, undo, chips);
  let shown = "";
  return {
    root,
    draw() {
      const words = store.get("patched") ?? [];
      if (seen && String(seen) !== String(words)) past.push(seen);
      seen = words;
      const { can } = store.scene();
      const live = Boolean(can?.patch);
      root.hidden = !words.length && !(live && past.length);
      undo.hidden = !live || !past.length;
      none.hidden = !live || words.length < 2;
      const key = JSON.stringify([words, store.labels(0), live]);
      if (key === shown) return;
      shown = key;
      const within = chips.contains(root.getRootNode().activeElement);
      chips.replaceChildren(...words.map((word) => {
        const name = `${told(placeOf(word), store.labels(0))} ← ${FROM[word.split(" ").pop()]}`;
        return button(live ? `${name} ×` : name, () => patch(store, word), { class: "g2x-small g2x-chip", disabled: !live, "aria-label": `Take off: ${name}` });
      }));
      if (within && live) (chips.lastElementChild ?? undo).focus();
    },
  };
}

// In the view of one head: patch what the chosen query takes from the chosen key.
export function edgeButton(store) {
  let place = "";
  const root = button("", () => patch(store, word()), { class: "g2x-small" });
  const word = () => {
    const made = (store.get("patched") ?? []).find((one) => placeOf(one) === place);
    return made ?? `${place} ${sourceOf(store)}`;
  };
  return {
    root,
    draw(key) {
      place = `edge ${store.get("layer")}.${store.get("head")} ${store.token()}>${key}`;
      root.hidden = !store.scene().can?.patch || store.get("head") >= store.parts(store.get("layer"));
      const made = (store.get("patched") ?? []).includes(word());
      say(root, made ? "Take this edge’s patch off" : `Patch this edge (${FROM[sourceOf(store)]})`);
      set(root, { title: told(place, store.labels(0)), "aria-pressed": String(made) });
    },
  };
}
