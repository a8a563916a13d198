// Hiding models, sorting tables, values at the pointer. Without it everything can still be read.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");

  // A model's switch, and all that is drawn of it, are of one run: several may be on the page.
  for (const article of document.querySelectorAll("article")) {
    for (const button of article.querySelectorAll("[data-hides]")) {
      button.addEventListener("click", () => {
        const isShown = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(isShown));
        for (const one of article.querySelectorAll(`[data-m="${button.dataset.hides}"]`)) {
          one.classList.toggle("hidden", !isShown);
        }
      });
    }
  }

  // "≥ 187,029/s", "1.5 ms" and "45 B" as numbers of one unit; what isn't one comes last.
  const units = { "µs": 1e-6, ms: 1e-3, s: 1, B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };
  const number = (cell) => {
    if (cell.dataset.v !== undefined) return cell.dataset.v === "" ? NaN : Number(cell.dataset.v);
    const found = /^[^\d-]*(-?[\d,]*\.?\d+)\s*(µs|ms|s|kB|MB|GB|B)?/.exec(cell.textContent);
    return found ? Number(found[1].replaceAll(",", "")) * (units[found[2]] ?? 1) : NaN;
  };
  const compare = (a, b, column, sign) => {
    const [left, right] = [a, b].map((row) => row.cells[column]);
    const [x, y] = [number(left), number(right)];
    const isText = column === 0 || (Number.isNaN(x) && Number.isNaN(y));
    if (isText) return sign * left.textContent.localeCompare(right.textContent);
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return sign * (x - y);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const isAscending = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", isAscending ? "ascending" : "descending");
        const rows = [...body.rows];
        rows.sort((a, b) => compare(a, b, column, isAscending ? 1 : -1));
        body.append(...rows);
      });
    });
  }

  // Browsers show a title late, or on a touch never.
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  const place = (event) => {
    const { clientX: x, clientY: y } = event;
    const left = Math.min(x + 14, innerWidth - tip.offsetWidth - 8);
    const isBelow = y + 18 + tip.offsetHeight < innerHeight;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${isBelow ? y + 18 : y - tip.offsetHeight - 10}px`;
  };
  // Where ours shows, the browser's own would be said twice.
  for (const title of document.querySelectorAll("svg g > title")) {
    title.parentNode.dataset.tip = title.textContent;
    title.remove();
  }
  document.addEventListener("pointermove", (event) => {
    const of = event.target.closest?.("[data-tip]");
    tip.hidden = !of;
    if (of) {
      tip.textContent = of.dataset.tip;
      place(event);
    }
  });
  document.addEventListener("pointerleave", () => { tip.hidden = true; });
})();
