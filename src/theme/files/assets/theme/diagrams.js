// Draws blocks of code in the language mermaid as diagrams, in the colours of the theme. Mermaid itself is a file of the
// site, `mermaid` in _config.yml, and is loaded when the first diagram is near. Until then, and without it, readers see
// the source.
(function () {
  const words = document.currentScript.dataset;
  const make = (name, properties) => Object.assign(document.createElement(name), properties);
  const codes = new Set(document.querySelectorAll(".prose :is(code.language-mermaid, .language-mermaid code)"));
  const diagrams = [...codes].map((code, index) => ({
    name: `diagram-${index + 1}`,
    source: code.textContent,
    block: code.closest(".highlighter-rouge") || code.closest(".code-box") || code.closest("pre"),
  }));

  // As the browser computes them, because Mermaid knows neither variables nor light-dark().
  const probe = make("span", { hidden: true });
  document.body.append(probe);
  const channels = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  };
  const hex = (rgb) => `#${rgb.map((one) => Math.round(one).toString(16).padStart(2, "0")).join("")}`;
  const color = (name) => hex(channels(name));
  const tint = (name, share) => {
    const paper = channels("paper");
    return hex(channels(name).map((one, at) => one * share + paper[at] * (1 - share)));
  };

  function options() {
    const [paper, surface, ink, muted, line] = ["paper", "surface", "ink", "muted", "line"].map(color);
    const tints = ["blue", "amber", "green", "purple", "red", "accent"].map((name) => tint(name, 0.35));
    const pie = Object.fromEntries([...tints, ...tints].map((one, at) => [`pie${at + 1}`, one]));
    const scale = tints.flatMap((one, at) => [[`cScale${at}`, one], [`cScale${at + 6}`, one], [`cScaleLabel${at}`, ink], [`cScaleLabel${at + 6}`, ink]]);
    const fontFamily = getComputedStyle(document.documentElement).getPropertyValue("--sans").trim();
    return {
      startOnLoad: false,
      suppressErrorRendering: true,
      securityLevel: "strict",
      theme: "base",
      fontFamily,
      themeVariables: {
        fontFamily, fontSize: "15px", background: paper,
        primaryColor: surface, primaryTextColor: ink, primaryBorderColor: muted,
        secondaryColor: tint("blue", 0.15), tertiaryColor: tint("muted", 0.08),
        textColor: ink, titleColor: ink, lineColor: muted, edgeLabelBackground: paper,
        clusterBkg: tint("muted", 0.06), clusterBorder: line,
        noteBkgColor: tint("amber", 0.2), noteTextColor: ink, noteBorderColor: tint("amber", 0.5),
        activationBkgColor: tint("blue", 0.3), activationBorderColor: muted,
        labelBoxBkgColor: surface, labelBoxBorderColor: muted, signalColor: ink, signalTextColor: ink,
        sectionBkgColor: tint("muted", 0.1), altSectionBkgColor: paper, sectionBkgColor2: tint("muted", 0.1),
        taskBkgColor: tint("blue", 0.3), taskBorderColor: tint("blue", 0.6), taskTextColor: ink, taskTextLightColor: ink,
        taskTextDarkColor: ink, taskTextOutsideColor: ink, activeTaskBkgColor: tint("amber", 0.35), activeTaskBorderColor: tint("amber", 0.6),
        doneTaskBkgColor: tint("muted", 0.25), doneTaskBorderColor: muted, critBkgColor: tint("red", 0.3), critBorderColor: color("red"),
        gridColor: line, todayLineColor: color("accent"), excludeBkgColor: tint("muted", 0.12),
        pieTitleTextColor: ink, pieSectionTextColor: ink, pieLegendTextColor: ink, pieStrokeColor: paper, pieOuterStrokeColor: line, pieOpacity: "1",
        ...pie, ...Object.fromEntries(scale),
      },
    };
  }

  let loaded;
  const mermaid = () => loaded ??= new Promise((resolve, reject) => {
    const script = make("script", { src: words.mermaid });
    script.addEventListener("load", () => resolve(window.mermaid));
    script.addEventListener("error", () => reject(new Error(`cannot load ${words.mermaid}`)));
    document.head.append(script);
  });

  // The figure that shows a diagram, made around its source.
  function framed(diagram) {
    if (diagram.drawing) return;
    const { block } = diagram;
    const figure = block.closest("figure.code") || make("figure", {});
    figure.className = "diagram";
    diagram.caption = figure.querySelector("figcaption");
    diagram.drawing = make("div", { className: "diagram-drawing" });
    const details = make("details", {});
    if (!figure.parentElement) block.replaceWith(figure);
    details.append(make("summary", { textContent: words.source }), block);
    figure.replaceChildren(...[diagram.drawing, diagram.caption, details].filter(Boolean));
  }

  // Letters on a color that the author chose do not follow the theme.
  function keepReadable(drawn) {
    for (const shape of drawn.querySelectorAll(".node [style*='fill:']:is(rect, polygon, path, circle, ellipse)")) {
      const [red, green, blue] = (getComputedStyle(shape).fill.match(/[\d.]+/g) || []).map(Number);
      if (blue === undefined) continue;
      const ink = 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#1b1c1a" : "#f3f0e8";
      const label = shape.closest(".node").querySelector(".label");
      if (!label || /(^|;)\s*color:/.test(label.getAttribute("style"))) continue;
      for (const part of label.querySelectorAll("*")) {
        part.style.setProperty("color", ink, "important");
        if (part.matches("text, tspan")) part.style.setProperty("fill", ink, "important");
      }
    }
  }

  async function draw(diagram) {
    try {
      const tool = await mermaid();
      await document.fonts.ready;
      tool.initialize(options());
      const { svg } = await tool.render(diagram.name, diagram.source);
      framed(diagram);
      diagram.drawing.innerHTML = svg;
    } catch (error) {
      diagram.message ??= make("p", { className: "diagram-error" });
      diagram.message.setAttribute("role", "status");
      diagram.message.textContent = error.message;
      diagram.block.after(diagram.message);
      return;
    }
    const drawn = diagram.drawing.firstElementChild;
    keepReadable(drawn);
    drawn.setAttribute("role", "img");
    if (!drawn.hasAttribute("aria-labelledby")) {
      drawn.setAttribute("aria-label", diagram.caption ? diagram.caption.textContent.trim() : words.diagram);
    }
    // A wide diagram scrolls where its letters would become too small.
    const width = parseFloat(drawn.style.maxWidth) || drawn.viewBox.baseVal.width;
    drawn.style.minWidth = `${Math.min(width, 36 * 16, 0.75 * width)}px`;
    const scrolls = diagram.drawing.scrollWidth > diagram.drawing.clientWidth;
    if (scrolls) diagram.drawing.tabIndex = 0; else diagram.drawing.removeAttribute("tabindex");
  }

  // One after the other, because Mermaid has one set of options.
  let last = Promise.resolve();
  const enqueue = (diagram) => { last = last.then(() => draw(diagram)); };
  const near = new IntersectionObserver((entries) => {
    for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
      near.unobserve(target);
      const diagram = diagrams.find((one) => one.block === target);
      diagram.isNear = true;
      enqueue(diagram);
    }
  }, { rootMargin: "800px" });
  for (const diagram of diagrams) near.observe(diagram.block);
  document.addEventListener("themechange", () => diagrams.filter((one) => one.isNear).forEach(enqueue));
})();
