// On a narrow screen the path of stages scrolls: start where the opportunity stands.
function show(root) {
  for (const path of root.querySelectorAll(".stage-scroll")) {
    const here = path.querySelector("[aria-current]");
    if (here) path.scrollLeft = here.offsetLeft - (path.clientWidth - here.offsetWidth) / 2;
  }
}

show(document);
document.addEventListener("htmx:afterSettle", () => show(document));
