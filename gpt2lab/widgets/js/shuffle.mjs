// The order in which a learner sees the options: the same for the same seed. gpt2lab/quiz/marking.py does the same.

export function shuffled({ id, kind, options }, seed) {
  const places = options.map((_, place) => place);
  const keys = places.map((place) => hashed(`${seed} ${id} ${place}`));
  const mixed = [...places].sort((a, b) => keys[a] - keys[b] || a - b);
  // The items of an order never begin in their right order.
  const sorted = kind === "order" && mixed.every((place, i) => place === i);
  return sorted ? [...mixed.slice(1), mixed[0]] : mixed;
}

// FNV-1a, 32 bits, with the final mix of MurmurHash3: short texts that differ little end far apart.
function hashed(text) {
  let value = 0x811c9dc5;
  for (const letter of text) value = Math.imul(value ^ letter.charCodeAt(0), 0x01000193);
  for (const [shift, factor] of [[16, 0x85ebca6b], [13, 0xc2b2ae35], [16, 1]]) {
    value = Math.imul(value ^ (value >>> shift), factor);
  }
  return value >>> 0;
}
