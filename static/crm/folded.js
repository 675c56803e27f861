// What is ticked in a folded list of boxes is said in its one line.
document.addEventListener("change", ({ target }) => {
  const folded = target.closest("details.folded");
  if (!folded) return;
  const ticked = [...folded.querySelectorAll("input:checked")].map((box) => box.parentElement.textContent.trim());
  folded.querySelector("[data-ticked]").textContent = ticked.join(", ") || "–";
});
