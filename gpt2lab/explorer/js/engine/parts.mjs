// What is switched off, from the words of `ablated`; the counterpart of changes.py.

export function partsOff(ablated) {
  const numbers = (kind) => ablated.filter((word) => word.startsWith(`${kind} `)).map((word) => word.slice(kind.length + 1));
  return {
    mask: ablated.includes("mask"),
    positions: ablated.includes("positions"),
    attention: numbers("attention").map(Number),
    ffn: numbers("ffn").map(Number),
    heads: numbers("head").map((place) => {
      const [layer, head] = place.split(".").map(Number);
      return { layer, head };
    }),
  };
}
