import { linkCopier } from "./address.mjs";
import { button, h, s, set, uniqueId } from "./dom.mjs";
import { asBytes } from "./packing.mjs";
import { clip } from "./words.mjs";

const INLINE = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "opacity", "font-family", "font-size", "font-weight", "text-anchor"];

// Styles come from the style sheet; a file on its own needs them written down.
function inlined(svg) {
  const copy = svg.cloneNode(true);
  const [from, to] = [svg.querySelectorAll("*"), copy.querySelectorAll("*")];
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const name of INLINE) {
      const value = style.getPropertyValue(name);
      if (value) to[i].setAttribute(name, value);
    }
    to[i].removeAttribute("class");
  });
  return copy;
}

// All figures of a view, one under the other, as one SVG document.
export function viewAsSvg(figures, background, heading) {
  const shown = figures.filter((figure) => figure.width && figure.root.isConnected && !figure.root.hidden || figure.stage.isConnected && figure.width);
  const width = Math.max(320, ...shown.map((figure) => figure.width)) + 32;
  const sheet = s("svg", { xmlns: "http://www.w3.org/2000/svg", width });
  const ink = shown.length ? getComputedStyle(shown[0].stage).color : "#000";
  const back = s("rect", { x: 0, y: 0, width, height: 10, fill: background });
  sheet.append(back);
  const line = (content, y, size) => s("text", { x: 16, y, text: content, fill: ink, "font-family": "sans-serif", "font-size": size, "font-weight": 600 });
  let y = 28;
  if (heading) {
    sheet.append(line(heading, y, 16));
    y += 14;
  }
  for (const figure of shown) {
    if (figure.title) {
      sheet.append(line(figure.title, y + 16, 14));
      y += 26;
    }
    const part = inlined(figure.svg);
    set(part, { x: 16, y, width: figure.width, height: figure.height, role: null });
    if (figure.canvas.width > 1 && figure.canvas.style.width) {
      part.prepend(s("image", { href: figure.canvas.toDataURL("image/png"), x: 0, y: 0, width: figure.width, height: figure.height }));
    }
    sheet.append(part);
    y += figure.height + 14;
  }
  for (const element of [sheet, back]) set(element, { height: y });
  set(sheet, { viewBox: `0 0 ${width} ${y}` });
  return { source: new XMLSerializer().serializeToString(sheet), width, height: y };
}

function svgToPng({ source, width, height }) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = width * 2;
      canvas.height = height * 2;
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large"))), "image/png");
    };
    image.onerror = () => reject(new Error("the picture could not be drawn"));
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(source);
  });
}

function download(name, blob) {
  const address = URL.createObjectURL(blob);
  const link = h("a", { href: address, download: name, "data-gpt2lab": name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// What a saved picture is of: sentence, view, selection, what is off and patched.
function pictureName(store) {
  const view = store.get("view");
  return [
    store.scene().text && `“${clip(store.scene().text, 60)}”`,
    ["head", "scores"].includes(view) && `layer ${store.get("layer")}, head ${store.get("head")}`,
    ...[["off", "ablated"], ["patched", "patched"]].map(([said, of]) => store.get(of)?.length && `${said}: ${clip(store.get(of).join(", "), 40)}`),
  ].filter(Boolean).join(" · ");
}

// Buttons that save what is on screen.
export function savePanel(store, current, background, tell) {
  const id = uniqueId("save");
  const make = () => viewAsSvg(current().figures(), background(), pictureName(store));
  const ask = (question, then) => {
    tell("Preparing the file …");
    store.fetch(question, (answer) => {
      tell(answer.error ?? "");
      if (!answer.error) then(answer);
    });
  };
  const file = (type) => (answer) => download(answer.meta.name, new Blob([asBytes(answer.buffers[0])], { type }));
  const live = [
    button("CSV, the numbers", () => ask("csv", file("text/csv"))),
    button("HTML, works without a kernel", () => ask("html", file("text/html"))),
    button("Python code", () => ask("code", showCode)),
  ];
  const link = linkCopier(store);
  const code = h("textarea", { class: "g2x-code", readonly: true, rows: 9, "aria-label": "Python code of this view", hidden: true, spellcheck: "false" });
  const body = h("div", { class: "g2x-save", id, hidden: true },
    h("div", { class: "g2x-row" },
      button("PNG picture", () => svgToPng(make()).then((blob) => download(`${store.get("view")}.png`, blob), (error) => tell(error.message))),
      button("SVG picture", () => download(`${store.get("view")}.svg`, new Blob([make().source], { type: "image/svg+xml" }))),
      live, link.copy),
    link.root, code);
  const opener = button("Save", () => {
    body.hidden = !body.hidden;
    set(opener, { "aria-expanded": String(!body.hidden) });
  }, { "aria-expanded": "false", "aria-controls": id });

  function showCode(answer) {
    code.hidden = false;
    code.value = answer.meta.code;
    code.focus();
    code.select();
  }

  return {
    opener,
    root: body,
    draw() {
      for (const control of live) control.hidden = store.get("_recorded") || store.scene().can?.files === false;
    },
  };
}
