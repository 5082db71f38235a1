// Elements from plain objects. Text only ever becomes a text node.

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function h(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, children);
}

export function s(tag, attributes, ...children) {
  return build(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

// What belongs to the first run and what to the second, in their colours.
export function ofTwo(a, b) {
  return [h("span", { class: "g2x-of-a", text: a }), " | ", h("span", { class: "g2x-of-b", text: b })];
}

let made = 0;

// An id that no other explorer on the page has.
export function uniqueId(word) {
  made += 1;
  return `g2x-${word}-${made}-${Math.random().toString(36).slice(2, 8)}`;
}

// Set attributes only where they differ, so that screen readers are not told twice.
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
  }
}

export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// A number field with a label. A number that is still being typed is left alone.
export function numberField(label, min, max, stepSize, change) {
  const input = h("input", { type: "number", min, max, step: stepSize });
  let typing = false;
  let shown = "";
  const show = (value) => {
    shown = String(value);
    if (!typing && input.value !== shown) input.value = shown;
  };
  input.addEventListener("input", () => { typing = true; });
  for (const end of ["change", "blur"]) {
    input.addEventListener(end, () => {
      typing = false;
      const value = Math.max(Number(input.min), Math.min(Number(input.max), Number(input.value)));
      const good = input.value !== "" && Number.isFinite(value);
      show(good ? value : shown);
      if (good && end === "change") change(value);
    });
  }
  return { root: h("label", { class: "g2x-field" }, h("span", { text: label }), input), input, show };
}

export function button(label, onclick, attributes) {
  return h("button", { type: "button", text: label, onclick, ...attributes });
}

// A row of buttons of which one is pressed.
export function choice(label, options, pick) {
  const buttons = options.map(([value, text]) => button(text, () => pick(value), { "data-value": value }));
  const root = h("div", { class: "g2x-choice", role: "group", "aria-label": label }, buttons);
  return {
    root,
    // names: what the first buttons are called now
    show(value, names = []) {
      names.forEach((name, i) => say(buttons[i], name));
      for (const b of buttons) set(b, { "aria-pressed": String(b.dataset.value === String(value)) });
    },
  };
}

// The height of what scrolls around an element, or of the window: more than this is never seen at once.
export function heightAround(element) {
  for (let box = element.parentElement; box; box = box.parentElement) {
    if (box.scrollHeight > box.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(box).overflowY)) return box.clientHeight;
  }
  return globalThis.innerHeight;
}
