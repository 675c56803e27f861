// A field edited where it stands (form[data-edit] in its .edit-place): Escape or Cancel takes the form away and gives the focus
// back to the button that opened it. Without scripts the form is a page, and Cancel leads back.
function close(form) {
  const place = form.closest(".edit-place");
  const opener = document.querySelector(`[data-edit-opener="${place.id}"]`);
  form.reset(); // nothing typed is kept for the next time
  place.replaceChildren();
  opener?.focus();
}

document.addEventListener("keydown", (event) => {
  const form = event.key === "Escape" && !event.isComposing && event.target.closest?.(".edit-place form[data-edit]");
  if (form) close(form);
});
document.addEventListener("click", (event) => {
  const form = event.target.closest?.("[data-edit-cancel]")?.closest(".edit-place form[data-edit]");
  if (!form) return;
  event.preventDefault();
  close(form);
});
