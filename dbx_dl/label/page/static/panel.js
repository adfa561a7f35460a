// The head and the side of the page: what is labelled, how far it is, whether it is saved, and what went wrong.

import { listKeys } from "/keys.js";

const byId = (id) => document.getElementById(id);

export function showSubject({ title, task }, name) {
  document.title = `Label ${title}`;
  byId("title").textContent = title;
  byId("title").title = title;
  byId("who").textContent = name;
  byId("tools").hidden = task !== "boxes" && task !== "polygons";
  const entries = listKeys(task).flatMap(([keys, what]) => {
    const [term, said] = [document.createElement("dt"), document.createElement("dd")];
    term.append(Object.assign(document.createElement("kbd"), { textContent: keys }));
    said.textContent = what;
    return [term, said];
  });
  byId("help-list").replaceChildren(...entries);
}

export function hint(text) { byId("hint").textContent = text; }

export function notify(text) {
  byId("notice-text").textContent = text;
  byId("notice").hidden = false;
}

export function hideNotice() { byId("notice").hidden = true; }

export function showProgress({ num_items, num_done, num_mine }) {
  byId("bar").max = Math.max(num_items, 1);
  byId("bar").value = num_done;
  byId("counts").textContent = `${num_done} of ${num_items} done, ${num_mine} by you`;
}

export function showSaved(state, count) {
  const pill = byId("saved");
  pill.dataset.state = state === "saving" ? "saving" : count ? "waiting" : "saved";
  pill.textContent = state === "saving" ? "saving …" : count ? `not saved: ${count}, trying again` : "saved";
}

// Why nothing goes on, for the person who waits.
export function describeCut(error) {
  if (error.isTokenGone) return "The server was started again: open the link that it printed. What is not saved is kept in this browser.";
  if (error.status) return `${error.message}. What is not saved is kept in this browser and sent again.`;
  return "The server does not answer. What is not saved is kept in this browser and sent when it is back.";
}

export function describeEnd({ num_items, num_done, num_skipped }) {
  if (num_done === num_items) return `All ${num_items} items are labelled. Thank you.`;
  const rest = num_items - num_done - num_skipped;
  const parts = ["Nothing is left for you now."];
  if (num_skipped) parts.push(`You skipped ${num_skipped}.`);
  if (rest > 0) parts.push(`${rest} ${rest === 1 ? "is" : "are"} with other people, or wait for them.`);
  return parts.join(" ");
}
