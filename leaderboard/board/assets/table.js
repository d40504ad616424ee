// Sorting and filtering of the tables; both only reorder or hide what the page already holds.
"use strict";
(() => {
  const cellValue = (row, column) => row.children[column].dataset.value ?? "";

  function compare(a, b, numeric) {
    return numeric ? Number(a) - Number(b) : a.localeCompare(b);
  }

  function sortBy(table, column, button) {
    const header = button.closest("th");
    const numeric = header.classList.contains("num");
    const first = numeric ? "descending" : "ascending";
    const other = numeric ? "ascending" : "descending";
    const order = header.getAttribute("aria-sort") === first ? other : first;
    for (const th of table.tHead.rows[0].cells) th.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", order);
    const body = table.tBodies[0];
    const rows = [...body.rows];
    rows.sort((a, b) => {
      const [x, y] = [cellValue(a, column), cellValue(b, column)];
      if (x === "" || y === "") return (x === "") - (y === ""); // what has no value stays last
      return compare(x, y, numeric) * (order === "ascending" ? 1 : -1);
    });
    body.append(...rows);
  }

  for (const table of document.querySelectorAll("table.results")) {
    [...table.tHead.rows[0].cells].forEach((th, column) => {
      const button = th.querySelector("button");
      button.addEventListener("click", () => sortBy(table, column, button));
    });
  }
  for (const box of document.querySelectorAll(".all-metrics")) {
    const apply = () => box.closest("section").querySelector("table.results").classList.toggle("all", box.checked);
    box.addEventListener("change", apply);
    apply();
  }

  const form = document.getElementById("filters");
  function filter() {
    const { task, method, reward } = Object.fromEntries(new FormData(form));
    const fits = (node) => (!method || node.dataset.method === method) && (!reward || node.dataset.reward === reward);
    let shown = 0;
    for (const section of document.querySelectorAll("section.task")) {
      section.hidden = Boolean(task) && section.dataset.section !== task;
      let here = 0;
      for (const row of section.querySelectorAll("tr[data-entry]")) {
        row.hidden = !fits(row);
        here += !row.hidden;
      }
      section.querySelector(".none").hidden = here > 0;
      if (!section.hidden) shown += here;
    }
    for (const group of document.querySelectorAll(".run-group")) {
      group.hidden = Boolean(task) && group.dataset.section !== task;
      for (const run of group.querySelectorAll(".run")) run.hidden = !fits(run);
    }
    const any = task || method || reward;
    document.getElementById("filter-count").textContent = any ? `${shown} ${shown === 1 ? "entry" : "entries"} shown` : "";
    document.dispatchEvent(new CustomEvent("rewardmark:filter", { detail: { method, reward } }));
  }
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter)); // after the fields are back
  form.addEventListener("submit", (event) => event.preventDefault());

  function openTarget() {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") {
      target.open = true;
      target.scrollIntoView();
    }
  }
  window.addEventListener("hashchange", openTarget);
  openTarget();

  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code); // no clipboard for this page: select it, so that Ctrl+C does
        button.textContent = "Selected";
      }
    });
  }
})();
