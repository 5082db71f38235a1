// What a learner answers with: one form for each kind of question.

import { h, set, uniqueId } from "../../explorer/js/dom.mjs";

export const ASKS = {
  single: "choose one",
  multiple: "choose all that are right",
  number: "type a number",
  order: "put in order",
  point: "point at a cell",
};

// A text with its `code`, as nodes.
export function prose(text) {
  return text.split("`").map((part, i) => (i % 2 ? h("code", { text: part }) : document.createTextNode(part)));
}

// The form of a question. `pieces` gives { labelledby, see(reason), say(text) }.
export function createField(session, question, pieces) {
  return FIELDS[question.kind](session, question, pieces);
}

function choiceField(session, question, { labelledby, see }) {
  const multiple = question.kind === "multiple";
  const name = uniqueId("option");
  const draft = session.draft(question);
  const chosen = (text) => (multiple ? (draft ?? []).includes(text) : draft === text);
  const mark = session.mark(question);
  const settled = session.settled(question);
  const rows = session.options(question).map((option, place) => {
    const reason = mark?.reasons.find(({ part, missed }) => part === option.text && (!missed || settled));
    const word = verdict(option, chosen(option.text), Boolean(mark), settled);
    const why = reason ? h("div", { class: "g2q-why", id: uniqueId("why") }, prose(`${reason.why} `), see(reason)) : null;
    const input = h("input", {
      type: multiple ? "checkbox" : "radio", name, checked: chosen(option.text), disabled: settled,
      "data-key": `option ${place}`, "aria-describedby": why?.id,
      onchange: (event) => {
        if (!multiple) { session.setDraft(question, option.text); return; }
        const others = (session.draft(question) ?? []).filter((text) => text !== option.text);
        session.setDraft(question, event.target.checked ? [...others, option.text] : others);
      },
    });
    return h("div", { class: "g2q-option", "data-mark": word?.kind },
      h("label", null, input, h("span", { class: "g2q-letter", text: "ABCDEFG"[place] }), h("span", { class: "g2q-text" }, prose(option.text)),
        word ? h("strong", { class: "g2q-word", text: word.text }) : null),
      why);
  });
  return h("div", { role: multiple ? "group" : "radiogroup", "aria-labelledby": labelledby }, rows);
}

function verdict(option, chosen, marked, settled) {
  if (settled && option.right) return { kind: "right", text: "✓ right" };
  if (!marked || !chosen) return null;
  return option.right ? { kind: "right", text: "✓ right" } : { kind: "wrong", text: "✗ wrong" };
}

function numberInput(session, question, { labelledby }) {
  const input = h("input", {
    type: "text", inputmode: "decimal", autocomplete: "off", class: "g2q-number", "data-key": "number",
    "aria-labelledby": labelledby, disabled: session.settled(question),
    oninput: () => session.setDraft(question, input.value),
  });
  input.value = session.draft(question) ?? "";
  return h("label", { class: "g2q-row" }, input, h("span", { text: question.unit }));
}

function orderField(session, question, { labelledby, say }) {
  const items = session.draft(question);
  const settled = session.settled(question);
  const move = (from, to) => {
    if (to < 0 || to >= items.length || settled) return;
    const moved = [...items];
    moved.splice(to, 0, ...moved.splice(from, 1));
    say(`${items[from]}: now ${to + 1} of ${items.length}`);
    session.setDraft(question, moved);
  };
  const rows = items.map((text, place) => {
    const arrow = (sign, word, to) => h("button", {
      type: "button", text: sign, "aria-label": `Move ${word}: ${text}`, "data-key": `${word} ${text}`, disabled: settled,
      "aria-disabled": String(to < 0 || to >= items.length), onclick: () => move(place, to),
    });
    const row = h("li", { class: "g2q-item" }, h("span", { class: "g2q-text" }, prose(text)), arrow("↑", "up", place - 1), arrow("↓", "down", place + 1));
    row.addEventListener("keydown", (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      move(place, place + step);
    });
    return row;
  });
  return h("ol", { class: "g2q-order", "aria-labelledby": labelledby }, rows);
}

function pointField(session, question, { labelledby }) {
  const { values, rows, columns, right, down, across } = question.grid;
  const picked = session.draft(question);
  const mark = session.mark(question);
  const settled = session.settled(question);
  const strongest = Math.max(...values.flat().map((value) => Math.abs(value ?? 0)), 1e-12);
  const here = picked ?? [0, 0]; // the cell that Tab leads to
  const cell = (value, row, column) => {
    const mine = picked?.[0] === row && picked?.[1] === column;
    const good = right.some(([r, c]) => r === row && c === column);
    const sign = settled && good ? "✓" : mine && mark ? (mark.right ? "✓" : "✗") : mine ? "●" : "";
    const word = { "✓": ", right", "✗": ", wrong", "●": ", chosen", "": "" }[sign];
    const shown = value === null ? "" : String(value);
    const pick = () => { if (!settled) session.setDraft(question, [row, column]); };
    return h("td", {
      role: "gridcell", tabindex: here[0] === row && here[1] === column ? 0 : -1, "data-key": `cell ${row} ${column}`,
      "aria-selected": String(mine), "aria-label": `row ${rows[row]}, column ${columns[column]}: ${shown || "empty"}${word}`,
      "data-mark": { "✓": "right", "✗": "wrong" }[sign], style: `--g2q-share:${Math.abs(value ?? 0) / strongest}`,
      onclick: pick,
      onkeydown: (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pick(); return; }
        const [down_, right_] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [0, 0];
        const next = event.currentTarget.closest("table").querySelector(`[data-key="cell ${row + down_} ${column + right_}"]`);
        if (!(down_ || right_)) return;
        event.preventDefault();
        if (!next) return;
        set(event.currentTarget, { tabindex: -1 });
        set(next, { tabindex: 0 });
        next.focus();
      },
    }, h("span", { text: shown }), sign ? h("b", { text: ` ${sign}` }) : null);
  };
  return h("table", { class: "g2q-map", role: "grid", "aria-labelledby": labelledby },
    h("caption", { text: [down && `rows: ${down}`, across && `columns: ${across}`].filter(Boolean).join(" · ") }),
    h("thead", null, h("tr", null, h("td", { "aria-hidden": "true" }), columns.map((label) => h("th", { scope: "col", text: label })))),
    h("tbody", null, rows.map((label, row) => h("tr", null, h("th", { scope: "row", text: label }), values[row].map((value, column) => cell(value, row, column))))));
}

const FIELDS = { single: choiceField, multiple: choiceField, number: numberInput, order: orderField, point: pointField };
