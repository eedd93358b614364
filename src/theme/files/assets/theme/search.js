// The search page. Loads only the parts of the index that a search needs; `labpress` makes them.
(() => {
  "use strict";
  const MOST_RESULTS = 20;
  const section = document.querySelector(".search");
  const input = document.getElementById("search-input");
  const status = document.getElementById("search-status");
  const list = document.getElementById("search-results");
  const { root, base } = section.dataset;
  const loaded = new Map();
  let latest = 0;

  // A file of the index as JSON; `null` if there is none, because no word begins like that.
  function load(file) {
    if (!loaded.has(file)) {
      const text = fetch(root + file).then((answer) => {
        if (answer.status === 404) return null;
        if (!answer.ok) throw new Error(answer.statusText);
        return answer.json();
      });
      text.catch(() => loaded.delete(file));
      loaded.set(file, text);
    }
    return loaded.get(file);
  }

  const isLetter = (c) => /[\p{Alphabetic}\p{N}]/u.test(c);
  const isIdeograph = (c) =>
    /[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\u{20000}-\u{3134f}]/u.test(c);

  // The words of a text, by the rules of the index.
  function words(text) {
    const found = [];
    let word = "";
    let before = null;
    const end = () => {
      const whole = word.replace(/\.+$/, "").replace(/^[+_]+/, "");
      word = "";
      if (![...whole].some(isLetter)) return;
      found.push(whole);
      let part = "";
      for (const c of `${whole} `) {
        if (isLetter(c)) part += c;
        else {
          if (part && part !== whole) found.push(part);
          part = "";
        }
      }
    };
    for (const c of `${text.toLowerCase()} `) {
      if (isIdeograph(c)) {
        end();
        found.push(c);
        if (before) found.push(before + c);
        before = c;
        continue;
      }
      before = null;
      if (isLetter(c) || "+#._".includes(c)) word += c;
      else end();
    }
    return [...new Set(found)];
  }

  function shard(word) {
    const letters = [...word];
    const taken = letters[0] < "\u0080" ? letters.slice(0, 2) : letters.slice(0, 1);
    return taken.map((c) => c.codePointAt(0).toString(16)).join("-");
  }

  // How well pages fit a word, by their numbers. What has been typed may be the start of a word.
  async function pagesOf(word) {
    const pages = new Map();
    const inShard = await load(`words/${shard(word)}.json`);
    const isStart = [...word].length > 1 && !isIdeograph(word[0]);
    for (const [known, counts] of Object.entries(inShard ?? {})) {
      if (known !== word && !(isStart && known.startsWith(word))) continue;
      for (let at = 0; at < counts.length; at += 2) {
        const count = known === word ? 2 * counts[at + 1] : counts[at + 1];
        pages.set(counts[at], Math.max(count, pages.get(counts[at]) ?? 0));
      }
    }
    return pages;
  }

  // The numbers of the pages that have all words, the best first. Equal ones: the newest first.
  async function find(wanted) {
    const all = await Promise.all(wanted.map(pagesOf));
    const [first, ...others] = all.sort((a, b) => a.size - b.size);
    const scores = [];
    for (const [page, count] of first ?? []) {
      if (others.every((pages) => pages.has(page))) {
        scores.push([others.reduce((sum, pages) => sum + pages.get(page), count), page]);
      }
    }
    scores.sort((a, b) => b[0] - a[0] || a[1] - b[1]);
    return scores.map(([, page]) => page);
  }

  // The text with what was typed marked, from a little before its first place.
  function excerpt(text, terms) {
    const lower = text.toLowerCase();
    const places = terms.map((term) => lower.indexOf(term)).filter((at) => at >= 0);
    let from = Math.max(0, Math.min(...places, text.length) - 60);
    if (!places.length) from = 0;
    if (from > 0) from = text.indexOf(" ", from - 1) + 1 || from;
    const shown = text.slice(from, from + 220);
    const line = document.createElement("p");
    if (from > 0) line.append("… ");
    let at = 0;
    while (at < shown.length) {
      const next = terms
        .map((term) => [shown.toLowerCase().indexOf(term, at), term.length])
        .filter(([place]) => place >= 0)
        .sort((a, b) => a[0] - b[0] || b[1] - a[1])[0];
      if (!next) break;
      const mark = document.createElement("mark");
      mark.textContent = shown.slice(next[0], next[0] + next[1]);
      line.append(shown.slice(at, next[0]), mark);
      at = next[0] + next[1];
    }
    line.append(shown.slice(at));
    if (from + 220 < text.length) line.append(" …");
    return line;
  }

  async function result(number, page, terms) {
    const [url, title, date] = page;
    const sections = (await load(`text/${number}.json`)) ?? [];
    const fit = ([, heading, text]) => {
      const lower = `${heading} ${text}`.toLowerCase();
      return terms.filter((term) => lower.includes(term)).length;
    };
    const best = sections.reduce((a, b) => (fit(b) > fit(a) ? b : a), sections[0] ?? ["", "", ""]);
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = base.replace(/\/$/, "") + url + (best[0] ? `#${encodeURIComponent(best[0])}` : "");
    link.textContent = title;
    if (best[1] && best[1] !== title) {
      const heading = document.createElement("span");
      heading.textContent = ` › ${best[1]}`;
      link.append(heading);
    }
    item.append(link);
    if (date) {
      const time = document.createElement("time");
      time.dateTime = time.textContent = date;
      item.append(" ", time);
    }
    item.append(excerpt(best[2], terms));
    return item;
  }

  async function search() {
    const turn = ++latest;
    const query = input.value.trim();
    history.replaceState(null, "", query ? `?q=${encodeURIComponent(query)}` : location.pathname);
    const wanted = words(query);
    if (!wanted.length) {
      status.textContent = "";
      list.replaceChildren();
      return;
    }
    try {
      const [pages, found] = await Promise.all([load("pages.json"), find(wanted)]);
      const terms = query.toLowerCase().split(/\s+/).filter(Boolean);
      const shown = found.slice(0, MOST_RESULTS);
      const items = await Promise.all(shown.map((one) => result(one, pages[one], terms)));
      if (turn !== latest) return;
      const { none, one, many } = section.dataset;
      status.textContent =
        found.length === 0 ? none : found.length === 1 ? one : many.replace("{n}", found.length);
      list.replaceChildren(...items);
    } catch (error) {
      if (turn === latest) status.textContent = String(error);
    }
  }

  // Arrow keys move between the field and the results; Escape goes back to the field.
  section.addEventListener("keydown", (event) => {
    const stops = [input, ...list.querySelectorAll("a")];
    const at = stops.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Escape: 0 }[event.key];
    if (to === undefined || at < 0 || (event.key === "Escape" && at === 0)) return;
    stops[Math.max(0, Math.min(to, stops.length - 1))].focus();
    event.preventDefault();
  });
  section.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    list.querySelector("a")?.focus();
  });
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, 120);
  });
  input.value = new URLSearchParams(location.search).get("q") ?? "";
  if (input.value) search();
})();
