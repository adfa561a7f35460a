// Asks the page's server; an answer that is no success becomes an error with its status and its message.

export class RefusedError extends Error {
  constructor(status, message, isTokenGone) {
    super(message);
    this.status = status;
    this.isTokenGone = isTokenGone;
  }

  // Whether to ask again later: the server is busy, gone, or has another token now.
  get isPassing() {
    return this.isTokenGone || this.status >= 500 || this.status === 408 || this.status === 429;
  }
}

export async function get(path) {
  return read(await fetch(path, { cache: "no-store" }));
}

export async function post(path, value) {
  const headers = { "Content-Type": "application/json" };
  return read(await fetch(path, { method: "POST", headers, body: JSON.stringify(value) }));
}

export async function readText(path) {
  const response = await fetch(path, { cache: "no-store" });
  if (response.ok) return response.text();
  return read(response);
}

async function read(response) {
  const isJson = (response.headers.get("Content-Type") || "").startsWith("application/json");
  const value = isJson ? await response.json() : { error: await response.text() };
  if (response.ok) return value;
  throw new RefusedError(response.status, value.error || response.statusText, response.status === 403 && !isJson);
}
