import { button, h, say, set, uniqueId } from "./dom.mjs";

// Switches for the mask, the positions and every part of every layer.
export function changesPanel(store) {
  const id = uniqueId("changes");
  const body = h("div", { class: "g2x-changes", id, hidden: true });
  const opener = button("Switch parts off", () => {
    body.hidden = !body.hidden;
    set(opener, { "aria-expanded": String(!body.hidden) });
    if (!body.hidden) draw();
  }, { "aria-expanded": "false", "aria-controls": id });
  const reset = button("All parts on", () => store.set({ ablated: [] }), { class: "g2x-small" });
  const summary = h("span", { class: "g2x-summary" });
  let boxes = new Map();
  let built = "";

  function box(word, label) {
    const input = h("input", { type: "checkbox", onchange: () => store.toggle(word) });
    boxes.set(word, input);
    return h("label", { class: "g2x-check" }, input, h("span", { text: label }));
  }

  function build() {
    boxes = new Map();
    const rows = store.scene().shape.map((heads, layer) => h("fieldset", {},
      h("legend", { text: `Layer ${layer}` }),
      box(`attention ${layer}`, "attention"), box(`ffn ${layer}`, "feed-forward"),
      h("span", { class: "g2x-heads" }, Array.from({ length: heads }, (_, head) => box(`head ${layer}.${head}`, `head ${head}`)))));
    body.replaceChildren(
      h("p", { class: "g2x-hint", text: "A ticked part works. Without its tick it adds zero to the stream, and the pictures show before and after." }),
      h("div", { class: "g2x-row" }, store.scene().can.mask ? box("mask", "causal mask") : null, box("positions", "positions"), reset),
      h("div", { class: "g2x-layers" }, rows));
  }

  function draw() {
    const scene = store.scene();
    const possible = Boolean(scene.can?.change);
    opener.hidden = !possible;
    const ablated = store.get("ablated");
    say(summary, ablated.length ? `Off: ${ablated.slice(0, 4).join(", ")}${ablated.length > 4 ? ` and ${ablated.length - 4} more` : ""}` : "");
    if (!possible || body.hidden) return;
    const key = JSON.stringify(scene.shape);
    if (built !== key) { build(); built = key; }
    for (const [word, input] of boxes) input.checked = !ablated.includes(word);
    reset.disabled = !ablated.length;
  }

  return { opener, summary, root: body, draw };
}
