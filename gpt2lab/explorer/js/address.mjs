import { button, h, say } from "./dom.mjs";
import { decodeState, encodeState, misfit, same, stateOf, traitsOf } from "./links.mjs";

const WRITE_MS = 250; // a browser refuses to be told every key of a held arrow
const RUNS = ["text", "text_b", "_tokens", "ablated", "patched"]; // what the model runs on
const OTHER = "The link cannot be opened: this page is a recording of another sentence, or with other parts switched off.";

// In a page of its own, the address holds the state: a reload keeps it, and a copied link opens it.
export function followAddress(store, views) {
  if (!store.get("_page")) return () => {};
  let known = encodeState(stateOf(store));
  let timer = 0;
  let later = null; // what to select once the model has run on the text of a link

  function write() {
    clearTimeout(timer);
    timer = 0;
    if (location.hash.slice(1) !== known) history.replaceState(null, "", `#${known}`);
  }

  function changed() {
    if (later && !RUNS.some((name) => !same(store.get(name), later[name]))) finish();
    const now = encodeState(stateOf(store));
    if (now === known || later) return;
    known = now;
    store.set({ notice: "" });
    timer = timer || setTimeout(write, WRITE_MS);
  }

  function finish() {
    const wanted = later;
    later = null;
    const { notice, state, ...traits } = wanted;
    const why = misfit(state, here(store.T()));
    if (!why) store.set(traits);
    known = encodeState(stateOf(store));
    store.set({ notice: why || notice });
  }

  function here(T) {
    return { model: store.scene().model, views, grid: store.scene().grid, T };
  }

  function open() {
    const { state, note, error } = decodeState(location.hash);
    const traits = error ? {} : traitsOf(state);
    if (state?.ids.length && same(state.ids, store.scene().ids)) traits._tokens = store.get("_tokens"); // they are there
    const runs = Object.fromEntries(RUNS.map((name) => [name, traits[name] ?? store.get(name)]));
    const asIs = RUNS.every((name) => same(runs[name], store.get(name)));
    const why = error || misfit(state, here(asIs ? store.T() : null)) || (!asIs && store.get("_recorded") ? OTHER : "");
    if (why) {
      store.set({ notice: why });
      return;
    }
    later = { ...traits, ...runs, notice: note, state };
    if (asIs) finish();
    else store.set(runs);
  }

  const onHash = () => { if (location.hash.slice(1) !== known) open(); };
  globalThis.addEventListener("hashchange", onHash);
  globalThis.addEventListener("pagehide", write);
  store.listen(changed);
  if (location.hash.length > 1) open();
  return () => {
    clearTimeout(timer);
    globalThis.removeEventListener("hashchange", onHash);
    globalThis.removeEventListener("pagehide", write);
  };
}

// The link to what is on screen, copied and there to be copied by hand; in a notebook, what Explorer(state=…) takes.
export function linkCopier(store) {
  const inPage = Boolean(store.get("_page"));
  const field = h("input", { type: "text", readonly: true, class: "g2x-link", "aria-label": inPage ? "Link to what is on screen" : "State, for Explorer(model, encoding, state=…)" });
  const told = h("span", { class: "g2x-summary", role: "status" });
  const root = h("div", { class: "g2x-row g2x-link-row", hidden: true }, field, told);
  const copy = button(inPage ? "Copy link" : "Copy state", () => {
    const state = encodeState(stateOf(store));
    field.value = inPage ? `${location.href.split("#")[0]}#${state}` : state;
    root.hidden = false;
    field.focus();
    field.select();
    const byHand = () => say(told, "Press Ctrl+C to copy it.");
    if (navigator.clipboard) navigator.clipboard.writeText(field.value).then(() => say(told, inPage ? "Copied." : "Copied: hand it to Explorer as state."), byHand);
    else byHand();
  });
  return { copy, root };
}
