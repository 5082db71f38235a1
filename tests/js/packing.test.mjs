import assert from "node:assert/strict";
import test from "node:test";
import { asBytes, asFloats, difference, packedIndex, packedRow, packedSize, paint, paintSigned, shrink, shrinkSigned, weightOf } from "../../gpt2lab/explorer/js/packing.mjs";

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

test("a smaller map keeps the largest weight of every cell", () => {
  // 5 × 5 on 2 × 2: rows 0, 1, 2 and rows 3, 4
  const square = new Uint8Array(25);
  square[2 * 5 + 4] = 9; // upper right
  square[4 * 5 + 0] = 7; // lower left
  assert.deepEqual([...shrink(square, 5, false, 2)], [0, 9, 7, 0]);
  const triangle = new Uint8Array(packedSize(5, true));
  triangle[packedIndex(1, 0, 5, true)] = 3;
  triangle[packedIndex(4, 1, 5, true)] = 5;
  triangle[packedIndex(4, 4, 5, true)] = 8;
  assert.deepEqual([...shrink(triangle, 5, true, 2)], [3, 5, 8]);
});

test("a diagonal stays a diagonal on any smaller screen", () => {
  const n = 1024;
  const bytes = new Uint8Array(packedSize(n, true));
  for (let i = 1; i < n; i++) bytes[packedIndex(i, i - 1, n, true)] = 255;
  for (const m of [413, 200, 36]) {
    const small = shrink(bytes, n, true, m);
    for (let i = 0; i < m; i++) assert.equal(small[packedIndex(i, i, m, true)], 255);
  }
});

test("a smaller difference keeps the one furthest from zero", () => {
  const values = new Float32Array(16);
  values[1] = -0.5;
  values[4] = 0.25;
  values[15] = 0.125;
  assert.deepEqual([...shrinkSigned(values, 4, 2)], [-0.5, 0, 0, 0.125]);
});
