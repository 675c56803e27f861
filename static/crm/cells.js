// Cells of a list (table[data-cells]) and cards of the board edited where they stand: the page of the pencil is the form that
// opens in its cell (see inline.js). One at a time; what was typed into another one comes back when that is opened again. A row that an answer
// brings anew stays picked.
document.addEventListener("click", (event) => {
  const pencil = event.target.closest?.(":is([data-cells], .deal) .edit-here");
  if (!pencil || event.ctrlKey || event.metaKey || event.shiftKey || !window.htmx) return;
  event.preventDefault();
  for (const other of document.querySelectorAll(".edit-place[data-column]")) other.remove();
  const place = document.createElement("div");
  place.className = "edit-place";
  place.dataset.column = pencil.dataset.column;
  const cell = pencil.closest("td, th, .deal");
  place.id = `edit-${cell.closest("[id]").id}-${pencil.dataset.column}`;
  pencil.dataset.editOpener = place.id;
  cell.append(place);
  window.htmx.ajax("GET", pencil.getAttribute("href"), { source: pencil, target: place, swap: "innerHTML" });
});

// That a row has gone is said once, however often it is tried.
document.addEventListener("htmx:beforeSwap", ({ detail }) => detail.target.querySelector(":scope > .edit-gone")?.remove());

document.addEventListener("htmx:oobBeforeSwap", ({ detail: { target, fragment } }) => {
  if (!target.matches("[data-cells] tr") || !target.querySelector("[name=key]:checked")) return;
  fragment.querySelector("[name=key]")?.setAttribute("checked", "");
});
