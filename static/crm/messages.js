// Messages in the page's live region: can be closed, leave by themselves when all is well, and are read out on page load.
// Read out too, but not shown: anything marked data-announce in a swapped fragment (such as a result count), and the text of
// every event crm:announce.
const STAY = 10000;
const GATHER = 100;

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
  if (news) announce(news.textContent);
});

// What comes at almost the same time is read as one; none displaces another, and the same words again are new words.
let said = [];
function announce(text) {
  const announcer = document.getElementById("announcer");
  announcer.textContent = "";
  if (said.push(text) > 1) return;
  setTimeout(() => {
    announcer.textContent = said.join(" ");
    said = [];
  }, GATHER);
}
document.addEventListener("crm:announce", (event) => announce(event.detail));
