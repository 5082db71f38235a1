// A widget's module as it travels: it holds another one, packed, and hands on its `render`; see `packed` in javascript.py.
import { unpacked } from "./unpack.mjs";

const PROGRAM = "@@PROGRAM@@";
let program = null; // unpacked for the first view, and kept for the others

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
    program ??= imported();
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
