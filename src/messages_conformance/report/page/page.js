"use strict";
// What a reader can do on the page beyond reading: filter the failures, and copy commands. Without this script the page
// shows everything. It sends nothing, loads nothing, and never writes HTML.

const make = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

function copyButtons() {
  for (const code of document.querySelectorAll("pre > code, code.again")) {
    const button = make("button", { type: "button", className: "copy", textContent: "Copy" });
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    (code.parentElement.tagName === "PRE" ? code.parentElement : code).after(button);
  }
}

function choice(label, values) {
  const options = ["", ...values].map((value) => make("option", { value, textContent: value || `every ${label}` }));
  const select = make("select", { ariaLabel: `Show only this ${label}` }, ...options);
  return select;
}

function filters() {
  const items = [...document.querySelectorAll("[data-area]")];
  const place = document.getElementById("failures") || document.getElementById("warnings");
  if (items.length < 4 || !place) return;
  const different = (name) => [...new Set(items.map((item) => item.dataset[name]).filter(Boolean))];
  const text = make("input", { type: "search", placeholder: "Filter by text", ariaLabel: "Filter by text" });
  const harm = choice("harm", different("harm"));
  const area = choice("area", different("area").sort());
  const shown = make("output", {});
  const words = new Map(items.map((item) => [item, item.textContent.toLowerCase()]));
  const apply = () => {
    const wanted = text.value.toLowerCase();
    let number = 0;
    for (const item of items) {
      const hit = (!harm.value || item.dataset.harm === harm.value) && (!area.value || item.dataset.area === area.value)
        && words.get(item).includes(wanted);
      item.hidden = !hit;
      number += hit;
    }
    for (const heading of document.querySelectorAll("[data-heads]")) {
      heading.hidden = !heading.parentElement.querySelector("[data-area]:not([hidden])");
    }
    shown.textContent = number === items.length ? "" : `${number} of ${items.length} shown`;
  };
  for (const control of [text, harm, area]) control.addEventListener("input", apply);
  place.querySelector("h2").after(make("form", { className: "filters" }, text, harm, area, shown));
  place.querySelector("form.filters").addEventListener("submit", (event) => event.preventDefault());
}

copyButtons();
filters();
