// Keeps an open page up to date while its site is written, and shows what is wrong with the site.
//
// A message (src/serve/live.rs) says everything that differs from what the page has, so only the
// latest message counts. Where possible, the page is changed in place: scrolling, focus, open
// details and playing videos stay as they are. Otherwise it is reloaded.
"use strict";
(() => {
    const script = document.currentScript;
    /** What this page shows: of which session, in which version, and whether its address exists. */
    const shown = {
        session: script.dataset.session,
        version: Number(script.dataset.version),
        missing: "missing" in script.dataset,
    };
    /** The version in which this page was loaded, and newer versions of single files. */
    const loaded = shown.version;
    const files = new Map();
    /** The page as it was served, before scripts changed it. */
    let served = null;

    // Messages.

    let events = null;
    let latest = null;
    let isBusy = false;
    let retry = 0;
    let failures = 0;

    function connect() {
        if (events || document.visibilityState === "hidden") return;
        const query = new URLSearchParams({
            page: location.pathname, session: shown.session, version: loaded,
        });
        events = new EventSource(`/_labpress/events?${query.toString().replaceAll("+", "%20")}`);
        events.onmessage = (event) => receive(JSON.parse(event.data));
        events.onerror = () => {
            disconnect();
            // With many windows, each is told in turn (MOST_PAGES in live.rs).
            failures += 1;
            if (failures > 1) panel.isConnected(false);
            clearTimeout(retry);
            retry = setTimeout(connect, 500);
        };
    }

    // A browser has few connections to a host, so a page that nobody sees keeps none.
    function disconnect() {
        events?.close();
        events = null;
    }

    async function receive(message) {
        latest = message;
        if (isBusy) return;
        isBusy = true;
        while (latest) {
            const next = latest;
            latest = null;
            try {
                await apply(next);
            } catch (error) {
                console.error("labpress:", error);
            }
        }
        isBusy = false;
    }

    async function apply(message) {
        failures = 0;
        panel.isConnected(true);
        panel.show(message);
        if (message.moved) {
            return go(message.moved);
        }
        if (message.missing !== shown.missing) {
            return location.reload();
        }
        if (message.session !== shown.session || message.page > shown.version) {
            if (!(await update())) return location.reload();
            shown.session = message.session;
        }
        refresh(message.files);
        mark(message.marks);
    }

    /** Goes to the new address of this page and keeps the place on it. */
    function go(address) {
        sessionStorage.setItem("labpress-place", JSON.stringify({ address, y: scrollY }));
        location.replace(address + location.search + location.hash);
    }

    function returnToPlace() {
        const place = JSON.parse(sessionStorage.getItem("labpress-place") ?? "null");
        sessionStorage.removeItem("labpress-place");
        if (place && place.address === location.pathname) scrollTo({ top: place.y, behavior: "instant" });
    }

    // The page.

    async function fetched() {
        const response = await fetch(location.href, { cache: "no-cache" });
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const client = page.querySelector("script[data-session]");
        return { page, version: Number(client?.dataset.version ?? 0), client };
    }

    /**
     * The page as it was served; `null` if it has changed since. Without scripts but this one, that
     * is the page as it is: there is no need to ask for it, which might be too late.
     */
    async function asServed() {
        if (scripts(document).length) {
            const page = await fetched();
            return page.version === loaded && page.client ? page : null;
        }
        const page = document.cloneNode(true);
        return { page, client: page.querySelector("script[data-session]") };
    }

    /** Shows the present version of the page. False if that cannot be done in place. */
    async function update() {
        const next = await fetched();
        if (!served || !next.client) return false;
        // These typeset what is there when a page is loaded.
        if (window.MathJax || window.renderMathInElement || window.mermaid) return false;
        next.client.replaceWith(document.importNode(served.client, true));
        const [before, after] = [served.page, next.page];
        if (!isSameList(code(before), code(after))) return false;
        mark({});
        attributes(before.documentElement, after.documentElement, document.documentElement);
        patchHead(before.head, after.head);
        if (!patch(before.body, after.body, document.body)) return false;
        next.client = after.querySelector("script[data-session]");
        served = next;
        shown.version = next.version;
        document.dispatchEvent(new CustomEvent("labpress:update"));
        return true;
    }

    /** What runs when a page is loaded, and style sheets, whose order matters. */
    function code(page) {
        return [...scripts(page), ...page.querySelectorAll("style, link[rel~=stylesheet]")];
    }

    /** The scripts of a page that run, except for this one. */
    function scripts(page) {
        const isRun = (element) =>
            !/json|template/.test(element.type) && !("session" in element.dataset);
        return [...page.querySelectorAll("script")].filter(isRun);
    }

    function isSameList(one, other) {
        return one.length === other.length && one.every((node, at) => node.isEqualNode(other[at]));
    }

    function patchHead(before, after) {
        document.title = after.ownerDocument.title;
        const has = (head, node) => [...head.children].find((child) => child.isEqualNode(node));
        for (const node of before.querySelectorAll("meta, link")) {
            if (!has(after, node)) has(document.head, node)?.remove();
        }
        for (const node of after.querySelectorAll("meta, link")) {
            if (!has(before, node)) document.head.append(document.importNode(node, true));
        }
    }

    /**
     * Changes `live`, which was served as `before`, to `after`. False if a script has changed what
     * would have to be replaced, so that only a reload gives the right result.
     */
    function patch(before, after, live) {
        if (before.isEqualNode(after)) return true;
        const isSameElement =
            before.nodeType === Node.ELEMENT_NODE && before.nodeName === after.nodeName;
        if (!isSameElement) {
            if (!live.isEqualNode(before)) return false;
            live.replaceWith(document.importNode(after, true));
            return true;
        }
        const liveNodes = [...live.childNodes];
        const oldNodes = [...before.childNodes];
        const newNodes = [...after.childNodes];
        const isAsServed = oldNodes.every((node, at) => liveNodes[at]?.nodeName === node.nodeName);
        if (!isAsServed) return false;
        attributes(before, after, live);
        // Both lists are gone through; what is equal stays, what is missing in one is added or
        // removed, and the rest is changed pair by pair.
        const indexOfEqual = (nodes, node, from) =>
            nodes.findIndex((other, at) => at >= from && at < from + 200 && other.isEqualNode(node));
        let [b, a] = [0, 0];
        while (b < oldNodes.length || a < newNodes.length) {
            if (b === oldNodes.length) {
                const last = liveNodes[oldNodes.length] ?? null;
                live.insertBefore(document.importNode(newNodes[a++], true), last);
            } else if (a === newNodes.length) {
                liveNodes[b++].remove();
            } else if (oldNodes[b].isEqualNode(newNodes[a])) {
                [b, a] = [b + 1, a + 1];
            } else if (indexOfEqual(newNodes, oldNodes[b], a) > 0) {
                live.insertBefore(document.importNode(newNodes[a++], true), liveNodes[b]);
            } else if (indexOfEqual(oldNodes, newNodes[a], b) > 0) {
                liveNodes[b++].remove();
            } else if (!patch(oldNodes[b], newNodes[a], liveNodes[b])) {
                return false;
            } else {
                [b, a] = [b + 1, a + 1];
            }
        }
        return true;
    }

    function attributes(before, after, live) {
        for (const { name } of before.attributes) {
            if (!after.hasAttribute(name)) live.removeAttribute(name);
        }
        for (const { name, value } of after.attributes) {
            if (before.getAttribute(name) !== value) live.setAttribute(name, value);
        }
    }

    // Other files.

    /** Loads changed style sheets, images and scripts again. */
    function refresh(changed) {
        const isNew = ([file, version]) => version > (files.get(file) ?? loaded);
        const news = new Map(Object.entries(changed).filter(isNew));
        if (!news.size) return;
        news.forEach((version, file) => files.set(file, version));
        const path = (address) => {
            try {
                const url = new URL(address, location.href);
                return url.origin === location.origin ? decodeURI(url.pathname) : null;
            } catch {
                return null;
            }
        };
        const version = (address) => news.get(path(address));
        if ([...document.scripts].some((script) => script.src && version(script.src))) {
            return location.reload();
        }
        let used = 0;
        for (const element of document.querySelectorAll("img, source, video, audio, iframe, embed")) {
            for (const name of ["src", "poster"]) {
                const value = element.getAttribute(name);
                if (!value || !version(value)) continue;
                element.setAttribute(name, renewed(value, version(value)));
                used += 1;
            }
            const set = element.getAttribute("srcset");
            const renew = (address) => version(address) ? renewed(address, version(address)) : address;
            const next = set?.replace(/[^\s,]+(?=\s|,|$)/g, renew);
            if (set && next !== set) element.setAttribute("srcset", next);
        }
        const sheets = [...document.querySelectorAll("link[rel~=stylesheet]")];
        const direct = sheets.filter((sheet) => version(sheet.href));
        // Others are parts of style sheets: imports, fonts, pictures.
        const isPart = [...news.keys()].length > direct.length + used;
        const newest = Math.max(...news.values());
        for (const sheet of isPart ? sheets.filter((sheet) => path(sheet.href)) : direct) {
            restyle(sheet, renewed(sheet.getAttribute("href"), newest));
        }
    }

    function renewed(address, version) {
        const [, path, query, hash] = address.match(/^([^?#]*)(\?[^#]*)?(#.*)?$/);
        const others = (query ?? "").slice(1).split("&").filter((one) => one && !one.startsWith("labpress="));
        return `${path}?${[...others, `labpress=${version}`].join("&")}${hash ?? ""}`;
    }

    /** Replaces a style sheet once the new one is there, so that the page is never without. */
    function restyle(sheet, address) {
        const next = sheet.cloneNode();
        next.href = address;
        next.onload = next.onerror = () => {
            sheet.remove();
            next.onload = next.onerror = null;
            document.dispatchEvent(new CustomEvent("labpress:style"));
        };
        sheet.after(next);
    }

    /** Marks links to pages that a build would leave out. */
    function mark(marks) {
        for (const link of document.querySelectorAll("a[data-labpress-mark]")) {
            if (!marks[link.pathname]) link.removeAttribute("data-labpress-mark");
        }
        for (const link of document.links) {
            const word = link.origin === location.origin && marks[link.pathname];
            if (word) link.dataset.labpressMark = word;
        }
    }

    // What is shown over the page.

    const panel = (() => {
        const host = document.createElement("labpress-preview");
        const root = host.attachShadow({ mode: "open" });
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(`
            :host { all: initial; position: fixed; inset: auto 0 0 0; z-index: 2147483647;
                display: flex; flex-direction: column; pointer-events: none;
                font: 14px/1.5 system-ui, sans-serif; color: #f4f4f5; color-scheme: dark; }
            :host > * { pointer-events: auto; }
            [hidden] { display: none !important; }
            .notes { display: flex; flex-wrap: wrap; gap: 8px; padding: 8px; align-items: end;
                pointer-events: none; }
            .note { pointer-events: auto; padding: 4px 12px; border-radius: 14px; background: #27272a;
                border: 1px solid #71717a; box-shadow: 0 1px 4px #0006; max-width: 100%;
                box-sizing: border-box; }
            .mark { background: #713f12; border-color: #fbbf24; }
            .lost { background: #7f1d1d; border-color: #fca5a5; }
            details[open] { border-radius: 8px; }
            summary { cursor: pointer; }
            ul { margin: 4px 0; padding: 0; list-style: none; max-height: 40vh; overflow: auto;
                overflow-wrap: anywhere; }
            li { font-variant-numeric: tabular-nums; }
            .failed { color: #fca5a5; }
            .errors { max-height: 60vh; overflow: auto; box-sizing: border-box; padding: 12px 16px 16px;
                background: #18181b; border-top: 3px solid #f87171; box-shadow: 0 -2px 16px #0008; }
            header { display: flex; justify-content: space-between; align-items: baseline; gap: 16px; }
            h2 { margin: 0 0 8px; font-size: 16px; color: #fca5a5; }
            button { font: inherit; color: inherit; background: #3f3f46; border: 1px solid #a1a1aa;
                border-radius: 4px; padding: 2px 12px; cursor: pointer; }
            :focus-visible { outline: 2px solid #93c5fd; outline-offset: 2px; }
            article { padding: 8px 0; border-top: 1px solid #3f3f46; overflow-wrap: anywhere; }
            p { margin: 0; white-space: pre-wrap; }
            .message { font-weight: 600; }
            .place { font: 13px/1.5 ui-monospace, monospace; color: #93c5fd; }
            .hint { color: #d4d4d8; }
            code { font: 0.93em ui-monospace, monospace; background: #3f3f46; padding: 0 3px;
                border-radius: 3px; }
            @media print { :host { display: none; } }
        `);
        root.adoptedStyleSheets = [sheet];
        const marks = new CSSStyleSheet();
        marks.replaceSync(`a[data-labpress-mark]::after { content: attr(data-labpress-mark);
            display: inline-block; margin-inline-start: .5em; padding: 0 .5em; border-radius: 1em;
            font: 600 12px/1.6 system-ui, sans-serif; color: #fef3c7; background: #713f12;
            text-decoration: none; vertical-align: middle; }`);
        document.adoptedStyleSheets = [...document.adoptedStyleSheets, marks];

        const element = (name, className, ...children) => {
            const made = document.createElement(name);
            made.className = className;
            made.append(...children.filter((child) => child != null));
            return made;
        };
        /** A text in which backticks mark code. */
        const prose = (name, className, text) => {
            const parts = text.split(/`([^`]*)`/);
            const code = (part, at) => (at % 2 ? element("code", "", part) : part);
            return element(name, className, ...parts.map(code));
        };
        const notes = element("div", "notes");
        const lost = element("div", "note lost", "The preview has stopped: run labpress serve again");
        const draft = element("div", "note mark");
        const summary = element("summary", "");
        const list = element("ul", "");
        const runs = element("details", "note runs", summary, list);
        notes.append(draft, runs, lost);
        const close = element("button", "", "Hide");
        close.type = "button";
        const title = element("h2", "");
        const articles = element("div", "");
        const errors = element("section", "errors", element("header", "", title, close), articles);
        errors.setAttribute("role", "alert");
        errors.setAttribute("aria-label", "Errors in the site");
        for (const part of [lost, draft, runs, errors]) part.hidden = true;
        root.append(notes, errors);

        let before = "";
        const hide = () => { errors.hidden = true; };
        close.onclick = hide;
        addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

        function showErrors(problems) {
            const now = JSON.stringify(problems);
            if (now === before) return;
            before = now;
            errors.hidden = problems.length === 0;
            title.textContent = problems.length === 1 ? "1 error" : `${problems.length} errors`;
            articles.replaceChildren(...problems.map(({ place, message, hint }) => element(
                "article", "",
                prose("p", "message", message),
                place && element("p", "place", place),
                hint && prose("p", "hint", `help: ${hint}`),
            )));
        }

        const MARKS = {
            draft: "Draft: a build leaves it out",
            future: "Dated in the future: a build leaves it out",
            unpublished: "Not published: a build leaves it out",
        };

        function showRuns(state) {
            runs.hidden = !state;
            if (!state) return;
            summary.textContent = state.summary;
            const line = ({ text, failed }) => element("li", failed ? "failed" : "", text);
            list.replaceChildren(...state.lines.map(line));
        }

        return {
            show({ problems, mark, runs }) {
                if (!host.isConnected) document.documentElement.append(host);
                showErrors(problems);
                draft.hidden = !mark;
                draft.textContent = MARKS[mark] ?? "";
                showRuns(runs);
            },
            isConnected(is) {
                lost.hidden = is;
                if (!is && !host.isConnected) document.documentElement.append(host);
            },
        };
    })();

    document.addEventListener("visibilitychange", () => {
        if (document.visibilityState === "hidden") disconnect();
        else connect();
    });
    addEventListener("pagehide", disconnect);
    addEventListener("pageshow", connect);
    returnToPlace();
    asServed().then((page) => { served = page; }).finally(connect);
})();
