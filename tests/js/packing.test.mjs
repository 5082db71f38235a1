import assert from "node:assert/strict";
import test from "node:test";
import { asBytes, asFloats, difference, packedIndex, packedRow, packedSize, paint, paintSigned, weightOf } from "../../gpt2lab/explorer/js/packing.mjs";

test("a DataView with an offset is read where it points", () => {
  const whole = new Uint8Array([9, 9, 1, 2, 3, 9]);
  assert.deepEqual([...asBytes(new DataView(whole.buffer, 2, 3))], [1, 2, 3]);
});

test("floats are read from unaligned bytes", () => {
  const bytes = new Uint8Array(9);
  new DataView(bytes.buffer).setFloat32(1, 1.5, true);
  new DataView(bytes.buffer).setFloat32(5, -2, true);
  assert.deepEqual([...asFloats(new DataView(bytes.buffer, 1, 8))], [1.5, -2]);
});

test("the root code gives the weight back", () => {
  assert.equal(weightOf(255), 1);
  assert.equal(weightOf(0), 0);
  assert.ok(Math.abs(weightOf(128) - 0.25) < 0.004);
});

test("a triangle is addressed row by row", () => {
  assert.equal(packedSize(4, true), 10);
  assert.equal(packedSize(4, false), 16);
  const seen = [];
  for (let r = 0; r < 4; r++) for (let c = 0; c <= r; c++) seen.push(packedIndex(r, c, 4, true));
  assert.deepEqual(seen, [...Array(10).keys()]);
  assert.equal(packedIndex(1, 2, 4, true), -1);
  assert.deepEqual([...packedRow(new Uint8Array([0, 1, 2, 3, 4, 5]), 2, 3, true)], [3, 4, 5]);
  assert.deepEqual([...packedRow(new Uint8Array([0, 1, 2, 3]), 1, 2, false)], [2, 3]);
});

test("hidden keys get their own colour, all pixels are opaque", () => {
  const lut = Array.from({ length: 256 }, (_, i) => [i, i, i]);
  const pixels = paint(new Uint8Array([255, 0, 128]), 2, true, lut, [1, 2, 3]);
  assert.deepEqual([...pixels], [255, 255, 255, 255, 1, 2, 3, 255, 0, 0, 0, 255, 128, 128, 128, 255]);
});

test("a difference may compare a triangle with a square", () => {
  const change = difference(new Uint8Array([255, 0, 255]), new Uint8Array([0, 255, 0, 255]), 2, true, false);
  assert.deepEqual([...change], [-1, 1, 0, 0]);
  const lut = Array.from({ length: 256 }, (_, i) => [i, 0, 0]);
  const pixels = paintSigned(change, 2, lut);
  assert.deepEqual([pixels[0], pixels[4], pixels[8]], [0, 255, 128]);
});
