// A fragment that is swapped into <dialog data-modal> opens it. The browser keeps the focus inside and gives it back after;
// an open menu closes first, so that the focus goes back to its button.
document.addEventListener("htmx:afterSwap", (event) => {
  const dialog = event.detail.target;
  if (!dialog.matches("dialog[data-modal]:not([open])")) return;
  for (const menu of document.querySelectorAll(":popover-open")) menu.hidePopover();
  dialog.showModal();
});
// Without scripts, and on a page of its own, the same link leads back to where it was opened.
document.addEventListener("click", (event) => {
  const dialog = event.target.closest?.("[data-dialog-close]")?.closest("dialog[data-modal]");
  if (!dialog) return;
  event.preventDefault();
  dialog.querySelector("form[data-busy]")?.reset(); // nothing typed is kept for the next time
  dialog.close();
});

document.addEventListener("close", (event) => event.target.matches(".list-dialog") && event.target.replaceChildren(), true);

// A form in it that shapes the page behind (data-closes) is done with once that page has answered.
document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.target.closest?.("dialog[data-modal][open] form[data-closes]");
  if (form && event.detail.target.id === "results" && event.detail.xhr.status) form.closest("dialog").close();
});
