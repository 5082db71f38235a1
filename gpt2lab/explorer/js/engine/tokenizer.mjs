// Text to tokens and back, as tiktoken does it. A token is a string of bytes: one character below 256 for each.

// GPT-2's cuts (tokenizer/bpe.py). \s is spelled out, because JavaScript's differs from Unicode's by two characters.
const CUTS = /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+$|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}/gu;
const SYNTAX = /[\\^$.*+?()[\]{}|/]/g;

export function bytesOf(text) {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}

// Bytes that are no whole character become U+FFFD.
export function textOf(bytes) {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes, (letter) => letter.charCodeAt(0)));
}

// The text without lone surrogates, which have no bytes.
export function wholeCharacters(text) {
  return textOf(bytesOf(text));
}

// Join the pair with the lowest rank, the leftmost first, until none is left. One pass joins all pairs of a rank;
// it ends early where a new pair has a lower one.
export function mergedPairs(piece, ranks) {
  let parts = Array.from(piece);
  for (;;) {
    let lowest = Infinity;
    for (let i = 0; i + 1 < parts.length; i++) lowest = Math.min(lowest, ranks.get(parts[i] + parts[i + 1]) ?? Infinity);
    if (lowest === Infinity) return parts;
    const joined = [];
    let again = false;
    for (let i = 0; i < parts.length; i++) {
      if (again || i + 1 === parts.length || ranks.get(parts[i] + parts[i + 1]) !== lowest) {
        joined.push(parts[i]);
        continue;
      }
      const pair = parts[i] + parts[i + 1];
      i += 1;
      const around = [joined.length ? joined[joined.length - 1] + pair : "", i + 1 < parts.length ? pair + parts[i + 1] : ""];
      again = around.some((one) => (ranks.get(one) ?? Infinity) < lowest);
      joined.push(pair);
    }
    parts = joined;
  }
}

// vocabulary: { kind: "bytes" (byte-level BPE) or "words", tokens, special: { text: id }, labels: { id: label } }
export function createTokenizer({ kind, tokens, special, labels }) {
  const ranks = new Map(tokens.map((token, id) => [token, id]));
  const specials = new Map(Object.entries(special).map(([text, id]) => [id, bytesOf(text)]));
  const longestFirst = kind === "words" ? tokens.map(textOf).sort((a, b) => b.length - a.length) : [];
  const cuts = kind === "words" ? new RegExp(longestFirst.map((word) => word.replace(SYNTAX, "\\$&")).join("|"), "gu") : CUTS;
  const bytes = (id) => tokens[id] ?? specials.get(id) ?? `#${id}`;
  return {
    // Token ids of a text; "<|endoftext|>" in it is ordinary text.
    encode(text) {
      return Array.from(text.matchAll(cuts)).flatMap(([piece]) => {
        const whole = bytesOf(piece);
        return ranks.has(whole) ? [ranks.get(whole)] : mergedPairs(whole, ranks).map((part) => ranks.get(part));
      });
    },
    // The parts of a text that no token stands for.
    leftOut: (text) => text.split(cuts).filter(Boolean),
    // What tokens stand for; an id that the encoding does not have is written as #id.
    decode: (ids) => textOf(ids.map(bytes).join("")),
    // A token as a reader should see it: Python sends the labels of those that are not plain letters and blanks.
    label: (id) => labels[id] ?? (tokens[id] ?? `#${id}`).replaceAll(" ", "␣"),
  };
}
