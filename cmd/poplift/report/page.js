// Filters and sorts the table of accounts, and opens the section that a link leads to. The page is whole without it.
"use strict";
(() => {
  const list = document.getElementById("list"), tools = document.getElementById("tools");
  const make = (tag, props) => Object.assign(document.createElement(tag), props);

  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    const details = target ? target.closest("details") : null;
    if (details) {
      details.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", reveal);
  reveal();
  if (!list) return;

  const rows = [...list.tBodies[0].rows];
  const heads = [...list.tHead.rows[0].cells];
  const stateAt = heads.findIndex((h) => h.textContent === "State");
  const sectionOf = (row) => document.getElementById(row.querySelector("a").hash.slice(1)).parentNode;

  // Filter: words in the row, and a state.
  const words = make("input", { type: "search", placeholder: "Filter by name" });
  words.setAttribute("aria-label", "Filter the accounts by words");
  const state = make("select");
  state.setAttribute("aria-label", "Filter the accounts by state");
  state.append(make("option", { value: "", textContent: "All states" }));
  for (const s of new Set(rows.map((r) => r.cells[stateAt].textContent))) state.append(make("option", { value: s, textContent: s }));
  const shown = make("output");
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/);
    let n = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const ok = wanted.every((w) => text.includes(w)) && (!state.value || row.cells[stateAt].textContent === state.value);
      row.hidden = !ok;
      sectionOf(row).hidden = !ok;
      if (ok) n++;
    }
    shown.textContent = n === rows.length ? "" : n.toLocaleString("en") + " of " + rows.length.toLocaleString("en");
  };
  words.addEventListener("input", filter);
  state.addEventListener("change", filter);
  if (rows.length > 5) tools.append(words, state, shown);

  // Sort: by number and unit where there is one, else by words. A third click gives the first order back.
  const units = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, PiB: 2 ** 50, ms: 1e-3, s: 1, min: 60, h: 3600, days: 86400 };
  const key = (cell) => {
    const text = cell.textContent.trim();
    if (heads[cell.cellIndex].classList.contains("text")) return text.toLowerCase();
    let sum = text === "" || text === "–" ? -1 : 0;
    for (const m of text.replaceAll(",", "").matchAll(/([\d.]+)\s*([A-Za-z]*)/g)) sum += m[1] * (units[m[2]] || 1);
    return sum;
  };
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  heads.forEach((head, at) => {
    const button = make("button", { type: "button", textContent: head.textContent });
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const number = rows.length > 0 && typeof key(rows[0].cells[at]) === "number";
      const orders = number ? ["descending", "ascending"] : ["ascending", "descending"];
      const order = orders[orders.indexOf(before) + 1];
      heads.forEach((h) => h.removeAttribute("aria-sort"));
      let sorted = rows;
      if (order) {
        head.setAttribute("aria-sort", order);
        const sign = order === "ascending" ? 1 : -1;
        sorted = rows.map((row) => [key(row.cells[at]), row]).sort((a, b) => sign * (number ? a[0] - b[0] : compare(a[0], b[0]))).map((p) => p[1]);
      }
      list.tBodies[0].append(...sorted);
    });
  });
})();
