import { h, s, set } from "./dom.mjs";

// Pixels of the screen per pixel of the page.
export function screenRatio() {
  return Math.max(1, Math.min(3, globalThis.devicePixelRatio ?? 1));
}

// A picture: a canvas for cells under an SVG for everything else, in the same coordinates.
// Views draw into figures only, so that any view can be saved as SVG or PNG.
export function createFigure(title) {
  const canvas = h("canvas", { width: 1, height: 1, "aria-hidden": "true" }); // until something is painted
  const svg = s("svg", { role: "img", "aria-label": title });
  const stage = h("div", { class: "g2x-stage" }, canvas, svg);
  const caption = h("figcaption", { text: title });
  const root = h("figure", { class: "g2x-figure" }, caption, stage);
  const figure = {
    root, stage, svg, canvas, caption,
    width: 0,
    height: 0,
    title,
    size(width, height) {
      figure.width = Math.ceil(width);
      figure.height = Math.ceil(height);
      stage.style.width = `${figure.width}px`;
      stage.style.height = `${figure.height}px`;
      set(svg, { width: figure.width, height: figure.height, viewBox: `0 0 ${figure.width} ${figure.height}` });
    },
    name(text, description) {
      figure.title = text;
      if (caption.textContent !== text) caption.textContent = text;
      set(svg, { "aria-label": description ?? text });
    },
    // A context scaled to the screen's pixels.
    paper() {
      const ratio = screenRatio();
      const [width, height] = [Math.round(figure.width * ratio), Math.round(figure.height * ratio)];
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
      canvas.style.width = `${figure.width}px`;
      canvas.style.height = `${figure.height}px`;
      const context = canvas.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, figure.width, figure.height);
      context.imageSmoothingEnabled = false;
      return context;
    },
    draw: (...children) => svg.replaceChildren(...children.flat().filter(Boolean)),
  };
  return figure;
}

// RGBA pixels of an n × n picture as something drawImage takes.
export function bitmap(pixels, n) {
  const canvas = document.createElement("canvas");
  canvas.width = n;
  canvas.height = n;
  canvas.getContext("2d").putImageData(new ImageData(pixels, n, n), 0, 0);
  return canvas;
}

// Words in a picture, in the softer ink unless they say otherwise.
export function text(x, y, content, attributes) {
  return s("text", { x, y, text: content, class: "g2x-t2", ...attributes });
}

// The cross over the picture of a head that is off.
export function crossed(x, y, size) {
  return s("path", { d: `M${x},${y}l${size},${size}M${x + size},${y}l${-size},${size}`, class: "g2x-off" });
}

// A message in place of a picture.
export function note(content) {
  return h("p", { class: "g2x-note", text: content });
}
