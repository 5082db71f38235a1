// Bytes from Python, back into numbers. The counterpart of packing.py.

// Buffers arrive as DataView, ArrayBuffer or typed array; always as bytes here.
export function asBytes(buffer) {
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

export function asFloats(buffer) {
  const bytes = asBytes(buffer);
  return new Float32Array(bytes.slice().buffer); // a copy is aligned, the original need not be
}

// A code byte is 255 * sqrt(weight).
export function weightOf(code) {
  return (code / 255) ** 2;
}

// How many bytes n × n takes.
export function packedSize(n, triangular) {
  return triangular ? (n * (n + 1)) / 2 : n * n;
}

// A map of n × n as one of m × m for a screen that has no more pixels. Each cell keeps the largest
// code of those it stands for: a diagonal one key wide stays visible, where an average would fade it.
export function shrink(bytes, n, triangular, m) {
  const small = new Uint8Array(packedSize(m, triangular));
  const to = Uint16Array.from({ length: n }, (_, i) => Math.floor((i * m) / n));
  let source = 0;
  for (let row = 0; row < n; row++) {
    const start = packedIndex(to[row], 0, m, triangular);
    const end = triangular ? row + 1 : n;
    for (let column = 0; column < end; column++) {
      const at = start + to[column];
      const code = bytes[source++];
      if (code > small[at]) small[at] = code;
    }
  }
  return small;
}

// The same for differences: each cell keeps the one that is furthest from zero.
export function shrinkSigned(values, n, m) {
  const small = new Float32Array(m * m);
  for (let row = 0; row < n; row++) {
    const start = Math.floor((row * m) / n) * m;
    for (let column = 0; column < n; column++) {
      const at = start + Math.floor((column * m) / n);
      const value = values[row * n + column];
      if (Math.abs(value) > Math.abs(small[at])) small[at] = value;
    }
  }
  return small;
}

// Position of (row, column) in the packed bytes, -1 for a hidden key.
export function packedIndex(row, column, n, triangular) {
  if (!triangular) return row * n + column;
  return column > row ? -1 : (row * (row + 1)) / 2 + column;
}

// One row as code bytes: n of them, or row + 1 in a triangle.
export function packedRow(bytes, row, n, triangular) {
  const start = triangular ? (row * (row + 1)) / 2 : row * n;
  return bytes.subarray(start, start + (triangular ? row + 1 : n));
}

// Code bytes to RGBA pixels. lut holds 256 colours, hidden one; each as [r, g, b].
export function paint(bytes, n, triangular, lut, hidden) {
  const pixels = new Uint8ClampedArray(4 * n * n);
  let source = 0;
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      const colour = triangular && column > row ? hidden : lut[bytes[source++]];
      pixels.set(colour, 4 * (row * n + column));
      pixels[4 * (row * n + column) + 3] = 255;
    }
  }
  return pixels;
}

// after - before as a full square of values in [-1, 1]; a hidden key counts as 0.
export function difference(before, after, n, beforeTriangular, afterTriangular) {
  const values = new Float32Array(n * n);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      const a = packedIndex(row, column, n, beforeTriangular);
      const b = packedIndex(row, column, n, afterTriangular);
      values[row * n + column] = (b < 0 ? 0 : weightOf(after[b])) - (a < 0 ? 0 : weightOf(before[a]));
    }
  }
  return values;
}

// Differences to pixels: the sign picks the side of the scale, the root of the size the colour.
export function paintSigned(values, n, lut) {
  const pixels = new Uint8ClampedArray(4 * n * n);
  for (let i = 0; i < n * n; i++) {
    const step = Math.round(127.5 + 127.5 * Math.sign(values[i]) * Math.sqrt(Math.abs(values[i])));
    pixels.set(lut[step], 4 * i);
    pixels[4 * i + 3] = 255;
  }
  return pixels;
}
