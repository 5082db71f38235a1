import assert from "node:assert/strict";
import test from "node:test";
import { deflateSync } from "node:zlib";
import { unpacked } from "../../gpt2lab/figures/js/unpack.mjs";

const packed = (text) => deflateSync(text).toString("base64");

test("a text comes back as it was, whatever it holds", async () => {
  for (const text of ["", "a", "</script> ü 漢字 🦜 \u0000\n", "x".repeat(300_000)]) assert.equal(await unpacked(packed(text)), text);
});

test("what is damaged is one sentence", async () => {
  const whole = packed("a program of some length, which a flipped letter damages");
  const flipped = whole.slice(0, 30) + (whole[30] === "A" ? "B" : "A") + whole.slice(31);
  for (const text of [flipped, whole.slice(0, -8), "%", packed("a").slice(2)]) await assert.rejects(unpacked(text), /^Error: This is damaged and cannot be unpacked\./);
});

test("a browser without DecompressionStream is told which ones have it", async () => {
  const kept = globalThis.DecompressionStream;
  globalThis.DecompressionStream = undefined;
  try {
    await assert.rejects(unpacked(packed("a")), /^Error: This browser is too old .* Chrome 80, Firefox 113, Safari 16\.4, or a later one\.$/);
  } finally {
    globalThis.DecompressionStream = kept;
  }
});
