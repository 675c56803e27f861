// An HTMX request that fails says so in words; one that ran into an ended session leads to the sign-in page and back.
document.addEventListener("htmx:beforeSwap", (event) => {
  const answered = new URL(event.detail.xhr.responseURL || location.href);
  if (answered.pathname !== document.body.dataset.loginUrl) return;
  event.detail.shouldSwap = false;
  location.reload();
});

function say() {
  const message = document.getElementById("trouble").content.cloneNode(true);
  document.getElementById("messages").append(message);
}

for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout", "htmx:swapError"]) {
  document.addEventListener(name, say);
}
