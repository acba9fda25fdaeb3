// Follows the command at work, and copies commands. Without it the page works too: it has to be loaded again by hand.
"use strict";

(() => {
  const texts = document.body.dataset;
  const panel = document.getElementById("run");
  const state = document.getElementById("run-state");
  const lines = document.getElementById("run-lines");

  function busy(yes) {
    panel.dataset.busy = yes ? "yes" : "";
    for (const button of document.querySelectorAll("form button")) {
      button.disabled = yes;
    }
  }

  function say(text) {
    panel.hidden = false;
    if (state.textContent !== text) {
      state.textContent = text;
    }
  }

  function write(text) {
    lines.textContent = text;
    lines.scrollTop = lines.scrollHeight;
  }

  // The parts that a command changes are taken from the page as it is now; what is folded open stays so.
  async function refresh() {
    if (!document.querySelector("[data-live]")) {
      return;
    }
    const answer = await fetch(location.pathname + location.search, { credentials: "same-origin" });
    if (!answer.ok) {
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const open = [...document.querySelectorAll("main details[open][id]")].map((each) => each.id);
    const focused = document.activeElement && document.activeElement.id;
    for (const part of document.querySelectorAll("[data-live]")) {
      const now = fresh.getElementById(part.id);
      if (now) {
        part.replaceWith(document.adoptNode(now));
      }
    }
    for (const id of open) {
      const again = document.getElementById(id);
      if (again) {
        again.open = true;
      }
    }
    if (focused && document.activeElement === document.body) {
      const again = document.getElementById(focused);
      if (again) {
        again.focus({ preventScroll: true });
      }
    }
    offerCopies();
  }

  // What an address points at is folded open.
  function unfold() {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") {
      target.open = true;
      target.scrollIntoView();
    }
  }

  function offerCopies() {
    if (!navigator.clipboard) {
      return;
    }
    for (const block of document.querySelectorAll("pre.command:not(.offers)")) {
      const text = block.querySelector("code").textContent;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = texts.copy;
      button.setAttribute("aria-label", `${texts.copy}: ${text}`);
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(text);
        button.textContent = texts.copied;
        setTimeout(() => {
          button.textContent = texts.copy;
        }, 2000);
      });
      block.classList.add("offers");
      block.append(button);
    }
  }

  let run = Number(panel.dataset.run);
  let atWork = panel.dataset.busy === "yes";
  const events = new EventSource("/events");

  function ended(told) {
    say(told.text);
    panel.querySelector("details").open = told.failed;
    write(told.lines.join("\n"));
    busy(false);
    atWork = false;
    refresh();
  }

  events.addEventListener("run", (event) => {
    const told = JSON.parse(event.data);
    const known = told.run === run;
    run = told.run;
    write(told.lines.join("\n"));
    if (told.text === "") {
      say(`${told.title} …`);
      panel.querySelector("details").open = true;
      busy(true);
      atWork = true;
    } else if (!known || atWork) {
      ended(told);
    }
  });
  events.addEventListener("line", (event) => {
    const told = JSON.parse(event.data);
    write(lines.textContent ? `${lines.textContent}\n${told.text}` : told.text);
  });
  events.addEventListener("end", (event) => ended(JSON.parse(event.data)));
  events.addEventListener("gone", (event) => {
    events.close();
    say(JSON.parse(event.data).text);
    busy(true);
    panel.dataset.busy = "";
  });
  events.addEventListener("error", () => say(texts.lost));
  events.addEventListener("open", () => {
    if (state.textContent === texts.lost) {
      say("");
      panel.hidden = run === 0;
    }
  });

  window.addEventListener("pagehide", () => events.close());
  window.addEventListener("hashchange", unfold);
  unfold();
  offerCopies();
})();
