// The classes as buttons with their keys; what is chosen, and what is suggested, shows on them.

import { suggested } from "/drawing.js";
import { assignKeys } from "/keys.js";

const MANY_CLASSES = 16;

export const colorOfClass = (index) => `hsl(${(index * 137.5) % 360} 70% 46%)`;

export class ClassButtons {
  constructor(place, filter, names, choose) {
    this.names = names;
    this.keys = assignKeys(names);
    this.buttons = names.map((name, index) => makeButton(name, index, this.keys[index], () => choose(index)));
    place.replaceChildren(...this.buttons);
    filter.hidden = names.length <= MANY_CLASSES;
    this.filter = filter;
    filter.addEventListener("input", () => this.narrow(filter.value));
    filter.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.endFind();
      if (event.key !== "Enter") return;
      event.preventDefault();
      event.stopPropagation();
      const index = this.buttons.findIndex((button) => !button.hidden);
      this.endFind();
      if (index >= 0) choose(index);
    });
  }

  find() {
    if (!this.filter.hidden) this.filter.focus();
  }

  narrow(text) {
    const wanted = text.trim().toLowerCase();
    this.buttons.forEach((button, i) => { button.hidden = !this.names[i].toLowerCase().includes(wanted); });
  }

  endFind() {
    this.filter.value = "";
    this.narrow("");
    this.filter.blur();
  }

  // `chosen`: names; `suggestions`: name to probability or null.
  show(chosen, suggestions) {
    this.buttons.forEach((button, i) => {
      const name = this.names[i];
      button.setAttribute("aria-pressed", String(chosen.has(name)));
      button.classList.toggle("is-suggested", suggestions.has(name));
      button.querySelector("small").textContent = suggestions.has(name) ? suggested(suggestions.get(name)) : "";
    });
  }
}

function makeButton(name, index, key, choose) {
  const button = document.createElement("button");
  button.className = "class";
  button.style.borderLeftColor = colorOfClass(index);
  const parts = [document.createElement("span"), document.createElement("small")];
  parts[0].textContent = name;
  if (key) {
    const cap = document.createElement("kbd");
    cap.textContent = key.toUpperCase();
    parts.unshift(cap);
  }
  button.replaceChildren(...parts);
  button.addEventListener("click", () => {
    button.blur();  // so that Enter confirms, and does not press the button again
    choose();
  });
  return button;
}
