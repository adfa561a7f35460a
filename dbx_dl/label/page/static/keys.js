// Which key does what: digits and letters choose classes, some letters are the page's own.

const CLASS_KEYS = [..."1234567890qwertyiopdfghjklzxcvnm"];

// The key of each class, or undefined where the keys are used up: a name that is a key has that one, the others get what
// is left in their order.
export function assignKeys(names) {
  const own = names.map((name) => CLASS_KEYS.find((key) => key === name.toLowerCase()));
  const taken = new Set();
  const keys = own.map((key) => (key === undefined || taken.has(key) ? undefined : taken.add(key) && key));
  const left = CLASS_KEYS.filter((key) => !taken.has(key));
  return keys.map((key) => key ?? left.shift());
}

const IN_ALL = [
  ["1 … 9, 0, letters", "choose a class"],
  ["Enter", "confirm, save and go on"],
  ["A", "take what is suggested"],
  ["S", "skip: not now"],
  ["B", "back to the item before"],
  ["U", "take back the last label"],
  ["/", "find a class by name"],
];
const IN_SHAPES = [
  ["drag", "draw a box; move or resize the selected one"],
  ["click", "select a shape; Shift draws inside of one"],
  ["Del", "delete the selected shape"],
  ["Ctrl Z, Ctrl Y", "undo and redo what was drawn"],
  ["arrows", "move by a pixel, with Shift by ten"],
  ["[ and ]", "select the shape before or after"],
  ["Esc", "let go of the shape"],
  ["+ and −", "zoom in and out"],
];
const IN_POLYGONS = [["click", "set a point; on the first one, or Enter, closes the outline"], ...IN_SHAPES.slice(1)];

export function listKeys(task) {
  return [...IN_ALL, ...(task === "boxes" ? IN_SHAPES : task === "polygons" ? IN_POLYGONS : [])];
}

// What a key press asks for, as [action, argument], or null where it is the browser's.
export function readKey(event, isShapes, classKeys) {
  const { key } = event;
  if (event.ctrlKey || event.metaKey) {
    if (event.altKey || !isShapes) return null;
    if (key.toLowerCase() === "z") return [event.shiftKey ? "redo" : "undoEdit"];
    return key.toLowerCase() === "y" ? ["redo"] : null;
  }
  if (event.altKey) return null;
  if (key === "Enter") return ["confirm"];
  if (key === "?") return ["help"];
  if (key === "/") return ["find"];
  const own = { a: "accept", s: "skip", b: "back", u: "undo" }[key.toLowerCase()];
  if (own) return [own];
  if (isShapes) {
    const edit = readEditKey(event);
    if (edit) return edit;
  }
  const index = classKeys.indexOf(key.toLowerCase());
  return index >= 0 ? ["choose", index] : null;
}

function readEditKey({ key, shiftKey }) {
  const by = shiftKey ? 10 : 1;
  const steps = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] };
  if (steps[key]) return ["nudge", steps[key]];
  const edits = { Delete: "remove", Backspace: "remove", Escape: "deselect", "+": "zoomIn", "=": "zoomIn", "-": "zoomOut" };
  if (edits[key]) return [edits[key]];
  return key === "]" ? ["select", 1] : key === "[" ? ["select", -1] : null;
}
