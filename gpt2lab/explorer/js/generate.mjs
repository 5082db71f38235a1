import { button, h, say, set } from "./dom.mjs";

const STEP_MS = 350; // between two tokens while it plays

// One token more: drawn by the engine, or clicked. Tokens join as ids, so that nothing is cut anew.
export function generation(store) {
  const past = []; // what Undo brings back: { text } or { _tokens }
  let playing = false;
  let shown = -1;
  const step = button("Step", () => draw(), { class: "g2x-small" });
  const play = button("Play", () => { playing = !playing; if (playing) draw(); store.changed("selection"); }, { class: "g2x-small" });
  const undo = button("Undo", back, { class: "g2x-small" });
  const elsewhere = h("span", { class: "g2x-hint", text: "A press on one of these adds it after the last token: choose that first." });
  const full = h("span", { class: "g2x-full", role: "status" });
  const root = h("div", { class: "g2x-row g2x-generate", role: "group", "aria-label": "Generate" }, step, play, undo, full, elsewhere);

  const two = () => Boolean(store.get("text_b")); // a token would join one of them only
  const room = () => !store.scene().context || store.T() < store.scene().context;

  function append(id) {
    if (!room()) return;
    const given = store.get("_tokens");
    past.push(given.length ? { _tokens: given } : { text: store.get("text") }); // one of them brings the other back
    store.set({ token: store.T() - 1 }); // the query follows the end of the sentence
    store.set({ _tokens: [...store.scene().ids, id] });
  }

  // A number between 0 and 1, in millionths, picks from the distribution: the same number, the same token.
  function draw() {
    if (!room()) return;
    const from = store.scene().rev;
    const question = `${store.nextQuestion(store.T() - 1).replace("next", "draw")}/${Math.floor(Math.random() * 1e6)}`;
    store.fetch(question, ({ meta, error }) => {
      if (error) { playing = false; say(full, error); } else if (store.scene().rev === from) append(meta.id);
      store.changed("selection");
    });
  }

  function back() {
    playing = false;
    const before = past.pop();
    if (before) store.set(before);
    store.changed("selection");
  }

  return {
    root,
    append,
    usable: () => !store.get("_recorded") && !two() && store.scene().can.write && room() && store.token() === store.T() - 1,
    draw() {
      root.hidden = Boolean(store.get("_recorded")) || two() || !store.scene().can.write;
      const { rev, context } = store.scene();
      if (!room() || two()) playing = false;
      elsewhere.hidden = !room() || store.token() === store.T() - 1; // why the candidates are grey
      if (rev !== shown) {
        shown = rev;
        say(full, room() ? "" : `The context holds ${context} tokens and is full: undo, or shorten the sentence.`);
        if (playing) setTimeout(() => playing && draw(), STEP_MS);
      }
      step.disabled = play.disabled = !room();
      undo.disabled = !past.length;
      say(play, playing ? "Pause" : "Play");
      set(play, { "aria-pressed": String(playing) });
    },
    destroy() { playing = false; },
  };
}
