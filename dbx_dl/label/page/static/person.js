// Who labels, and what that person did in this window: where Back and take back lead.

const NAME_KEY = "dbx_dl_label_name";
const MAX_STEPS = 200;

const byId = (id) => document.getElementById(id);

// The name of the link; else this browser's last one; else asked for. With `present`, another one is asked for.
export async function askName(present = null) {
  const asked = new URLSearchParams(location.search).get("name") || read(localStorage, NAME_KEY) || "";
  if (present === null && asked.trim()) return asked.trim();
  const dialog = byId("name-dialog");
  byId("name").value = present || "";
  dialog.showModal();
  byId("name").select();
  for (;;) {
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    const name = byId("name").value.trim();
    if (name) return name;
    dialog.showModal();
  }
}

export function rememberName(name) {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch { /* then it is asked for again */ }
  history.replaceState(null, "", `?name=${encodeURIComponent(name)}`);
  return name;
}

export class History {
  constructor(projectId) {
    this.key = `dbx_dl_label_history/${projectId}`;
    try {
      this.steps = JSON.parse(read(sessionStorage, this.key)) || [];
    } catch {
      this.steps = [];
    }
  }

  get hasLabel() { return this.steps.some((step) => step.labelId); }

  add(key, labelId) {
    this.steps = [...this.steps, { key, labelId }].slice(-MAX_STEPS);
    this.keep();
  }

  // The item before that one, or the last one where it was not seen yet; null where there is none.
  before(key) {
    const keys = [...new Set(this.steps.map((step) => step.key).reverse())];
    const at = key === null ? -1 : keys.indexOf(key);
    return keys[at + 1] ?? null;
  }

  popLabel() {
    const at = this.steps.findLastIndex((step) => step.labelId);
    if (at < 0) return null;
    const [step] = this.steps.splice(at, 1);
    this.keep();
    return step;
  }

  keep() {
    try {
      sessionStorage.setItem(this.key, JSON.stringify(this.steps));
    } catch { /* then Back ends where this page began */ }
  }
}

function read(storage, key) {
  try {
    return storage.getItem(key);
  } catch {
    return null;
  }
}
