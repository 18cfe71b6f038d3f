// The server: what it says when asked, what it tells by itself, and what it is asked to do.

const SILENCE_MS = 9000;
const RETRY_MS = [500, 1000, 2000, 4000];

export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, cache: "no-store" });
  } catch {
    throw new ApiError(0, "unreachable", "pegbot does not answer");
  }
  const body = await response.json().catch(() => null);
  if (!response.ok) {
    throw new ApiError(response.status, body?.error?.code ?? "failed", body?.error?.message ?? `answer ${response.status}`);
  }
  return body;
}

export const get = (path) => ask(path);
export const command = (path) => ask(path, { method: "POST", headers: { "X-Requested-With": "pegbot" } });

// Keeps one stream open while the page is visible; calls `hello` after each (re)connection, `changes` for
// what changed, `lost` when the server is gone or silent.
export function connect({ hello, changes, lost }) {
  let source = null;
  let watchdog = 0;
  let retry = 0;
  let failures = 0;

  const close = () => {
    clearTimeout(watchdog);
    clearTimeout(retry);
    source?.close();
    source = null;
  };
  const fail = () => {
    close();
    lost();
    if (!document.hidden) retry = setTimeout(open, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
  };
  const alive = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(fail, SILENCE_MS);
  };
  function open() {
    close();
    source = new EventSource("/api/stream");
    alive();
    source.addEventListener("hello", (event) => {
      failures = 0;
      alive();
      hello(JSON.parse(event.data));
    });
    source.addEventListener("changes", (event) => {
      alive();
      changes(JSON.parse(event.data));
    });
    source.addEventListener("error", fail);
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : source ?? open()));
  open();
}
