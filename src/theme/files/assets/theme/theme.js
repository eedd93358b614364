// What the theme adds to pages that are complete without it: the switch between light and dark, links at headings, the
// table of contents that follows, buttons that copy code, and pictures that can be enlarged.
(function () {
  const root = document.documentElement;
  const words = document.currentScript.dataset;
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const make = (name, properties) => Object.assign(document.createElement(name), properties);

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  const told = () => document.dispatchEvent(new CustomEvent("themechange", { detail: isDark() ? "dark" : "light" }));
  for (const button of all(".theme-switch")) {
    button.addEventListener("click", () => {
      const theme = isDark() ? "light" : "dark";
      root.dataset.theme = theme;
      try { localStorage.setItem("theme", theme); } catch { /* It is kept until the page is left. */ }
      told();
    });
  }
  dark.addEventListener("change", told);

  const prose = all("article .prose");
  const headings = prose.flatMap((one) => all(":is(h2, h3, h4)[id]", one));
  for (const heading of headings) {
    const link = make("a", { className: "anchor", href: `#${heading.id}`, textContent: "#" });
    link.setAttribute("aria-label", `${words.link}: ${heading.textContent.trim()}`);
    heading.append(link);
  }

  const contents = document.querySelector(".toc details");
  if (contents) {
    const wide = matchMedia("(min-width: 76rem)");
    const open = () => { contents.open = wide.matches; };
    open();
    wide.addEventListener("change", open);
    const links = new Map(all("a", contents).map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
    const listed = headings.filter((heading) => links.has(heading.id));
    const follow = () => {
      const passed = listed.filter((heading) => heading.getBoundingClientRect().top < innerHeight / 4);
      const current = passed.length ? links.get(passed[passed.length - 1].id) : undefined;
      for (const link of links.values()) {
        if (link === current) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    };
    let waiting = false;
    addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; follow(); });
    }, { passive: true });
    follow();
  }

  for (const pre of prose.flatMap((one) => all("pre", one))) {
    const code = pre.querySelector("code");
    if (!code) continue;
    const box = pre.parentElement.matches(".highlight") ? pre.parentElement : make("div", { className: "code-box" });
    if (box !== pre.parentElement) { pre.replaceWith(box); box.append(pre); }
    const language = /language-([^\s]+)/.exec(`${code.className} ${pre.className} ${box.className} ${box.parentElement.className}`);
    const button = make("button", { className: "copy", type: "button", textContent: words.copy });
    button.addEventListener("click", async () => {
      const text = code.cloneNode(true);
      all(".gp", text).forEach((one) => one.remove());
      await navigator.clipboard.writeText(text.textContent.replace(/\n$/, ""));
      button.textContent = words.copied;
      button.dataset.done = "";
      setTimeout(() => { button.textContent = words.copy; delete button.dataset.done; }, 1500);
    });
    if (navigator.clipboard) box.append(button);
    if (language && language[1] !== "plaintext" && !box.closest("figure.code")) {
      box.append(make("span", { className: "language", textContent: language[1] }));
    }
  }

  for (const image of prose.flatMap((one) => all("img:not(a img, .no-zoom, .emoji)", one))) {
    if (image.width > 0 && image.width < 48) continue; // A sign in the text.
    image.tabIndex = 0;
    image.setAttribute("role", "button");
    image.setAttribute("aria-label", `${words.enlarge}${image.alt ? `: ${image.alt}` : ""}`);
    const enlarge = () => {
      const box = make("dialog", { className: "zoom" });
      box.setAttribute("aria-label", image.alt || words.enlarge);
      box.append(make("img", { src: image.currentSrc || image.src, alt: image.alt }), make("button", { type: "button", textContent: words.close }));
      box.addEventListener("click", () => box.close());
      box.addEventListener("close", () => { box.remove(); image.focus(); });
      document.body.append(box);
      box.showModal();
    };
    image.addEventListener("click", enlarge);
    image.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      enlarge();
    });
  }
})();
