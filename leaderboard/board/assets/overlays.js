// How each task's truth and predictions are drawn over a picture.
"use strict";
window.Rewardmark.overlays = (() => {
  const { h, s, show } = window.Rewardmark;
  const MOST_NAMED = 9; // more names than this hide the picture; colours, pointing and the large view still tell

  function iou(a, b) {
    const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), t = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
    if (w <= 0 || t <= 0) return 0;
    const area = (c) => (c[2] - c[0]) * (c[3] - c[1]);
    return (w * t) / (area(a) + area(b) - w * t);
  }

  /** Which boxes find a truth of their own at IoU 0.5, best score first, as in COCO's evaluation. */
  function matches(boxes, truths) {
    const taken = new Set();
    return boxes.map((box) => {
      let best = -1, most = 0.5;
      truths.forEach((truth, k) => {
        const overlap = taken.has(k) || truth[4] !== box[4] ? 0 : iou(box, truth);
        if (overlap >= most) [best, most] = [k, overlap];
      });
      if (best >= 0) taken.add(best);
      return best >= 0;
    });
  }

  function picture(sample, src, alt, ...over) {
    const img = h("img", { src, alt, loading: "lazy", decoding: "async", width: sample.width, height: sample.height });
    const frame = h("div", { class: sample.width < 160 ? "pic pixels" : "pic" }, img, over);
    frame.style.aspectRatio = `${sample.width} / ${sample.height}`;
    return frame;
  }

  /** An overlay has coordinates of its own, `units` wide, so that lines and letters look the same on any picture. */
  function overlay(sample, label, units) {
    const height = (units * sample.height) / sample.width;
    return s("svg", { viewBox: `0 0 ${units} ${height}`, role: "img", "aria-label": label });
  }

  function tag(x, y, text, colour, width) {
    const length = text.length * 10.6 + 10;
    const left = Math.max(0, Math.min(x, width - length));
    const top = Math.max(0, y);
    return s("g", { class: "tag-box" }, s("rect", { x: left, y: top, width: length, height: 23, fill: colour, rx: 3 }),
      s("text", { x: left + 5, y: top + 17 }, text));
  }

  function detection(sample, drawn, context) {
    const k = context.units / sample.width;
    const truth = drawn === sample.truth;
    const boxes = drawn.boxes.filter((box) => truth || box[5] >= context.least);
    const found = truth ? boxes.map(() => true) : matches(boxes, sample.truth.boxes);
    const names = boxes.map((box) => (truth ? box[4] : `${box[4]} ${show(box[5], 2)}`)).join(", ");
    const svg = overlay(sample, `${boxes.length} boxes: ${names || "none"}`, context.units);
    const tags = [];
    const named = context.large || boxes.length <= MOST_NAMED;
    boxes.forEach((box, n) => {
      const colour = context.colours[box[4]];
      const [x, y, w, t] = [box[0] * k, box[1] * k, (box[2] - box[0]) * k, (box[3] - box[1]) * k];
      const common = { x, y, width: Math.max(w, 1), height: Math.max(t, 1), fill: "none" };
      svg.append(s("rect", { ...common, class: "casing" }));
      const name = truth ? box[4] : `${box[4]} ${show(box[5], 2)}`;
      svg.append(s("rect", { ...common, class: found[n] ? "box" : "box missed", stroke: colour }, s("title", {}, name)));
      if (named) tags.push(tag(x - 1.5, y - 24, name, colour, context.units));
    });
    svg.append(...tags.reverse()); // the surest prediction's name lies on top
    const hidden = drawn.boxes.length - boxes.length;
    const text = truth ? `${boxes.length} objects` : `${boxes.length} boxes, ${found.filter(Boolean).length} right${hidden ? `; ${hidden} less sure hidden` : ""}`;
    return { view: picture(sample, sample.image, `picture ${sample.id}`, svg), text };
  }

  function panoptic(sample, drawn, context) {
    const k = context.units / sample.width;
    const said = drawn.list.map(([name, share]) => `${name} ${show(share * 100, 0)}%`).join(", ");
    const svg = overlay(sample, said || "no segment", context.units);
    svg.append(s("path", { class: "edge under", d: drawn.lines, transform: `scale(${k})` }), s("path", { class: "edge", d: drawn.lines, transform: `scale(${k})` }));
    for (const [x, y, name] of drawn.names) svg.append(s("text", { class: "seg-name", x: Math.min(Math.max(x * k, 30), context.units - 30), y: y * k + 6 }, name));
    const fill = h("img", { class: "fill", src: drawn.fill, alt: "", width: sample.width, height: sample.height });
    const frame = picture(sample, sample.image, `picture ${sample.id}`, fill, svg);
    frame.classList.add("segments");
    return { view: frame, text: `${drawn.list.length} categories` };
  }

  function colorization(sample, drawn) {
    const truth = drawn === sample.truth;
    return { view: picture(sample, drawn.src, truth ? `picture ${sample.id}, its own colours` : `picture ${sample.id}, predicted colours`), text: "" };
  }

  function captioning(sample, drawn) {
    if (drawn.texts) return { view: h("ul", { class: "texts" }, drawn.texts.map((text) => h("li", {}, text))), text: `${drawn.texts.length} references` };
    const marks = { 1: "hit", "-1": "miss" };
    const pieces = drawn.words.map(([piece, mark]) => (mark ? h(mark > 0 ? "mark" : "span", { class: marks[mark] }, piece) : piece));
    return { view: h("p", { class: "caption-text" }, pieces.length ? pieces : h("span", { class: "muted" }, "(empty)")), text: "" };
  }

  function other(sample, drawn) {
    return { view: h("pre", { class: "plain-text" }, drawn.text), text: "" };
  }

  /** Pictures that stand before the truth: what the model saw, where the truth does not show it. */
  function input(sample, task) {
    if (task === "colorization") return { title: "Input", view: picture(sample, sample.grey, `picture ${sample.id} in grey`) };
    if (task === "detection" || task === "panoptic") return null;
    return { title: "Picture", view: picture(sample, sample.image, `picture ${sample.id}`) };
  }

  const draw = { detection, panoptic, colorization, captioning };
  return { draw: (task, sample, drawn, context) => (draw[task] || other)(sample, drawn, context), input };
})();
