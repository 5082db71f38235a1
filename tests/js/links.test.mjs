import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { decodeState, encodeState, misfit } from "../../gpt2lab/explorer/js/links.mjs";

// The table that tests/explorer/test_links.py reads too.
const cases = JSON.parse(readFileSync(new URL("links.json", import.meta.url), "utf8"));
const start = decodeState("").state;

test("a state is written as Python writes it, and read back", () => {
  for (const [state, link] of cases.links) {
    assert.equal(encodeState(state), link);
    assert.deepEqual(decodeState(link), { state: { ...start, ...state }, note: "" });
  }
});

test("links from elsewhere are read, and what is not known is said", () => {
  for (const [link, state, note] of cases.also) assert.deepEqual(decodeState(link), { state: { ...start, ...state }, note });
});

test("a damaged link is one sentence", () => {
  assert.deepEqual(cases.bad.map(([link]) => decodeState(link)), cases.bad.map(([, error]) => ({ error })));
});

test("what this model does not have is one sentence", () => {
  assert.deepEqual(cases.misfits.map(([link, here]) => misfit(decodeState(link).state, here)), cases.misfits.map(([, , sentence]) => sentence));
});

test("half a character becomes a sign of its own instead of an error", () => {
  assert.equal(encodeState({ text: "a\ud800" }), "text=a%EF%BF%BD");
});
