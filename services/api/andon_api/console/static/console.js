// Keeps the page live, and asks before a cancel. Everything else is the server's.
"use strict";

const live = () => document.getElementById("live");
const connection = document.getElementById("connection");
const asking = new Set(); // actions under way: a look in between would show the state before them
const PATIENCE = 10000; // after that an answer is not waited for any more
const SELDOM = 5000; // how often a page looks by itself that is told of changes
let looking = false;
let again = false;
let change = ""; // the newest that the page was told of
let lookedAt = Date.now();

function look() {
  const region = live();
  const waiting = looking && Date.now() - lookedAt < PATIENCE;
  if (waiting) again = true; // what it is shown may be older than what it is to see
  if (!region || waiting || asking.size) return;
  looking = true;
  again = false;
  lookedAt = Date.now();
  htmx.trigger(region, "refresh");
}

// A page that nobody sees asks nothing.
setInterval(() => {
  const own = Number(live()?.dataset.every);
  const every = own && source?.readyState === EventSource.OPEN ? Math.max(own, SELDOM) : own;
  if (every && !document.hidden && Date.now() - lookedAt >= every) look();
}, 200);
document.addEventListener("visibilitychange", () => {
  follow();
  if (!document.hidden) look();
});

// The page is told of each change. Where that isn't to be had, it looks by itself.
let source = null;
function follow() {
  source?.close();
  source = null;
  const region = live();
  if (document.hidden || !region?.dataset.on || !Number(region.dataset.every)) return;
  source = new EventSource(`/live?${region.dataset.on}`);
  source.addEventListener("changed", (event) => {
    change = event.data;
    look();
  });
}
window.addEventListener("pagehide", () => source?.close());
follow();

// Says that a request comes from a page of ours: a cookie alone changes nothing.
document.body.addEventListener("htmx:configRequest", (event) => {
  if (change && event.detail.triggeringEvent?.type === "refresh") event.detail.headers["X-Change"] = change;
  const token = document.querySelector("meta[name=csrf-token]");
  if (token) event.detail.headers["X-CSRF-Token"] = token.content;
});

const isLook = (event) => event.detail.requestConfig?.triggeringEvent?.type === "refresh";

document.body.addEventListener("htmx:beforeRequest", (event) => { if (!isLook(event)) asking.add(event.detail.xhr); });

document.body.addEventListener("htmx:afterRequest", (event) => {
  const reached = event.detail.xhr.status !== 0;
  connection.hidden = reached;
  if (isLook(event)) {
    looking = false;
    if (again) setTimeout(look, 0);
    return;
  }
  asking.delete(event.detail.xhr);
  const done = event.detail.elt.dataset?.done;
  if (event.detail.successful && done) say(done);
  setTimeout(look, 0); // also after an error: what stood in the way is then shown
  if (!event.detail.successful) say(event.detail.xhr.responseText.replace(/<[^>]*>/g, "").trim() || "No connection.");
});

// What a person has opened stays open, and what went wrong stays said, until they do something else.
Idiomorph.defaults.ignoreActiveValue = true;
Object.assign(Idiomorph.defaults.callbacks, {
  beforeNodeMorphed: (old) => !(old instanceof Element && old.hasAttribute("data-keep")),
  beforeAttributeUpdated: (name, element) => !(name === "open" && element.tagName === "DETAILS"),
});

// A look that fails leaves the page as it is; the next one mends it.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (isLook(event) && event.detail.xhr.status >= 400 && event.detail.xhr.status !== 404) event.detail.shouldSwap = false;
  if (isLook(event)) noteStatuses();
});

// A list whose end a person sees keeps showing its end.
let elsewhere = [];
const lists = () => [...document.querySelectorAll("[data-follow]")];
const isAtEnd = (list) => list.scrollTop + list.clientHeight >= list.scrollHeight - 8;
const toEnd = () => { for (const list of lists()) if (!elsewhere.includes(list.id)) list.scrollTop = list.scrollHeight; };
document.body.addEventListener("htmx:beforeSwap", () => { elsewhere = lists().filter((list) => !isAtEnd(list)).map((list) => list.id); });
document.body.addEventListener("htmx:afterSettle", toEnd);
toEnd();

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = Object.assign(document.createElement("textarea"), { value: text }); // a page without TLS has no clipboard
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

// Copy: an id, or the text of what is named.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const text = button.dataset.copy ?? document.querySelector(button.dataset.copyFrom)?.innerText ?? "";
  await copy(text);
  say(button.dataset.copied ?? "Copied");
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), 1200);
});

function say(text) {
  document.getElementById("said").textContent = text;
}

// What changed, for those who can't see it change.
let statuses = new Map();
function noteStatuses() {
  statuses = readStatuses();
}
function readStatuses() {
  const found = new Map();
  for (const each of document.querySelectorAll("#live [data-status]")) {
    const title = each.querySelector("h1, h2")?.textContent.trim();
    found.set(title, each.dataset.status);
  }
  return found;
}
document.body.addEventListener("htmx:afterSettle", () => {
  for (const [title, status] of readStatuses()) {
    const before = statuses.get(title);
    if (before && before !== status) say(`${title}: ${status}`);
  }
});

// Cancel: ask first, in the page's one dialog.
const dialog = document.getElementById("cancel-dialog");
let asked = null;

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-cancel], [data-ask]");
  if (!button) return;
  const cancels = Boolean(button.dataset.cancel);
  asked = { id: button.id, url: button.dataset.cancel ?? button.dataset.ask, error: button.dataset.error, cancels };
  for (const each of dialog.querySelectorAll("[data-of-cancel]")) each.hidden = !cancels;
  dialog.querySelector("[value=cancel]").classList.toggle("danger", cancels);
  dialog.querySelector("[value=cancel]").classList.toggle("primary", !cancels);
  document.getElementById("cancel-title").textContent = button.dataset.title ?? "Cancel Report Generation?";
  document.getElementById("cancel-what").textContent = button.dataset.what ?? "";
  dialog.querySelector("[value=keep]").textContent = button.dataset.keep ?? "Keep Generating";
  dialog.querySelector("[value=cancel]").textContent = button.dataset.confirm ?? "Cancel Report";
  dialog.querySelector("[name=reason]").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  dialog.querySelector("[value=keep]").focus();
});

dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close("keep"); });

// Enter in the reason must not press the first button, which keeps.
dialog.querySelector("[name=reason]").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  dialog.querySelector("[value=cancel]").focus();
});

dialog.addEventListener("close", () => {
  const { id, url, error, cancels } = asked ?? {};
  asked = null;
  if (dialog.returnValue !== "cancel" || !url) return;
  const button = document.getElementById(id);
  if (button) {
    button.disabled = true;
    if (cancels) button.textContent = "Cancelling...";
  }
  if (cancels) say("Cancelling...");
  const reason = dialog.querySelector("[name=reason]").value;
  htmx.ajax("POST", url, { source: document.querySelector(error), target: error, swap: "innerHTML", values: { reason } })
    .finally(() => {
      if (button && !cancels) button.disabled = false;
      look();
    });
});

// Forms: filters submit as they change; an upload shows how far it is.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// A form that was refused marks the fields that are wrong, until they are changed.
document.body.addEventListener("htmx:afterSwap", (event) => {
  const said = event.detail.target.querySelector?.("[data-wrong]");
  const form = event.detail.elt.closest("form") ?? event.detail.target.closest("form");
  if (!form) return;
  for (const each of form.querySelectorAll("[aria-invalid]")) each.removeAttribute("aria-invalid");
  if (!said) return;
  said.id ||= `wrong-${event.detail.target.id}`;
  const names = said.dataset.wrong.split(" ");
  const wrong = [...form.elements].filter((each) => each.type !== "hidden" && names.some((name) => each.name === name || each.id === name));
  for (const each of wrong) {
    each.setAttribute("aria-invalid", "true");
    each.setAttribute("aria-errormessage", said.id);
  }
  wrong[0]?.focus();
});
document.addEventListener("input", (event) => event.target.removeAttribute?.("aria-invalid"));

// What was counted for one form isn't true of another.
document.addEventListener("input", (event) => {
  const clears = event.target.form?.dataset.clears;
  if (clears && event.target.name !== "reason") document.querySelector(clears).replaceChildren();
});

document.body.addEventListener("htmx:xhr:progress", (event) => {
  const bar = event.target.querySelector?.("#upload");
  if (!bar || !event.detail.lengthComputable) return;
  bar.hidden = false;
  bar.value = event.detail.loaded / event.detail.total;
});
document.body.addEventListener("htmx:afterRequest", (event) => {
  const bar = event.target.querySelector?.("#upload");
  if (bar) bar.hidden = true;
});
