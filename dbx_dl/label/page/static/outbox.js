// What is not saved yet: kept in this browser until the server says that it is on disk, then sent in order, again and
// again under the same id. Closing the page loses nothing: the next one that opens here sends what is left.

const RETRY_SECONDS = [1, 2, 4, 8, 10];

export class Outbox {
  // `send(path, value)` returns a promise of the answer; `told(state)` hears of each change.
  constructor(projectId, { send, told, storage = openStorage() }) {
    this.prefix = `dbx_dl_label/${projectId}/`;
    this.send = send;
    this.told = told;
    this.storage = storage;
    this.count = 0;
    this.failures = 0;
    this.waiters = [];
    this.isSending = false;
  }

  // Keep a post; resolves with the server's answer, or is rejected when the server refuses it for good.
  add(path, value) {
    const order = String(Date.now()).padStart(15, "0") + String(this.count++).padStart(6, "0");
    const key = `${this.prefix}${order}-${value.label_id}`;
    this.storage.setItem(key, JSON.stringify({ path, value }));
    const answered = new Promise((resolve, reject) => this.waiters.push({ key, resolve, reject }));
    this.flush();
    return answered;
  }

  list() {
    return Object.keys(this.storage).filter((key) => key.startsWith(this.prefix)).sort();
  }

  async flush() {
    if (this.isSending) return;
    this.isSending = true;
    clearTimeout(this.timer);
    try {
      for (let [key] = this.list(); key; [key] = this.list()) {
        const kept = this.storage.getItem(key);
        // Another window of this browser may have sent it just now.
        if (kept !== null && !(await this.sendOne(key, JSON.parse(kept)))) return;
      }
      this.finish(null, (waiter) => waiter.resolve(null));
      if (this.failures) this.told({ state: "saved", count: 0 });
      this.failures = 0;
    } finally {
      this.isSending = false;
    }
  }

  // Returns whether to go on with the next one.
  async sendOne(key, { path, value }) {
    const slow = setTimeout(() => this.told({ state: "saving", count: this.list().length }), 300);
    try {
      const answer = await this.send(path, value);
      this.finish(key, (waiter) => waiter.resolve(answer));
      this.told({ state: "saved", count: this.list().length, answer });
    } catch (error) {
      if (error.status && !error.isPassing) {
        this.finish(key, (waiter) => waiter.reject(error));
        this.told({ state: "refused", count: this.list().length, error, value });
        return true;
      }
      this.retryLater(error);
      return false;
    } finally {
      clearTimeout(slow);
    }
    this.failures = 0;
    return true;
  }

  // Settle the waiters of this post; without a key, of all posts that are kept no more.
  finish(key, settle) {
    if (key !== null) this.storage.removeItem(key);
    const isOver = (waiter) => (key === null ? this.storage.getItem(waiter.key) === null : waiter.key === key);
    this.waiters.filter(isOver).forEach(settle);
    this.waiters = this.waiters.filter((waiter) => !isOver(waiter));
  }

  retryLater(error) {
    const seconds = RETRY_SECONDS[Math.min(this.failures++, RETRY_SECONDS.length - 1)];
    this.timer = setTimeout(() => this.flush(), seconds * 1000);
    this.told({ state: "waiting", count: this.list().length, error });
  }
}

// Where the browser keeps nothing (a private window may not), what is not saved lives as long as the page.
function openStorage() {
  try {
    const probe = "dbx_dl_label_probe";
    localStorage.setItem(probe, "1");
    localStorage.removeItem(probe);
    return localStorage;
  } catch {
    return new MemoryStorage();
  }
}

class MemoryStorage {
  setItem(key, text) { this[key] = text; }
  getItem(key) { return Object.hasOwn(this, key) ? this[key] : null; }
  removeItem(key) { delete this[key]; }
}
