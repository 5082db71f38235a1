// Two sentences side by side: brought to one length, and called by the word in which they differ; the counterpart of sentences.py.

const counted = (n) => n.toLocaleString("en");

// Both cut to the length of the shorter, and a note if something was cut. No second one is an empty list.
export function aligned(first, second) {
  if (!second.length || first.length === second.length) return [first, second, ""];
  const T = Math.min(first.length, second.length);
  const note = `The sentences have ${counted(first.length)} and ${counted(second.length)} tokens: the first ${counted(T)} of both are compared.`;
  return [first.slice(0, T), second.slice(0, T), note];
}

// The tokens that differ, if it is one.
export function called(first, second, label) {
  const differ = first.flatMap((id, t) => (id === second[t] ? [] : [[id, second[t]]]));
  if (differ.length !== 1) return ["first sentence", "second sentence"];
  const [a, b] = differ[0].map((id) => label(id).replaceAll("␣", " ").trim());
  return [a || "first", b || "second"];
}

// Why a patch cannot take from the other sentence; empty if it can. The second of the two counts of tokens is 0 without one.
export function whyNoOther([first, second]) {
  if (!second) return "There is no second sentence.";
  return first === second ? "" : `The sentences have ${counted(first)} and ${counted(second)} tokens; a patch from the other needs the same number.`;
}
