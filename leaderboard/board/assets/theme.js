// Light or dark, before anything is drawn, so that a reload does not flash. Without a choice the system's is followed.
"use strict";
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const choices = ["system", "light", "dark"];
  let choice = "system";
  try {
    choice = localStorage.getItem("rewardmark-theme") || "system";
  } catch {
    // a browser may refuse storage to pages from disk: then a choice lasts as long as the page
  }

  function apply() {
    const dark = choice === "dark" || (choice === "system" && system.matches);
    root.dataset.theme = dark ? "dark" : "light";
    const name = document.getElementById("theme-name");
    if (name) name.textContent = { system: "System theme", light: "Light", dark: "Dark" }[choice];
  }

  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", () => {
      choice = choices[(choices.indexOf(choice) + 1) % choices.length];
      try {
        localStorage.setItem("rewardmark-theme", choice);
      } catch {
        // as above
      }
      apply();
    });
  });
})();
