// A widget's module as it travels: it holds another one, packed, and hands on its `render`; see `packed` in javascript.py.
import { unpacked } from "./unpack.mjs";

const PROGRAM = "@@PROGRAM@@";

// Widgets of one page share a program, so that only the first one waits for it.
globalThis.gpt2labPrograms ??= new Map();
const programs = globalThis.gpt2labPrograms;
if (!programs.has(PROGRAM)) programs.set(PROGRAM, imported());
const program = programs.get(PROGRAM);
program.catch(() => programs.delete(PROGRAM)); // `render` says why; the next widget tries again

async function imported() {
  const url = URL.createObjectURL(new Blob([await unpacked(PROGRAM)], { type: "text/javascript" }));
  try {
    return (await import(url)).default;
  } finally {
    URL.revokeObjectURL(url);
  }
}

export default {
  async render(context) {
    try {
      await program;
    } catch (error) {
      context.el.textContent = error.message;
      context.el.setAttribute("role", "alert");
      return undefined;
    }
    return (await program).render(context);
  },
};
