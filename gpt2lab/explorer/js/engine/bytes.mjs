// Numbers as the bytes that the views take; the counterpart of packing.py.

const THUMBNAIL = 36; // most rows and columns of a head in the grid

export function floats(values) {
  return Float32Array.from(values);
}

// No query looks at a later key: in float32, where what is too small is zero.
export function isTriangular(map, T) {
  for (let t = 0; t < T; t++) for (let j = t + 1; j < T; j++) if (Math.fround(map[t * T + j]) > 0) return false;
  return true;
}

// round(255 · sqrt(weight)), halves to the even side as torch does; of a triangular map only keys 0 … query.
export function pack(map, n, triangular) {
  const bytes = [];
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < (triangular ? row + 1 : n); column++) {
      const root = Math.fround(Math.sqrt(Math.fround(Math.min(1, map[row * n + column] || 0))));
      bytes.push(roundHalfEven(Math.fround(root * 255)));
    }
  }
  return Uint8Array.from(bytes);
}

function roundHalfEven(value) {
  const low = Math.floor(value);
  return value - low === 0.5 ? low + (low % 2) : Math.round(value);
}

// A map (T, T) as at most 36 rows; each cell keeps the largest weight of those it stands for: { size, map }.
export function thumbnailOf(map, T) {
  const step = Math.ceil(T / THUMBNAIL);
  const size = Math.ceil(T / step);
  const small = new Float64Array(size * size);
  for (let t = 0; t < T; t++) {
    for (let j = 0; j < T; j++) {
      const at = Math.floor(t / step) * size + Math.floor(j / step);
      if (map[t * T + j] > small[at]) small[at] = map[t * T + j];
    }
  }
  return { size, map: small };
}

// Thumbnails of several heads, one after the other.
export function packAll(thumbnails, triangular) {
  const packed = thumbnails.map(({ map, size }) => pack(map, size, triangular));
  const bytes = new Uint8Array(packed.length * packed[0].length);
  packed.forEach((one, i) => { bytes.set(one, i * one.length); });
  return bytes;
}
