// Where the item shows: an image as large as there is room, a text, or a message in their place.

import { readText } from "/api.js";

const MAX_ZOOM = 12;
const MAX_GROWTH = 40;
const byId = (id) => document.getElementById(id);

export class Stage {
  constructor(isText) {
    this.isText = isText;
    this.factor = 1;
    this.resized = () => {};
    this.button = null;
    this.shown = 0;
    new ResizeObserver(() => this.fit()).observe(byId("stage"));
    byId("message-button").addEventListener("click", () => this.pressButton());
  }

  wait(isWaiting) { byId("stage").classList.toggle("is-waiting", isWaiting); }

  pressButton() { if (this.button) this.button(); }

  // Resolves with true when the item can be seen, with false when it is said why not.
  async show(position) {
    const path = `/api/content/${position}`;
    // The same position may be another item after the server was started again.
    this.shown += 1;
    this.factor = 1;
    try {
      if (this.isText) await this.showText(path);
      else await this.showImage(`${path}?${this.shown}`);
      return true;
    } catch (error) {
      this.tell(`This item cannot be shown, so skip it: ${error.message}.`);
      return false;
    }
  }

  async showText(path) {
    byId("text").textContent = await readText(path);
    this.reveal("text");
    byId("stage").scrollTop = 0;
  }

  async showImage(path) {
    const image = byId("image");
    image.src = path;
    try {
      await image.decode();
    } catch {
      await readText(path);  // throws with the server's reason
      throw new Error("the browser cannot decode this image");
    }
    this.reveal("frame");
    this.fit();
  }

  tell(text, button = null, pressed = null) {
    byId("message-text").textContent = text;
    byId("message-button").hidden = button === null;
    byId("message-button").textContent = button || "";
    this.button = pressed;
    this.reveal("message");
  }

  reveal(id) {
    for (const other of ["frame", "text", "message"]) byId(other).hidden = other !== id;
    if (id !== "message") this.button = null;
  }

  zoom(by) {
    this.factor = Math.min(Math.max(this.factor * by, 1), MAX_ZOOM);
    this.fit();
  }

  // The whole image fits, and the stage scrolls where it was zoomed in. Small images grow, but not without measure.
  fit() {
    const [stage, image] = [byId("stage"), byId("image")];
    if (byId("frame").hidden || !image.naturalWidth) return;
    const style = getComputedStyle(stage);
    const [padX, padY] = [2 * parseFloat(style.paddingLeft), 2 * parseFloat(style.paddingTop)];
    const room = [stage.clientWidth - padX, stage.clientHeight - padY];
    const scale = Math.min(room[0] / image.naturalWidth, room[1] / image.naturalHeight, MAX_GROWTH) * this.factor;
    image.style.width = `${image.naturalWidth * scale}px`;
    image.style.height = `${image.naturalHeight * scale}px`;
    image.classList.toggle("is-small", scale >= 3);
    this.resized();
  }
}
