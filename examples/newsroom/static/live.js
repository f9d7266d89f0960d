// Keeps what is marked data-live as it is on the server, without a reload. The
// pages work without it.
"use strict";

const every = 1500;
const last = new Map(); // what the server last sent, by id

const typing = (node) =>
  node.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");

// Changed children are replaced, the others stay: what is open stays open, and
// what somebody types is left alone.
function renew(old, fresh) {
  const kept = new Map([...old.children].map((child) => [child.id, child]));
  const next = [...fresh.children].map((child) => {
    const before = kept.get(child.id);
    if (!child.id || !before) return child;
    if (last.get(child.id) === child.outerHTML || typing(before)) return before;
    for (const open of before.querySelectorAll("details[open][id]")) {
      child.querySelector("#" + CSS.escape(open.id))?.setAttribute("open", "");
    }
    return child;
  });
  for (const child of fresh.children) if (child.id) last.set(child.id, child.outerHTML);
  if (next.length !== old.children.length || next.some((child, i) => child !== old.children[i])) old.replaceChildren(...next);
}

function remember(page) {
  for (const part of page.querySelectorAll("[data-live]")) {
    last.set(part.id, part.outerHTML);
    for (const child of part.children) if (child.id) last.set(child.id, child.outerHTML);
  }
}

async function look() {
  if (document.visibilityState === "hidden") return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || fresh.outerHTML === last.get(part.id)) continue;
    const sent = fresh.outerHTML;
    if (part.matches("[role=status]")) part.textContent = fresh.textContent;
    else renew(part, fresh);
    last.set(part.id, sent);
  }
}

async function again() {
  try {
    await look();
  } catch {
    // The server is away. It may come back.
  }
  setTimeout(again, every);
}

if (document.querySelector("[data-live]")) {
  remember(document);
  setTimeout(again, every);
}
