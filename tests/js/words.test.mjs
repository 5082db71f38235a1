import assert from "node:assert/strict";
import test from "node:test";
import { amount, clip, number, percent, place, wordsThatFit } from "../../gpt2lab/explorer/js/words.mjs";
import { likeliest } from "../../gpt2lab/explorer/js/layout.mjs";
import { themeOf } from "../../gpt2lab/explorer/js/theme.mjs";
import { nextQuestion, toggled } from "../../gpt2lab/explorer/js/store.mjs";

test("weights are short and never look like something else", () => {
  assert.deepEqual([0, 0.0001, 0.0123, 0.432, 0.9999, 1, NaN].map(amount), ["0", "<.001", ".012", ".43", "1.0", "1.0", "–"]);
});

test("percentages", () => {
  assert.deepEqual([0, 0.0001, 0.5].map(percent), ["0.0 %", "<0.1 %", "50.0 %"]);
});

test("numbers have a real minus sign", () => {
  assert.deepEqual([0, -1.5, 1234.5, -Infinity, 0.1234].map(number), ["0", "−1.50", "1235", "−∞", "0.123"]);
});

test("clipping does not cut a character in half", () => {
  assert.equal(clip("🦜🦜🦜🦜", 5), "🦜🦜…");
  assert.equal(clip("abc", 3), "abc");
  assert.equal(clip("abcd", 3), "ab…");
  assert.equal(place(2, ["a", "b", "c"]), "2 ‘c’");
});

test("wide characters count for more", () => {
  assert.equal(clip("␣the", 4), "␣the");
  assert.equal(clip("⏎␣␣␣␣␣␣␣␣␣", 10), "⏎␣␣␣␣…");
});

test("words are not cut", () => {
  assert.equal(wordsThatFit(["cart", "camel", "dog"], 13, "  "), "cart  camel");
  assert.equal(wordsThatFit(["elephants"], 4, "  "), "elephants");
  assert.equal(wordsThatFit([], 4, "  "), "");
});

test("what only the change makes likely is among the rows", () => {
  const rows = [{ p: [0.9, 0.1] }, { p: [0.05, 0.02] }, { p: [0.04, 0.01] }, { p: [0.01, 0.87] }];
  assert.deepEqual(likeliest(rows, 2), [rows[0], rows[3]]);
});

test("what is most probable in either run stands on top", () => {
  const rows = [{ p: [0.2, 0.1] }, { p: [0.5, 0.1] }, { p: [0.1, 0.8] }];
  assert.deepEqual(likeliest(rows, 2), [rows[2], rows[1]]);
});

test("a part is switched off and on again", () => {
  assert.deepEqual(toggled([], "mask"), ["mask"]);
  assert.deepEqual(toggled(["mask", "ffn 0"], "mask"), ["ffn 0"]);
});

test("the theme is the page's, and the system's where the page says nothing", () => {
  const body = (light, ...classes) => ({ dataset: light === undefined ? {} : { jpThemeLight: light }, classList: { contains: (c) => classes.includes(c) } });
  assert.equal(themeOf(body("false"), false), "dark");
  assert.equal(themeOf(body("true"), true), "light");
  assert.equal(themeOf(body(undefined, "vscode-dark"), false), "dark");
  assert.equal(themeOf(body(undefined, "vscode-light"), true), "light");
  assert.equal(themeOf(body(undefined), true), "dark");
});

test("a question about next tokens names the sampling in thousandths", () => {
  assert.equal(nextQuestion(3, 0.7, 0, 1), "next/3/700/0/1000");
  assert.equal(nextQuestion(3, 1, 0, 0.0003), "next/3/1000/0/1"); // none is no share
});
