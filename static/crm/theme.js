// Switches the theme without leaving the page (the form alone does it by a round trip).
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-theme-switch]");
  if (!form || !event.submitter) return;
  event.preventDefault();
  const chosen = event.submitter.value;
  const age = chosen ? 31536000 : 0;
  document.cookie = `theme=${chosen}; path=/; max-age=${age}; samesite=lax`;
  if (chosen) document.documentElement.dataset.bsTheme = chosen;
  else delete document.documentElement.dataset.bsTheme;
  document.querySelector("meta[name=color-scheme]").content = chosen || "light dark";
  for (const button of form.querySelectorAll("button")) button.ariaPressed = String(button === event.submitter);
});
