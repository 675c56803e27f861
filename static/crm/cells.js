// Cells of a list (table[data-cells]) and values on a card of the board edited where they stand: the page that the link leads to
// is the form that opens in its cell (see inline.js). One at a time; what was typed into another one comes back when that is opened again. A row that an answer
// brings anew stays picked.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-cells] .edit-here, .deal-edit");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !window.htmx) return;
  event.preventDefault();
  for (const other of document.querySelectorAll(".edit-place[data-column]")) other.remove();
  const place = document.createElement("div");
  place.className = "edit-place";
  place.dataset.column = link.dataset.column;
  const cell = link.closest("td, th, .deal");
  place.id = `edit-${cell.closest("[id]").id}-${link.dataset.column}`;
  link.dataset.editOpener = place.id;
  cell.append(place);
  window.htmx.ajax("GET", link.getAttribute("href"), { source: link, target: place, swap: "innerHTML" });
});

// That a row has gone is said once, however often it is tried.
document.addEventListener("htmx:beforeSwap", ({ detail }) => detail.target.querySelector(":scope > .edit-gone")?.remove());

document.addEventListener("htmx:oobBeforeSwap", ({ detail: { target, fragment } }) => {
  if (!target.matches("[data-cells] tr") || !target.querySelector("[name=key]:checked")) return;
  fragment.querySelector("[name=key]")?.setAttribute("checked", "");
});
