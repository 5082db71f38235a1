// What travels as base64: bytes, and text that was packed.

const TOO_OLD = "This browser is too old for what is to be shown here, and cannot unpack it: take Chrome 80, Firefox 113, Safari 16.4, or a later one.";
const DAMAGED = "This is damaged and cannot be unpacked. Get it again, or make it again.";

// Base64 as bytes.
export function fromBase64(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// The text of a zlib stream in base64, as javascript.py's `deflated` writes it.
export async function unpacked(base64) {
  if (!globalThis.DecompressionStream) throw new Error(TOO_OLD);
  try {
    const bytes = fromBase64(base64);
    return await new Response(new Response(bytes).body.pipeThrough(new DecompressionStream("deflate"))).text();
  } catch {
    throw new Error(DAMAGED);
  }
}
