// What is selected, typed and switched off, as the part of a link after its "#": as links.py writes and reads it.

const REFUSED = "The link cannot be opened: ";
const quoted = (text) => `"${Array.from(text).slice(0, 40).join("")}"`;
const whole = (text) => (/^[0-9]{1,9}$/.test(text) ? Number(text) : null);

// Everything but letters, digits and -_. as %XX; half a character becomes U+FFFD.
function escaped(text) {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd")).replace(/[!'()*~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function readList(text) {
  const list = text.split("~").map(decodeURIComponent);
  return list.every(Boolean) ? list : null;
}

function readWholes(text) {
  const ids = text.split(".").map(whole);
  return ids.includes(null) ? null : ids;
}

const KINDS = {
  words: { write: escaped, read: decodeURIComponent, called: "a text" },
  list: { write: (list) => list.map(escaped).join("~"), read: readList, called: "words with ~ between them" },
  whole: { write: String, read: whole, called: "a whole number" },
  wholes: { write: (ids) => ids.join("."), read: readWholes, called: "whole numbers with . between them" },
  real: {
    write: (value) => value.toFixed(3).replace(/\.?0+$/, ""),
    read: (text) => (/^[0-9]{1,6}(\.[0-9]{1,3})?$/.test(text) ? Number(text) : null),
    called: "a number such as 0.7",
  },
  flag: { write: (value) => String(Number(value)), read: (text) => ({ 0: false, 1: true })[text] ?? null, called: "0 or 1" },
};

// Name in the link: its kind, what holds where the link does not say it, and the trait it is.
const FIELDS = {
  model: ["words", "", null],
  view: ["words", "heads", "view"],
  layer: ["whole", 0, "layer"],
  head: ["whole", 0, "head"],
  token: ["whole", -1, "token"],
  key: ["whole", -1, "key"],
  also: ["list", [], "also"],
  span: ["whole", -1, "span"],
  off: ["list", [], "ablated"],
  patched: ["list", [], "patched"],
  temperature: ["real", 1, "temperature"],
  top_k: ["whole", 0, "top_k"],
  top_p: ["real", 1, "top_p"],
  run: ["words", "after", "which_run"],
  weighted: ["flag", false, "weighted"],
  presenter: ["flag", false, "presenter"],
  step: ["whole", 0, "step"],
  ids: ["wholes", [], "_tokens"],
  text: ["words", null, "text"],
  text_b: ["words", "", "text_b"],
};

export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// The state as a link says it; what is as at the start is left out.
export function encodeState(state) {
  return Object.entries(FIELDS)
    .filter(([name, [, start]]) => (state[name] ?? start) !== null && !same(state[name] ?? start, start))
    .map(([name, [kind]]) => `${name}=${KINDS[kind].write(state[name])}`).join("&");
}

// What a link, or the part after its "#", says: { state, note } or { error }, each one sentence.
export function decodeState(link) {
  const state = Object.fromEntries(Object.entries(FIELDS).map(([name, [, start]]) => [name, start]));
  const unknown = [];
  const said = link.trim();
  for (const part of said.slice(said.indexOf("#") + 1).split("&").filter(Boolean)) {
    const at = part.indexOf("=");
    if (at < 0) return { error: `${REFUSED}it is damaged near ${quoted(part)}.` };
    const [name, text] = [part.slice(0, at), part.slice(at + 1)];
    if (!Object.hasOwn(FIELDS, name)) {
      unknown.push(name);
      continue;
    }
    const kind = KINDS[FIELDS[name][0]];
    try { state[name] = kind.read(text); } catch { return { error: `${REFUSED}it is damaged near ${quoted(part)}.` }; }
    if (state[name] === null) return { error: `${REFUSED}${name} must be ${kind.called}, got ${quoted(text)}.` };
  }
  return { state, note: unknown.length ? `The link also says ${quoted(unknown[0])}, which is not known here; the rest is shown.` : "" };
}

// Why a state cannot be shown here, in one sentence; empty if it can. here: { model, views, grid, T }
export function misfit(state, here) {
  if (!["", here.model].includes(state.model)) return `${REFUSED}it is of another model (layers x heads - tokens: ${state.model}; here: ${here.model}).`;
  if (!here.views.includes(state.view)) return `${REFUSED}there is no view ${quoted(state.view)}.`;
  const ends = { layer: here.grid.length, head: Math.max(0, ...here.grid) };
  if (here.T !== null) Object.assign(ends, { token: here.T, key: here.T, span: here.T });
  for (const [name, end] of Object.entries(ends)) {
    if (state[name] >= end) return `${REFUSED}${name} must lie in 0 … ${end - 1}, got ${state[name]}.`;
  }
  if (state.head >= here.grid[state.layer]) return `${REFUSED}there is no head ${state.head} in layer ${state.layer}.`;
  if (!["before", "after", "difference"].includes(state.run)) return `${REFUSED}there is no run ${quoted(state.run)}.`;
  for (const word of state.also) {
    const [, layer, head] = /^head ([0-9]+)\.([0-9]+)$/.exec(word) ?? [];
    if (!layer) return `${REFUSED}also must hold heads such as "head 0.3", got ${quoted(word)}.`;
    if (!(Number(head) < here.grid[Number(layer)])) return `${REFUSED}there is no head ${Number(head)} in layer ${Number(layer)}.`;
  }
  return state.also.length > 5 ? `${REFUSED}also must hold at most 5 heads, got ${state.also.length}.` : "";
}

// The state of an explorer, and what is to be set to bring it about.
export function stateOf(store) {
  const state = Object.fromEntries(Object.entries(FIELDS).filter(([, [, , trait]]) => trait).map(([name, [, , trait]]) => [name, store.get(trait)]));
  state.model = store.scene().model ?? "";
  if (store.ready() && store.token() === store.T() - 1) state.token = -1;
  if (state.ids.length) state.text = null;
  return state;
}

export function traitsOf(state) {
  return Object.fromEntries(Object.entries(FIELDS).filter(([name, [, , trait]]) => trait && state[name] !== null).map(([name, [, , trait]]) => [trait, state[name]]));
}
