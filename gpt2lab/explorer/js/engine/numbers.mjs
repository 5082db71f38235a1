// The weights of a page: from base64 to arrays by name, after a look at their checksum.

import { fromBase64 } from "../../../figures/js/unpack.mjs";

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

// CRC-32, as zlib computes it.
export function crc32(bytes) {
  let rest = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) rest = (rest >>> 8) ^ CRC[(rest ^ bytes[i]) & 255];
  return (rest ^ 0xffffffff) >>> 0;
}

// A number of 16 bits (IEEE 754 half precision) from its bits.
export function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}

function fromHalves(bits) {
  const table = Float32Array.from({ length: 65536 }, (_, i) => half(i));
  const numbers = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) numbers[i] = table[bits[i]];
  return numbers;
}

// { name: Float32Array } from what live.py wrote; little-endian, as every browser's processor is.
export function readWeights({ base64, crc, dtype, layout }) {
  const bytes = fromBase64(base64);
  if (crc32(bytes) !== crc) throw new Error("This file is damaged: its weights do not match their checksum. Get it again, or export it again.");
  const numbers = dtype === "float16" ? fromHalves(new Uint16Array(bytes.buffer)) : new Float32Array(bytes.buffer);
  let at = 0;
  return Object.fromEntries(layout.map(([name, length]) => {
    at += length;
    return [name, numbers.subarray(at - length, at)];
  }));
}
