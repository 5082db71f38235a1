// Whether an answer is right, and if not, why: by the rules of gpt2lab/quiz/marking.py, to which a test binds it.

const SLACK = 1e-9; // relative: 0.1 + 0.2 is within a tolerance of 0 around 0.3

// { right, reasons: [{ part, why, see }] } of an answer as `toAnswer` makes it.
export function markAnswer(question, answer) {
  const reasons = MARKERS[question.kind](question, answer);
  return { right: reasons.length === 0, reasons };
}

function markChoice({ kind, options, see }, answer) {
  const chosen = typeof answer === "string" ? [answer] : answer;
  const wrong = options.filter((option) => chosen.includes(option.text) && !option.right);
  const missed = kind === "multiple" ? options.filter((option) => option.right && !chosen.includes(option.text)) : [];
  return [
    ...wrong.map((option) => ({ part: option.text, why: option.why, see: option.see ?? see })),
    ...missed.map((option) => ({ part: option.text, why: option.why || "This one is right, too.", see: option.see ?? see, missed: true })),
  ];
}

// The first item that stands before the one it must follow.
function markOrder({ options, see }, answer) {
  for (let i = 1; i < options.length; i++) {
    const [before, after] = [options[i - 1], options[i]];
    if (answer.indexOf(after.text) < answer.indexOf(before.text)) {
      return [{ part: `“${before.text}” comes before “${after.text}”`, why: after.why, see: after.see ?? see }];
    }
  }
  return [];
}

function markNumber(question, answer) {
  const near = (value) => Math.abs(answer - value) <= question.tolerance + SLACK * Math.abs(value);
  if (near(question.value)) return [];
  return [known(question, String(answer), question.wrong.find((mistake) => near(mistake.value)))];
}

function markCell(question, [row, column]) {
  const { rows, columns, right } = question.grid;
  const among = (cells) => cells.some(([r, c]) => r === row && c === column);
  if (among(right)) return [];
  return [known(question, `row ${rows[row]}, column ${columns[column]}`, question.wrong.find((mistake) => among(mistake.cells)))];
}

function known(question, part, mistake) {
  return { part, why: mistake?.why ?? question.why, see: mistake?.see ?? question.see };
}

const MARKERS = { single: markChoice, multiple: markChoice, order: markOrder, number: markNumber, point: markCell };

// What the learner is putting together: { answer } if it can be marked, else { lacks } says what is missing.
export function toAnswer({ kind, options, unit, value: right }, draft) {
  if (kind === "number") {
    const value = parseNumber(draft ?? "", unit, Math.abs(right) >= 1000);
    return Number.isFinite(value) ? { answer: value } : { lacks: "Type a number, such as 768 or 0.25." };
  }
  if (kind === "multiple") {
    const answer = options.map((option) => option.text).filter((text) => (draft ?? []).includes(text));
    return answer.length ? { answer } : { lacks: "Choose at least one option." };
  }
  if (draft === null || draft === undefined) return { lacks: kind === "point" ? "Choose a cell." : "Choose an option." };
  return { answer: draft };
}

// A number as people write it: 2,359,296 or 2 359 296, 0.25 or 0,25, 1e-5, with its unit or without. NaN if it is none.
// 1,342 is a large number where one is asked for, else one and a bit.
export function parseNumber(text, unit = "", large = true) {
  const tight = (letters) => letters.replace(/[\s_\u00a0\u2009\u202f]/g, "");
  let plain = tight(text).replace(/[−–]/g, "-");
  if (unit && plain.endsWith(tight(unit))) plain = plain.slice(0, -tight(unit).length);
  const thousands = large ? /^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/ : /^[+-]?[1-9]\d{0,2}((,\d{3}){2,}(\.\d+)?|,\d{3}\.\d+)$/;
  if (thousands.test(plain)) plain = plain.replaceAll(",", "");
  else plain = plain.replace(/^([+-]?\d*),(\d+)$/, "$1.$2");
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : Number.NaN;
}

// Whether something that was stored is an answer to this question.
export function isAnswer({ kind, options, grid }, answer) {
  const texts = options.map((option) => option.text);
  if (kind === "number") return Number.isFinite(answer);
  if (kind === "single") return texts.includes(answer);
  if (!Array.isArray(answer) || !answer.length || new Set(answer).size < answer.length && kind !== "point") return false;
  if (kind === "point") {
    const inside = (place, count) => Number.isInteger(place) && place >= 0 && place < count;
    return answer.length === 2 && inside(answer[0], grid.rows.length) && inside(answer[1], grid.columns.length);
  }
  return answer.every((text) => texts.includes(text)) && (kind === "multiple" || answer.length === texts.length);
}

// The right answer in words, for the last page.
export function solution(question) {
  const { kind, options, value, unit, grid } = question;
  if (kind === "number") return unit ? `${value} ${unit}` : String(value);
  if (kind === "order") return options.map((option) => option.text).join(" → ");
  if (kind === "point") return grid.right.map(([row, column]) => `row ${grid.rows[row]}, column ${grid.columns[column]}`).join("; ");
  return options.filter((option) => option.right).map((option) => option.text).join("; ");
}
