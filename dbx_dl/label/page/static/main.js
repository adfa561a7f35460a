// Starts the page, and brings keys and buttons to it.

import { get } from "/api.js";
import { readKey } from "/keys.js";
import { Page } from "/page.js";
import { askName, rememberName } from "/person.js";

const RENEW_SECONDS = 60;
const byId = (id) => document.getElementById(id);

function listen(page) {
  const actions = {
    confirm: () => page.confirm(), accept: () => page.accept(), skip: () => page.skip(), back: () => page.back(),
    undo: () => page.takeBack(), help: () => byId("help-dialog").showModal(), find: () => page.classes.find(),
    choose: (index) => page.choose(index), undoEdit: () => page.canvas.undo(), redo: () => page.canvas.redo(),
    remove: () => page.canvas.remove(), deselect: () => page.canvas.deselect(), select: (step) => page.canvas.selectNext(step),
    nudge: ([dx, dy]) => page.canvas.nudge(dx, dy), zoomIn: () => page.stage.zoom(1.5), zoomOut: () => page.stage.zoom(1 / 1.5),
  };
  const buttons = { "edit-undo": "undoEdit", "edit-redo": "redo", "edit-delete": "remove", "zoom-in": "zoomIn", "zoom-out": "zoomOut" };
  for (const id of ["confirm", "accept", "skip", "back", "undo", "help"]) buttons[id] = id;
  for (const [id, action] of Object.entries(buttons)) {
    byId(id).addEventListener("click", () => {
      byId(id).blur();
      actions[action]();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input, dialog *") || document.querySelector("dialog[open]") || event.isComposing) return;
    const asked = readKey(event, page.isShapes, page.classes.keys);
    if (!asked || (event.key === "Enter" && event.target.matches("button"))) return;
    event.preventDefault();
    if (event.repeat && asked[0] !== "nudge") return;
    actions[asked[0]](asked[1]);
  });
  byId("notice-close").addEventListener("click", () => page.hideNotice());
  byId("who").addEventListener("click", async () => {
    rememberName(await askName(page.name));
    location.reload();
  });
  let isActive = true;
  for (const sign of ["keydown", "pointerdown", "pointermove", "wheel"]) {
    document.addEventListener(sign, () => { isActive = true; }, { passive: true });
  }
  setInterval(() => {
    if (isActive) page.renew();
    isActive = false;
  }, RENEW_SECONDS * 1000);
}

const name = rememberName(await askName());
const page = new Page(await get("/api/subject"), name);
listen(page);
// What an earlier page left comes first: its item must not be given out again.
await page.outbox.flush();
await page.next();
