// Draws what the server decided: labels, series, units and texts come ready; this only places them on a canvas.
"use strict";
(() => {
  const drawn = new Map(); // canvas -> Chart
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const seriesColour = (id) => colour(typeof id === "number" ? `--c${id}` : `--state-${id}`);

  const short = (value) => Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 }).format(value);
  // As `money` of dashboard/formatting.py writes it: axes and tables say an amount alike, and a test holds them to it.
  const dollars = (nano) => {
    const exact = Math.abs(nano) / 1e9, usd = exact < 0.01 ? Number(exact.toPrecision(2)) : exact;
    const few = usd > 0 && usd < 1 ? (usd < 0.01 ? 1 - Math.floor(Math.log10(usd) + 1e-12) : 4) : 2;
    return `${nano < 0 ? "−" : ""}$${usd.toLocaleString("en", { minimumFractionDigits: few, maximumFractionDigits: few })}`;
  };
  const rounded = (value) => Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 6 });
  const gibibytes = (bytes) => `${Number((bytes / 2 ** 30).toPrecision(3))} GiB`;
  const ticks = { bytes: gibibytes, usd: dollars, s: (ms) => `${rounded(ms / 1000)} s`, ms: (ms) => `${rounded(ms)} ms`, share: (v) => `${Number((v * 100).toPrecision(4))} %`, requests: short, rate: short, tokens: short };

  // A layer of which nothing is known takes no room between those of which something is: a gap would leave the next one unfilled.
  function grounded(values, chart) {
    const layers = chart.series.filter((series) => series.kind === "area");
    return values.map((value, i) => value ?? (layers.some((layer) => layer.values[i] != null) ? 0 : null));
  }

  function dataset(series, index, chart) {
    const ink = seriesColour(series.colour);
    if (series.kind === "bar") {
      const fill = series.values.map((_, i) => (chart.partial.includes(i) ? ink + "80" : ink));
      return { type: "bar", label: series.label, data: series.values, backgroundColor: fill, stack: "all", maxBarThickness: 34, order: 2 };
    }
    const area = series.kind === "area"; // on the one before it
    const alone = (ctx) => series.values[ctx.dataIndex - 1] == null && series.values[ctx.dataIndex + 1] == null;
    const unfinished = (ctx) => chart.partial.includes(ctx.p0DataIndex) || chart.partial.includes(ctx.p1DataIndex);
    return {
      type: "line", label: series.label, data: area ? grounded(series.values, chart) : series.values, borderColor: ink, backgroundColor: ink + (area ? "b3" : "26"), borderWidth: area ? 1 : 1.75, tension: 0,
      stack: area ? "all" : `line${index}`, stepped: area ? "middle" : false,
      borderDash: series.dashed ? [5, 4] : [], fill: area ? (index ? "-1" : "origin") : series.band ? index - 1 : false, spanGaps: false, order: area ? 2 : 1,
      pointStyle: series.points ? "triangle" : "circle", pointRotation: series.points === "down" ? 180 : 0,
      showLine: !series.dots, pointRadius: (ctx) => (series.points ? 5 : series.dots || alone(ctx) ? 2.5 : 0), pointHitRadius: 10, pointBackgroundColor: ink, pointBorderWidth: 0,
      segment: { borderDash: (ctx) => (unfinished(ctx) ? [2, 4] : undefined) },
    };
  }

  // The link in the table below that leads to the requests behind a bar or a point.
  function behind(event, drawn) {
    const [hit] = drawn.getElementsAtEventForMode(event.native, "nearest", { intersect: true }, true);
    const body = hit && drawn.canvas.closest(".chart").querySelector(".behind tbody");
    return body && body.rows[body.rows.length - 1 - hit.index].cells[hit.datasetIndex + 1].querySelector("a");
  }
  const openBehind = (event, elements, drawn) => behind(event, drawn)?.click();

  function options(chart) {
    const muted = colour("--muted");
    const format = ticks[chart.unit];
    const nothing = chart.series.every((series) => series.values.every((value) => !value));
    const peak = Math.max(...chart.series.flatMap((series) => series.values.map(Number)));
    const step = chart.unit === "bytes" ? 2 ** Math.max(28, Math.ceil(Math.log2(peak / 5))) : undefined; // whole GiB, as memory is bought
    const top = nothing && chart.unit === "usd" ? 1e7 : undefined; // a cent, else the axis of nothing counts nano-dollars
    return {
      onClick: openBehind,
      onHover: (event, elements, drawn) => { drawn.canvas.classList.toggle("leads", Boolean(behind(event, drawn))); },
      animation: false, responsive: true, maintainAspectRatio: false, interaction: { mode: "index", intersect: false },
      scales: {
        x: { stacked: chart.stacked, grid: { display: false }, border: { color: colour("--line-strong") }, ticks: { color: muted, maxRotation: 0, autoSkipPadding: 18, maxTicksLimit: chart.marks ?? 11 } },
        y: { stacked: chart.stacked, beginAtZero: true, suggestedMax: top, border: { display: false }, grid: { color: colour("--line") }, ticks: { color: muted, maxTicksLimit: 6, stepSize: step, precision: chart.unit === "requests" ? 0 : undefined, callback: format } },
      },
      plugins: {
        legend: { display: false }, // the page has one of its own, in words
        tooltip: {
          itemSort: (a, b) => a.datasetIndex - b.datasetIndex,
          filter: (item) => item.raw !== 0 || chart.series.length === 1,
          callbacks: { label: (item) => ` ${item.dataset.label}: ${chart.texts[item.datasetIndex][item.dataIndex]}` },
        },
      },
    };
  }

  function draw(canvas) {
    const source = document.getElementById(canvas.dataset.chart).textContent;
    const chart = JSON.parse(source);
    const datasets = chart.series.map((series, index) => dataset(series, index, chart));
    drawn.set(canvas, new Chart(canvas, { data: { labels: chart.labels, datasets }, options: options(chart) }));
    drawn.get(canvas).source = source;
  }

  // In place: a live page's charts stay the same elements.
  function redraw(canvas, drawn) {
    const source = document.getElementById(canvas.dataset.chart).textContent;
    if (source === drawn.source) return;
    const chart = JSON.parse(source);
    drawn.source = source;
    drawn.data = { labels: chart.labels, datasets: chart.series.map((series, index) => dataset(series, index, chart)) };
    drawn.options = options(chart);
    drawn.update("none");
  }

  // A page that lives puts other numbers into a chart's data block: the canvas stays, and so does the table beside it.
  function renew(block) {
    const canvas = document.querySelector(`canvas[data-chart="${block.id}"]`);
    const chart = JSON.parse(block.textContent), drawing = drawn.get(canvas);
    if (drawing) {
      drawing.data.labels = chart.labels;
      chart.series.forEach((series, index) => Object.assign(drawing.data.datasets[index], dataset(series, index, chart)));
      drawing.options = options(chart);
      drawing.update("none");
    }
    canvas.setAttribute("aria-label", chart.sentence);
    const figure = canvas.closest("figure");
    figure.querySelector("figcaption").textContent = chart.sentence;
    for (const [number, row] of [...figure.querySelectorAll("tbody tr")].entries()) {
      const bucket = chart.labels.length - 1 - number; // the newest stands first
      [chart.labels, ...chart.texts].forEach((column, place) => { row.cells[place].textContent = column[bucket]; });
    }
  }

  function drawAll() {
    for (const [canvas, chart] of drawn) {
      if (!canvas.isConnected) { chart.destroy(); drawn.delete(canvas); }
    }
    if (!window.Chart) return;
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    for (const canvas of document.querySelectorAll("canvas[data-chart]")) {
      if (drawn.has(canvas)) redraw(canvas, drawn.get(canvas));
      else draw(canvas);
    }
  }

  function drawAnew() { // other colours
    for (const [canvas, chart] of drawn) { chart.destroy(); drawn.delete(canvas); }
    drawAll();
  }

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    if (!navigator.clipboard) { // a page that came over plain HTTP may not copy: it selects
      getSelection().selectAllChildren(source);
      return;
    }
    await navigator.clipboard.writeText(source.textContent);
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  }

  // What says nothing stays out of the address: empty filters, and the dates of a range that is not custom. Also where
  // the browser itself sends a form that was drawn this moment and that htmx does not hold yet.
  document.addEventListener("formdata", ({ target, formData }) => {
    if (!target.matches("form.controls")) return;
    const relative = formData.get("range") !== "custom";
    for (const name of new Set(formData.keys())) {
      if (formData.get(name) === "" || (relative && (name === "from" || name === "to"))) formData.delete(name);
    }
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("numbers", (event) => renew(event.target));
  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("htmx:afterSettle", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAnew);
  document.addEventListener("figures:changed", drawAll);
})();
