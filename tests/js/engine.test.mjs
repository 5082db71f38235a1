import assert from "node:assert/strict";
import test from "node:test";
import { pack, thumbnailOf } from "../../gpt2lab/explorer/js/engine/bytes.mjs";
import { linear, softmax } from "../../gpt2lab/explorer/js/engine/gpt2.mjs";
import { crc32, half, readWeights } from "../../gpt2lab/explorer/js/engine/numbers.mjs";
import { partsOff } from "../../gpt2lab/explorer/js/engine/parts.mjs";
import { drawn, nextProbabilities } from "../../gpt2lab/explorer/js/engine/sampling.mjs";
import { createTokenizer, mergedPairs, wholeCharacters } from "../../gpt2lab/explorer/js/engine/tokenizer.mjs";
import { pageModel } from "../../gpt2lab/explorer/js/page/model.mjs";

const base64 = (bytes) => Buffer.from(bytes).toString("base64");

test("the checksum is zlib's, and a changed byte is noticed", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  const bytes = new Uint8Array(new Float32Array([1, -2.5]).buffer);
  const held = { base64: base64(bytes), crc: crc32(bytes), dtype: "float32", layout: [["a", 1], ["b", 1]] };
  assert.deepEqual(readWeights(held), { a: new Float32Array([1]), b: new Float32Array([-2.5]) });
  bytes[5] ^= 1;
  assert.throws(() => readWeights({ ...held, base64: base64(bytes) }), /damaged: its weights do not match their checksum/);
});

test("half precision: normal, smallest, infinite", () => {
  assert.deepEqual([0x3c00, 0xc100, 0x7bff, 0x0001, 0x8000, 0x7c00, 0xfc00].map(half), [1, -2.5, 65504, 2 ** -24, -0, Infinity, -Infinity]);
  assert.ok(Number.isNaN(half(0x7e00)));
});

test("the pair of lowest rank is joined first, also one that a join makes", () => {
  const ranks = (...tokens) => new Map(tokens.map((token, i) => [token, i]));
  assert.deepEqual(mergedPairs("abab", ranks("a", "b", "ab", "aba")), ["ab", "ab"]);
  assert.deepEqual(mergedPairs("abcab", ranks("a", "b", "c", "abc", "ab")), ["abc", "ab"]);
  assert.deepEqual(mergedPairs("aaaaa", ranks("a", "aa", "aaaa")), ["aaaa", "a"]);
});

test("words are matched longest first, and what is no word is left out", () => {
  const words = createTokenizer({ kind: "words", tokens: ["a", "ab", " ab", "+", "("], special: { "<|endoftext|>": 5 }, labels: { 5: "<|endoftext|>" } });
  assert.deepEqual(words.encode("ab ab?a(+"), [1, 2, 0, 4, 3]);
  assert.deepEqual(words.leftOut("ab ab?a(+!!"), ["?", "!!"]);
  assert.deepEqual([words.label(2), words.label(5), words.label(9), words.decode([1, 5, 9])], ["␣ab", "<|endoftext|>", "#9", "ab<|endoftext|>#9"]);
});

test("lone surrogates become U+FFFD, a byte order mark stays", () => {
  assert.equal(wholeCharacters("a\ud800b\udc00\ufeff🦜"), "a\ufffdb\ufffd\ufeff🦜");
  assert.equal(wholeCharacters("\ufeffx"), "\ufeffx");
});

test("every row of a product is right, also where rows are no multiple of four", () => {
  for (const T of [1, 2, 3, 4, 5, 9]) {
    const x = Float64Array.from({ length: 2 * T }, (_, i) => i);
    const out = linear(x, T, Float32Array.from([1, 10, 2, -1, 0, 3]), Float32Array.from([0.5, 0, -1]));
    for (let t = 0; t < T; t++) assert.deepEqual(Array.from(out.subarray(3 * t, 3 * t + 3)), [2 * t + 10 * (2 * t + 1) + 0.5, 4 * t - (2 * t + 1), 3 * (2 * t + 1) - 1]);
  }
});

test("sampling: greedy, ties of top-k, the fewest of top-p", () => {
  const logits = Float64Array.from([1, 3, 3, 2]);
  assert.deepEqual(Array.from(nextProbabilities(logits, 0, 0, 1)), [0, 1, 0, 0]);
  assert.deepEqual(Array.from(nextProbabilities(logits, 1, 1, 1)), [0, 0.5, 0.5, 0]);
  const kept = nextProbabilities(logits, 1, 0, 0.5);
  assert.deepEqual(Array.from(kept, (p) => p > 0), [false, true, true, false]);
  assert.deepEqual([0, 0.49, 0.5, 0.999999].map((number) => drawn(Float64Array.from([0, 0.5, 0, 0.5]), number)), [1, 1, 3, 3]);
});

test("codes round halves to even, thumbnails keep the largest weight", () => {
  assert.deepEqual(Array.from(pack([1, 0.9, 0, 0.25], 2, true)), [255, 0, 128]); // 127.5 -> 128
  assert.deepEqual(Array.from(pack([1, 0.9, NaN, 0.25], 2, false)), [255, 242, 0, 128]);
  const { size, map } = thumbnailOf(Float64Array.from({ length: 37 * 37 }, (_, i) => i), 37);
  assert.deepEqual([size, map[0], map.at(-1)], [19, 38, 37 * 37 - 1]);
});

test("what is off, by kind", () => {
  assert.deepEqual(partsOff(["mask", "ffn 1", "attention 10", "head 2.5"]), { mask: true, positions: false, attention: [10], ffn: [1], heads: [{ layer: 2, head: 5 }] });
});

test("softmax bears large scores", () => {
  assert.deepEqual(Array.from(softmax(Float64Array.from([1000, 1000, -1000]))), [0.5, 0.5, 0]);
});

test("messages arrive after the call, in their order", async () => {
  const seen = [];
  const model = pageModel({ text: "" });
  model.answeredBy({ receive: (names) => seen.push(names), answer: (question) => { seen.push(question); return { rev: 1, meta: {}, buffers: [] }; } });
  model.on("msg:custom", (content) => seen.push(content.question));
  model.set("text", "a");
  model.save_changes();
  model.send({ want: ["x"] });
  assert.deepEqual(seen, []);
  await new Promise((done) => setTimeout(done, 5));
  assert.deepEqual(seen, [["text"], "x", "x"]);
});
