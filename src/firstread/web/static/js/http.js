/** Requests to the node, with the token that shows that this site's own page asks. */

/** Header of what a page asks by itself: it does not keep a session from ending. */
export const OF_ITSELF = { "X-Of-Itself": "1" };

const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/**
 * Send a request and return its answer; one that failed is thrown as an Error with `status` and `told`.
 * @param {string} method
 * @param {string} url
 * @param {{form?: Record<string, string>, json?: unknown, headers?: Record<string, string>, keepalive?: boolean}} [options]
 */
export async function send(method, url, { form, json, headers = {}, keepalive = false } = {}) {
  const request = { method, keepalive, headers: { Accept: "application/json, text/x-part", ...headers } };
  if (method !== "GET") request.headers["X-CSRF-Token"] = token();
  if (form) request.body = new URLSearchParams(form);
  if (json !== undefined) {
    request.body = JSON.stringify(json);
    request.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(url, request);
  } catch {
    throw Object.assign(new Error(document.body.dataset.failed), { status: 0, told: {} });
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  const sentence = [told.error, told.remedy].filter(Boolean).join(" ") || document.body.dataset.failed;
  throw Object.assign(new Error(sentence), { status: answer.status, told });
}

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = token();
});
