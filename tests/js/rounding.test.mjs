import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { amount, number, percent } from "../../gpt2lab/explorer/js/words.mjs";
import { nextQuestion } from "../../gpt2lab/explorer/js/store.mjs";

// The table that tests/explorer/test_words.py reads too.
const cases = JSON.parse(readFileSync(new URL("rounding.json", import.meta.url), "utf8"));

for (const [name, write] of Object.entries({ amount, percent, number })) {
  test(`${name} writes what Python writes`, () => {
    assert.deepEqual(cases[name].map(([value]) => write(Number(value))), cases[name].map(([, text]) => text));
  });
}

test("a question is asked as Python records it", () => {
  assert.deepEqual(cases.question.map(([values]) => nextQuestion(...values)), cases.question.map(([, text]) => text));
});
