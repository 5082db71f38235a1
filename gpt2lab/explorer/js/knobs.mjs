import { button, h, numberField, set, uniqueId } from "./dom.mjs";

// The three knobs of sampling: always there in the view of the next token, elsewhere behind a button.
export function samplingKnobs(store) {
  const id = uniqueId("knobs");
  let open = false;
  const temperature = numberField("Temperature", 0, 10, 0.1, (value) => store.set({ temperature: value }));
  const topK = numberField("Top-k (0 = all)", 0, 100000, 1, (value) => store.set({ top_k: Math.round(value) }));
  const topP = numberField("Top-p", 0.01, 1, 0.05, (value) => store.set({ top_p: value }));
  const sliders = [["temperature", "Temperature slider", 0, 2, 0.05], ["top_k", "Top-k slider", 0, 50, 1], ["top_p", "Top-p slider", 0.05, 1, 0.05]].map(([name, label, min, max, stepSize]) =>
    h("input", { type: "range", min, max, step: stepSize, "aria-label": label, oninput: (event) => store.set({ [name]: Number(event.target.value) }) }));
  const plain = button("As trained", () => store.set({ temperature: 1, top_k: 0, top_p: 1 }), { class: "g2x-small" });
  const root = h("div", { class: "g2x-row g2x-knobs", id, role: "group", "aria-label": "Sampling" }, [temperature, topK, topP].flatMap((field, i) => [field.root, sliders[i]]), plain);
  const opener = button("Sampling", () => { open = !open; store.changed("selection"); }, { class: "g2x-small", "aria-controls": id });
  return {
    root,
    opener,
    draw() {
      const inNext = store.get("view") === "next";
      const usable = !store.get("_recorded") && Boolean(store.scene().can.next); // other values take a kernel
      root.hidden = !usable || !(open || inNext);
      opener.hidden = !usable || inNext;
      set(opener, { "aria-expanded": String(open) });
      const values = [store.get("temperature"), store.get("top_k"), store.get("top_p")];
      [temperature, topK, topP].forEach((field, i) => {
        field.show(values[i]);
        if (Number(sliders[i].value) !== values[i]) sliders[i].value = values[i];
      });
    },
  };
}
