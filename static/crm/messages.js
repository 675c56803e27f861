// Messages in the page's live region: can be closed, leave by themselves when all is well, and are read out on page load.
// Anything marked data-announce in a swapped fragment (such as a result count) is read out too.
const STAY = 10000;

function settle(message) {
  const close = message.querySelector("[data-message-close]");
  close.hidden = false;
  close.addEventListener("click", () => message.remove());
  if (message.matches(".message-error, .message-warning")) return;
  const wait = () => setTimeout(() => (message.matches(":hover, :focus-within") ? wait() : message.remove()), STAY);
  wait();
}

const region = document.getElementById("messages");
// A live region speaks of what changes: what stood there from the start has to come again.
const present = [...region.children];
present.forEach((message) => message.remove());
new MutationObserver((records) => {
  for (const record of records) for (const node of record.addedNodes) if (node.matches?.("[data-message]")) settle(node);
}).observe(region, { childList: true });
setTimeout(() => region.append(...present), 100);

document.addEventListener("htmx:afterSwap", (event) => {
  const news = event.target.parentElement?.querySelector("[data-announce]");
  if (news) document.getElementById("announcer").textContent = news.textContent;
});
