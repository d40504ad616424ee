// The gallery of a task: truth, start and tuned predictions side by side. A run's samples load when it is chosen.
"use strict";
(() => {
  const { page, h, show, load, whenNear, overlays } = window.Rewardmark;
  const FEW = 6;

  function select(label, options, onchange) {
    const box = h("select", { onchange: (event) => onchange(event.target.value) }, options.map(([value, text]) => h("option", { value }, text)));
    return { node: h("label", {}, `${label} `, box), box };
  }

  function result(section, row, before) {
    if (!row) return h("p", { class: "muted result" }, "no prediction kept");
    const { score } = section;
    const shown = (value) => (value === null || value === score.undefined ? null : value * score.scale);
    const change = (now, then, digits) => (now === null || then === null ? null : h("span", { class: "diff" }, ` ${show(now - then, digits, true)}`));
    const items = [h("span", {}, `${score.name} `, h("b", {}, show(shown(row.score), score.digits)), before && change(shown(row.score), shown(before.score), score.digits))];
    if (row.outcome === "ok") items.push(h("span", {}, "reward ", h("b", {}, show(row.reward, 3)), before && change(row.reward, before.reward, 3)));
    else items.push(h("span", { class: row.outcome === "failed" ? "alarm" : "muted" }, row.outcome === "failed" ? "reward failed" : "reward: unscored"));
    return h("p", { class: "result" }, items);
  }

  function column(title, drawn, foot, kind) {
    return h("div", { class: `column ${kind}` }, h("h5", {}, title), drawn.view, foot, drawn.text ? h("p", { class: "muted count" }, drawn.text) : null);
  }

  function legend(section) {
    const colours = section.gallery.colours;
    if (section.task === "captioning") {
      return h("p", { class: "key" }, h("mark", { class: "hit" }, "word"), " is in a reference, ", h("span", { class: "miss" }, "word"), " is in none; articles are not marked");
    }
    const names = Object.keys(colours);
    if (!names.length) return null;
    const list = h("ul", { class: "key" }, names.map((name) => {
      const chip = h("i", { class: "chip" });
      chip.style.background = colours[name];
      return h("li", {}, chip, name);
    }));
    if (section.task === "detection") list.append(h("li", { class: "muted" }, "dashed: no truth of its category at IoU 0.5"));
    return list;
  }

  function build(root) {
    const section = page.sections.find((one) => one.key === root.dataset.section);
    if (!section.gallery.count) {
      root.append(h("p", { class: "muted" }, "These runs kept no pictures."));
      return;
    }
    const tuned = section.entries.filter((entry) => entry.tuned);
    const entries = tuned.length ? tuned : section.entries;
    const state = { entry: entries[0], run: entries[0].runs[0], order: "stride", least: 0.3, all: false };
    const status = h("p", { class: "muted status", "aria-live": "polite" });
    const list = h("div", { class: "samples" });
    const more = h("button", { type: "button", class: "quiet more-samples" });

    const entryBox = select("Entry", entries.map((entry) => [entry.index, entry.label]), (value) => {
      state.entry = entries.find((entry) => String(entry.index) === value);
      state.run = state.entry.runs[0];
      fillSeeds();
      update();
    });
    const seedBox = select("Seed", [], (value) => {
      state.run = state.entry.runs.find((run) => run.id === value);
      update();
    });
    function fillSeeds() {
      seedBox.box.replaceChildren(...state.entry.runs.map((run) => h("option", { value: run.id }, run.seed)));
    }
    const orders = [["stride", "every few, in data order"], ["up", "biggest improvement first"], ["down", "biggest regression first"], ["low", "lowest score first"]];
    const orderBox = select("Show", orders, (value) => { state.order = value; update(); });
    const controls = h("div", { class: "controls" }, entryBox.node, seedBox.node, orderBox.node);
    if (section.task === "detection") {
      const text = h("b", { class: "readout" }, show(state.least, 2)); // an output element would take the label for itself
      const slider = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: state.least, oninput: (event) => {
        state.least = Number(event.target.value);
        text.textContent = show(state.least, 2);
        update();
      } });
      controls.append(h("label", { class: "slider" }, "Boxes with score from ", text, slider));
    }
    more.addEventListener("click", () => { state.all = !state.all; update(); });
    root.append(...[controls, legend(section), status, list, more].filter(Boolean));
    fillSeeds();

    function ordered(samples, now, then) {
      const score = (rows, sample) => {
        const value = rows && rows[sample.id] ? rows[sample.id].score : null;
        return value === section.score.undefined ? null : value;
      };
      const key = {
        up: (sample) => score(then, sample) - score(now, sample),
        down: (sample) => score(now, sample) - score(then, sample),
        low: (sample) => score(now, sample),
      }[state.order];
      if (!key) return samples;
      const known = (sample) => score(now, sample) !== null && (state.order === "low" || score(then, sample) !== null);
      return [...samples].sort((a, b) => known(b) - known(a) || key(a) - key(b));
    }

    let turn = 0;
    async function update() {
      const mine = ++turn;
      const { run } = state;
      let samples, now, then;
      try {
        [samples, now, then] = await Promise.all([load(`section-${section.key}`), load(`run-${run.id}`), run.start ? load(`run-${run.start}`) : null]);
      } catch (error) {
        status.textContent = `${error.message}: the page's folder is not complete.`;
        return;
      }
      if (mine !== turn) return; // the reader has chosen something else meanwhile
      const all = ordered(samples, now, then);
      const stride = Math.max(1, Math.floor(all.length / FEW));
      const few = state.order === "stride" ? all.filter((_, k) => k % stride === 0).slice(0, FEW) : all.slice(0, FEW);
      const chosen = state.all ? all : few;
      const rule = state.order === "stride" ? (state.all || stride === 1 ? "in the data's own order" : `every ${stride}th in the data's own order`) : orders.find(([value]) => value === state.order)[1];
      status.textContent = `${chosen.length} of ${all.length} kept samples, ${rule}. Kept are the first of the evaluation data, chosen before any result.`;
      more.textContent = state.all ? "Show fewer" : `Show all ${all.length}`;
      more.hidden = all.length <= FEW;
      list.replaceChildren(...chosen.map((sample) => card(sample, now, then)));
    }

    function card(sample, now, then) {
      const open = () => enlarge(sample, now, then);
      const node = h("article", { class: `sample of-${section.task}` },
        h("header", {}, h("h4", {}, `Sample ${sample.id}`), h("button", { type: "button", class: "enlarge", "aria-label": `Enlarge sample ${sample.id}`, onclick: open }, "Enlarge")),
        columnsOf(sample, now, then, 320));
      for (const view of node.querySelectorAll(".pic")) view.addEventListener("click", open);
      return node;
    }

    function enlarge(sample, now, then) {
      const close = h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Close");
      const title = `${state.entry.label}, seed ${state.run.seed} · sample ${sample.id}`;
      const dialog = h("dialog", { class: `large of-${section.task}`, "aria-label": title, onclose: () => dialog.remove() },
        h("header", {}, h("h4", {}, title), close), columnsOf(sample, now, then, 560));
      dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
      document.body.append(dialog);
      dialog.showModal();
    }

    function columnsOf(sample, now, then, units) {
      const context = { least: state.least, colours: section.gallery.colours, units, large: units > 320 };
      const draw = (drawn) => overlays.draw(section.task, sample, drawn, context);
      const nothing = { view: h("p", { class: "muted" }, "none"), text: "" };
      const seen = overlays.input(sample, section.task);
      const columns = [];
      if (seen) columns.push(column(seen.title, { view: seen.view, text: "" }, null, "input"));
      columns.push(column(section.task === "captioning" ? "References" : "Truth", draw(sample.truth), null, "truth"));
      const before = then && then[sample.id], after = now[sample.id];
      if (state.run.start) columns.push(column("Start", before ? draw(before.drawn) : nothing, result(section, before, null), "start"));
      columns.push(column(state.run.start ? "Tuned" : "Prediction", after ? draw(after.drawn) : nothing, result(section, after, before), "tuned"));
      return h("div", { class: `columns n${columns.length}` }, columns);
    }
    update();
  }

  for (const root of document.querySelectorAll(".gallery")) whenNear(root, () => build(root));
})();
