// Boxes and polygons over the image, by mouse, finger or pen: drag draws, a click selects, what is selected can be moved.

import { Drawing, boxBetween, bounds, clamp, contains, handles, hasArea, isBox, moveHandle, moveShape } from "/shapes.js";

const SVG = "http://www.w3.org/2000/svg";
const NEAR_PIXELS = 10;
const CLICK_PIXELS = 4;

export class Canvas {
  constructor(svg, { isPolygon, colorOf, getLabel, changed }) {
    Object.assign(this, { svg, isPolygon, colorOf, getLabel, changed });
    this.reset([]);
    svg.addEventListener("pointerdown", (event) => this.press(event));
    svg.addEventListener("pointermove", (event) => this.drag(event));
    svg.addEventListener("pointerup", (event) => this.release(event));
    svg.addEventListener("pointercancel", () => this.giveUp());
    svg.addEventListener("dblclick", () => this.closePolygon());
  }

  reset(shapes) {
    this.drawing = new Drawing(shapes);
    this.selected = null;
    this.points = [];
    this.hold = null;
    this.draw();
  }

  get shapes() { return this.drawing.shapes; }
  get isBusy() { return this.points.length > 0; }

  // The pointer's place in shares of the image's sides.
  place(event) {
    const { left, top, width, height } = this.svg.getBoundingClientRect();
    return [clamp((event.clientX - left) / width), clamp((event.clientY - top) / height)];
  }

  isNear([x1, y1], [x2, y2], pixels = NEAR_PIXELS) {
    const { width, height } = this.svg.getBoundingClientRect();
    return Math.hypot((x1 - x2) * width, (y1 - y2) * height) <= pixels;
  }

  press(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.svg.setPointerCapture(event.pointerId);
    const at = this.place(event);
    const shape = this.shapes[this.selected];
    const handle = shape && !event.shiftKey ? handles(shape).findIndex((other) => this.isNear(other, at)) : -1;
    const isHeld = shape && !event.shiftKey && !this.isBusy && contains(shape, at);
    const what = handle >= 0 && !this.isBusy ? "handle" : isHeld ? "move" : "draw";
    this.hold = { what, handle, from: at, shape, at, isShift: event.shiftKey };
  }

  drag(event) {
    this.pointer = this.place(event);
    if (this.hold) this.hold.at = this.pointer;
    if (this.hold || this.isBusy) this.draw();
  }

  release(event) {
    const hold = this.hold;
    if (!hold) return;
    hold.at = this.place(event);
    const isClick = this.isNear(hold.from, hold.at, CLICK_PIXELS);
    const preview = this.preview();
    this.hold = null;
    if (isClick) this.click(hold);
    else if (hold.what === "draw" && this.isPolygon) this.addPoint(hold.at);
    else if (!hasArea(preview)) this.draw();
    else if (hold.what === "draw") this.addShape(preview);
    else this.drawing.replace(this.selected, preview);
    this.notify();
  }

  giveUp() {
    this.hold = null;
    this.draw();
  }

  // A click into a shape selects it, the smallest where several are; elsewhere it adds a point, or selects nothing.
  click({ at, isShift, what }) {
    if (what === "handle") return;
    if (this.isBusy) return this.addPoint(at);
    const area = (index) => bounds(this.shapes[index]).width * bounds(this.shapes[index]).height;
    const hits = this.shapes.map((_, i) => i).filter((i) => contains(this.shapes[i], at));
    if (hits.length && !isShift) {
      hits.sort((a, b) => area(a) - area(b));
      this.selected = hits[(hits.indexOf(this.selected) + 1) % hits.length];
    } else if (this.isPolygon) {
      this.addPoint(at);
    } else {
      this.selected = null;
    }
  }

  addPoint(at) {
    if (this.points.length >= 3 && this.isNear(this.points[0], at)) return this.closePolygon();
    if (this.points.length && this.isNear(this.points.at(-1), at, CLICK_PIXELS)) return;
    this.selected = null;
    if (this.getLabel() !== null) this.points = [...this.points, at];
  }

  closePolygon() {
    if (this.points.length < 3) return false;
    const label = this.getLabel();
    const points = this.points;
    this.points = [];
    this.addShape({ label, points });
    this.notify();
    return true;
  }

  addShape(shape) {
    if (shape.label === null) return;
    this.drawing.add(shape);
    this.selected = this.shapes.length - 1;
  }

  // ---- what keys and buttons do -----------------------------------------------------------------------------------

  undo() {
    if (this.isBusy) this.points = this.points.slice(0, -1);
    else this.drawing.undo();
    this.selected = null;
    this.notify();
  }

  redo() {
    this.drawing.redo();
    this.selected = null;
    this.notify();
  }

  remove() {
    if (this.isBusy) return this.undo();
    if (this.selected === null) return;
    this.drawing.remove(this.selected);
    this.selected = null;
    this.notify();
  }

  // The selected shape, where it is suggested, else all that are.
  accept() {
    const shape = this.shapes[this.selected];
    if (shape && shape.isSuggested) this.drawing.replace(this.selected, { ...shape, isSuggested: false });
    else if (this.shapes.some((other) => other.isSuggested)) this.drawing.acceptAll();
    this.notify();
  }

  setLabel(label) {
    const shape = this.shapes[this.selected];
    if (!shape || shape.label === label) return;
    this.drawing.replace(this.selected, { ...shape, label, isSuggested: false, wasSuggested: false });
    this.notify();
  }

  nudge(dx, dy) {
    const shape = this.shapes[this.selected];
    if (!shape) return false;
    const { width, height } = this.svg.getBoundingClientRect();
    this.drawing.replace(this.selected, moveShape(shape, dx / width, dy / height));
    this.notify();
    return true;
  }

  selectNext(step) {
    const num = this.shapes.length;
    if (!num) return;
    this.selected = this.selected === null ? (step > 0 ? 0 : num - 1) : (this.selected + step + num) % num;
    this.notify();
  }

  deselect() {
    this.points = [];
    this.selected = null;
    this.notify();
  }

  notify() {
    this.draw();
    this.changed();
  }

  // ---- pictures ---------------------------------------------------------------------------------------------------

  // What the shape that is drawn or changed would be if it ended here.
  preview() {
    const { what, handle, shape, from, at } = this.hold;
    if (what === "handle") return moveHandle(shape, handle, at);
    if (what === "move") return moveShape(shape, at[0] - from[0], at[1] - from[1]);
    return boxBetween(this.getLabel(), from, at);
  }

  draw() {
    const { width, height } = this.svg.getBoundingClientRect();
    this.svg.setAttribute("viewBox", `0 0 ${width || 1} ${height || 1}`);
    this.scale = [width, height];
    const isMoved = this.hold && !this.isNear(this.hold.from, this.hold.at, CLICK_PIXELS);
    const preview = isMoved ? this.preview() : null;
    const isDrawn = preview && this.hold.what === "draw";
    const parts = this.shapes.flatMap((shape, i) => {
      const isSelected = i === this.selected;
      return this.drawShape(isSelected && preview && !isDrawn ? preview : shape, isSelected);
    });
    if (isDrawn && !this.isPolygon && preview.label !== null) parts.push(...this.drawShape(preview, false));
    if (this.isBusy) parts.push(...this.drawLine());
    this.svg.replaceChildren(...parts);
  }

  drawShape(shape, isSelected) {
    const [width, height] = this.scale;
    const color = this.colorOf(shape.label);
    const state = `${isSelected ? " is-selected" : ""}${shape.isSuggested ? " is-suggested" : ""}`;
    const look = { class: `shape${state}`, fill: color, stroke: color };
    const body = isBox(shape)
      ? make("rect", { ...look, x: shape.x * width, y: shape.y * height, width: shape.width * width, height: shape.height * height })
      : make("polygon", { ...look, points: this.join(shape.points) });
    const { x, y, width: share } = bounds(shape);
    const isRight = x + share > 0.7;
    const corner = isRight ? (x + share) * width - 3 : x * width + 3;
    const tag = make("text", { class: "tag", x: corner, y: Math.max(y * height - 5, 13), "text-anchor": isRight ? "end" : "start" });
    tag.textContent = shape.isSuggested ? `${shape.label}, ${suggested(shape.probability)}` : shape.label;
    const knobs = isSelected ? handles(shape).map(([hx, hy]) => make("circle", { class: "handle", cx: hx * width, cy: hy * height, r: 5 })) : [];
    return [body, tag, ...knobs];
  }

  drawLine() {
    const color = this.colorOf(this.getLabel());
    const points = this.pointer ? [...this.points, this.pointer] : this.points;
    const line = make("polyline", { points: this.join(points), fill: "none", stroke: color, "stroke-width": 2 });
    const [width, height] = this.scale;
    const dots = this.points.map(([x, y], i) => make("circle", { class: "handle", cx: x * width, cy: y * height, r: i ? 4 : 7 }));
    return [line, ...dots];
  }

  join(points) {
    return points.map(([x, y]) => `${x * this.scale[0]},${y * this.scale[1]}`).join(" ");
  }
}

export function suggested(probability) {
  return probability === null || probability === undefined ? "suggested" : `suggested ${probability.toFixed(2)}`;
}

function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
