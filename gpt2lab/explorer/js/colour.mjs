// Colour scales that read the same with any colour vision: lightness alone carries the amount.

const AMOUNT = {
  light: ["#fbfcfe", "#cfe3f3", "#7fb8dd", "#2f7fbc", "#0b4a86", "#06264d"],
  dark: ["#15181d", "#163453", "#1f639b", "#3f9bd0", "#9fd4ef", "#fdf6d8"],
};
const SIGNED = {
  light: ["#00568a", "#8ec1e0", "#f7f7f7", "#f3c26b", "#a85b00"],
  dark: ["#8fd0fb", "#2a6d9c", "#23262b", "#a06a0a", "#ffc54d"],
};
const HIDDEN = { light: "#e4e7ec", dark: "#2c3036" };

export function rgb(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

// n colours through the given anchors, evenly spaced.
export function ramp(anchors, n = 256) {
  const stops = anchors.map(rgb);
  return Array.from({ length: n }, (_, i) => {
    const place = (i / (n - 1)) * (stops.length - 1);
    const left = Math.min(Math.floor(place), stops.length - 2);
    return stops[left].map((c, k) => Math.round(c + (stops[left + 1][k] - c) * (place - left)));
  });
}

const cache = new Map();

function cached(name, make) {
  if (!cache.has(name)) cache.set(name, make());
  return cache.get(name);
}

// 256 colours for a root-coded weight.
export function amountScale(theme) {
  return cached(`amount ${theme}`, () => ramp(AMOUNT[theme]));
}

// 256 colours from decrease (blue) through nothing to increase (orange).
export function signedScale(theme) {
  return cached(`signed ${theme}`, () => ramp(SIGNED[theme]));
}

export function hiddenColour(theme) {
  return rgb(HIDDEN[theme]);
}

export function css(colour) {
  return `rgb(${colour.join(",")})`;
}

// Relative luminance, WCAG 2.
export function luminance(colour) {
  const [r, g, b] = colour.map((c) => {
    const v = c / 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

// Black or white, whichever is easier to read on this colour.
export function inkOn(colour) {
  return contrast(colour, [255, 255, 255]) > contrast(colour, [0, 0, 0]) ? "#ffffff" : "#000000";
}
