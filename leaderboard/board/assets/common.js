// What the page's scripts share: its data, building of elements (text is always text, never markup), numbers, loading.
"use strict";
window.Rewardmark = (() => {
  const page = JSON.parse(document.getElementById("page-data").textContent);
  const SVG = "http://www.w3.org/2000/svg";

  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
    return node;
  }
  const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  /** A number as the tables write it: fixed digits, a real minus sign, never a negative zero. */
  function show(value, digits, sign) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "–";
    const text = value.toFixed(digits);
    if (!/[1-9]/.test(text)) return text.replace("-", "");
    return text.startsWith("-") ? "−" + text.slice(1) : (sign ? "+" : "") + text;
  }

  const waiting = new Map();
  /** The content of assets/samples/NAME.js, loaded once. Pages from disk may load scripts but not read files. */
  function load(name) {
    if (!waiting.has(name)) {
      const entry = {};
      entry.promise = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
      waiting.set(name, entry);
      const path = `assets/samples/${name}.js`;
      document.head.append(h("script", { src: path, onerror: () => entry.reject(new Error(`${path} could not be loaded`)) }));
    }
    return waiting.get(name).promise;
  }
  window.rewardmarkData = (name, content) => waiting.get(name).resolve(content);

  /** Call `start` once, when `node` is near the window. */
  function whenNear(node, start) {
    const watcher = new IntersectionObserver((seen) => {
      if (seen.some((entry) => entry.isIntersecting)) {
        watcher.disconnect();
        start();
      }
    }, { rootMargin: "600px" });
    watcher.observe(node);
    window.addEventListener("beforeprint", () => { watcher.disconnect(); start(); }, { once: true });
  }

  const section = (key) => page.sections.find((one) => one.key === key);
  return { page, section, h, s, show, load, whenNear };
})();
