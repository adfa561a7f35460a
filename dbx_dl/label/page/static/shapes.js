// Boxes and polygons in shares of the image's sides, as values that are never changed, and the steps between them.

const DIGITS = 1e6;
export const clamp = (value, low = 0, high = 1) => Math.min(Math.max(value, low), high);
const round = (value) => Math.round(value * DIGITS) / DIGITS;

export const isBox = (shape) => shape.points === undefined;

export function boxBetween(label, [x1, y1], [x2, y2]) {
  const [left, right] = [clamp(Math.min(x1, x2)), clamp(Math.max(x1, x2))];
  const [top, bottom] = [clamp(Math.min(y1, y2)), clamp(Math.max(y1, y2))];
  return { label, x: left, y: top, width: right - left, height: bottom - top };
}

// The whole shape by that much, no farther than the image's edge.
export function moveShape(shape, dx, dy) {
  const { x, y, width, height } = bounds(shape);
  const [byX, byY] = [clamp(dx, -x, 1 - x - width), clamp(dy, -y, 1 - y - height)];
  const moved = { ...shape, isSuggested: false, wasSuggested: false };
  if (isBox(shape)) return { ...moved, x: shape.x + byX, y: shape.y + byY };
  return { ...moved, points: shape.points.map(([px, py]) => [px + byX, py + byY]) };
}

// Whether the shape has an area that is left when its numbers are rounded.
export function hasArea(shape) {
  const { width, height } = bounds(shape);
  return width > 10 / DIGITS && height > 10 / DIGITS;
}

export function bounds(shape) {
  if (isBox(shape)) return shape;
  const xs = shape.points.map((point) => point[0]);
  const ys = shape.points.map((point) => point[1]);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

// Where a shape can be taken hold of: a box's corners and sides, a polygon's points.
export function handles(shape) {
  if (!isBox(shape)) return shape.points;
  const { x, y, width, height } = shape;
  const [right, bottom, midX, midY] = [x + width, y + height, x + width / 2, y + height / 2];
  return [[x, y], [midX, y], [right, y], [right, midY], [right, bottom], [midX, bottom], [x, bottom], [x, midY]];
}

export function moveHandle(shape, index, [px, py]) {
  const changed = { ...shape, isSuggested: false, wasSuggested: false };
  const at = [clamp(px), clamp(py)];
  if (!isBox(shape)) return { ...changed, points: shape.points.map((point, i) => (i === index ? at : point)) };
  let [left, top, right, bottom] = [shape.x, shape.y, shape.x + shape.width, shape.y + shape.height];
  if ([0, 6, 7].includes(index)) left = at[0];
  if ([2, 3, 4].includes(index)) right = at[0];
  if ([0, 1, 2].includes(index)) top = at[1];
  if ([4, 5, 6].includes(index)) bottom = at[1];
  return { ...changed, ...boxBetween(shape.label, [left, top], [right, bottom]) };
}

export function contains(shape, [px, py]) {
  if (isBox(shape)) {
    return px >= shape.x && px <= shape.x + shape.width && py >= shape.y && py <= shape.y + shape.height;
  }
  let isInside = false;
  shape.points.forEach(([x1, y1], i) => {
    const [x2, y2] = shape.points[(i + 1) % shape.points.length];
    if (y1 > py !== y2 > py && px < ((x2 - x1) * (py - y1)) / (y2 - y1) + x1) isInside = !isInside;
  });
  return isInside;
}

// As the server takes it: x + width and y + height are 1 at most.
export function toPosted(shape) {
  if (!isBox(shape)) return { label: shape.label, points: shape.points.flat().map((value) => round(clamp(value))) };
  const [x, y] = [round(clamp(shape.x)), round(clamp(shape.y))];
  const [width, height] = [Math.min(round(shape.width), 1 - x), Math.min(round(shape.height), 1 - y)];
  return { label: shape.label, x, y, width, height };
}

export function fromPosted(posted, isSuggested) {
  const { points, probability, ...rest } = posted;
  const shape = { ...rest, probability, isSuggested, wasSuggested: isSuggested };
  if (points === undefined) return shape;
  const pairs = [];
  for (let i = 0; i < points.length; i += 2) pairs.push([points[i], points[i + 1]]);
  return { ...shape, points: pairs };
}

// What was drawn, step by step: each step is all shapes, so that undo is the step before.
export class Drawing {
  constructor(shapes) {
    this.steps = [shapes];
    this.at = 0;
  }

  get shapes() { return this.steps[this.at]; }
  get canUndo() { return this.at > 0; }
  get canRedo() { return this.at < this.steps.length - 1; }

  change(shapes) {
    this.steps = [...this.steps.slice(0, this.at + 1), shapes];
    this.at += 1;
  }

  replace(index, shape) { this.change(this.shapes.map((other, i) => (i === index ? shape : other))); }
  add(shape) { this.change([...this.shapes, shape]); }
  remove(index) { this.change(this.shapes.filter((_, i) => i !== index)); }
  acceptAll() { this.change(this.shapes.map((shape) => ({ ...shape, isSuggested: false }))); }
  undo() { if (this.canUndo) this.at -= 1; }
  redo() { if (this.canRedo) this.at += 1; }
}
