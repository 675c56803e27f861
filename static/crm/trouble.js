// A request of HTMX that fails says why, in one message of a kind that stays until it is dismissed, and as the event
// crm:trouble ({kind, elt}) for whoever has something to put back. Requests out of [data-quiet], such as polls, only send
// the event. A request that ran into an ended session leads to the sign-in page, which says so, and back.
function leave(go) {
  document.body.dataset.leaving = "";
  go();
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const answered = new URL(event.detail.xhr.responseURL || location.href);
  const login = document.body.dataset.loginUrl;
  if (answered.pathname !== login) return;
  event.detail.shouldSwap = false;
  const next = encodeURIComponent(location.pathname + location.search);
  leave(() => location.assign(`${login}?ended=1&next=${next}`));
});

function kindOf(xhr) {
  if (!xhr?.status) return "network";
  if (xhr.status === 403) return xhr.responseText.includes("data-signed-in-anew") ? "session" : "refused";
  return [429, 503].includes(xhr.status) ? "busy" : "server";
}

function tell({ detail: { xhr, elt } }) {
  const kind = kindOf(xhr);
  document.dispatchEvent(new CustomEvent("crm:trouble", { detail: { kind, elt } }));
  if (elt.closest("[data-quiet]")) return;
  const messages = document.getElementById("messages");
  messages.querySelector(`[data-trouble=${kind}]`)?.remove();
  messages.append(document.getElementById("troubles").content.querySelector(`[data-trouble=${kind}]`).cloneNode(true));
}

for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout", "htmx:swapError"]) {
  document.addEventListener(name, tell);
}
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-reload]")) leave(() => location.reload());
});
