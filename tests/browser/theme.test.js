// The built-in theme as readers meet it: accessible, light and dark, small, and complete without scripts.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, test } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { PROGRAM, Site, browser, picture } from "./preview.js";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const BUDGET = 60_000;
const TYPES = {
    ".css": "text/css", ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".png": "image/png",
    ".svg": "image/svg+xml", ".webp": "image/webp", ".woff2": "font/woff2", ".xml": "text/xml",
};

const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="160"><circle cx="80" cy="80" r="60"/></svg>`;
const LONG = `---
title: Everything that a post can have
description: A post to look at.
tags: [example, theme]
toc: true
lang: en
---

Some text with *emphasis*, **weight**, \`code\`, a [link](/about/) and a note.[^1]

## Code

\`\`\`python
def answer(question: str) -> int:
    return 42  # ${"a very long line of code that does not fit, ".repeat(4)}
\`\`\`

## A picture

![A dot](/dot.svg)

## A table

| model | ${Array.from({ length: 14 }, (_, at) => `measure ${at}`).join(" | ")} |
|---|${"---:|".repeat(14)}
| small | ${Array.from({ length: 14 }, (_, at) => `${at}.5`).join(" | ")} |

### A list

- one
- two

1. first
2. second

> A quotation.

[^1]: What is in the note.
`;

/** A post with everything that `docs/writing.md` has. */
const WRITING = String.raw`---
title: Everything that one can write
tags: [example]
comments: true
share: true
---

Attention [@vaswani2017, p. 3] takes $O(n^2 d)$ steps for $n$ tokens.[^cost]

> [!NOTE]
> A note with *emphasis*, ${"`code`"} and a [link](/about/).

> [!TIP]- Folded
> Inside.

> [!IMPORTANT]
> Important.

> [!WARNING] Read **this** first
> And then this.

> [!CAUTION]
> Careful with $\eta > 1$.

- [x] done with ${"`code`"}
- [ ] to do

> [!TAB] Linux
> ${"`apt install labpress`"}

> [!TAB] macOS
> ${"`brew install labpress`"}

$$
\begin{aligned}
\mathcal{L}(\theta) &= -\sum_{i=1}^{N} \log p_\theta(y_i \mid x_i) \\
A &= \begin{pmatrix} a & b \\ c & d \end{pmatrix}
\end{aligned}
$$
{: #eq:loss}

${"```"}python title="train.py" {2} linenos
for epoch in range(8):
    loss = model(x).mean(dim=0, keepdim=True)  # "the line" that counts
    loss.backward()
${"```"}

${"```"}diff
- lr = 0.1
+ lr = 0.01
${"```"}

${"```"}python diff {1}
 rate = 0.1  # marked
-gone = "b"  # removed
+added = 1  # added
${"```"}

![A picture](/picture.png "A caption with $\alpha$"){: #fig:picture}

![One](/picture.png "A gallery"){: #fig:gallery} ![Two](/picture.png)

![A picture that is wider than the text](/picture.png){: .wide}

| a | b |
|---|--:|
| 1 | 2 |
{: #tbl:results}

{% chart digits curves id="fig:curves" caption="Curves." %}

See [@fig:picture], [@fig:gallery], [@fig:curves], [@tbl:results] and [@eq:loss].

{% cite_this %}

[^cost]: Each token looks at each other one, see [the paper](https://arxiv.org/abs/1706.03762).
`;
const REFERENCES = `@article{vaswani2017,
  title = {Attention Is All You Need}, author = {Vaswani, Ashish and Shazeer, Noam},
  journal = {arXiv:1706.03762}, year = {2017}, url = {https://arxiv.org/abs/1706.03762}
}
`;

/** Tables of results. */
const TABLES = `---
title: Tables
---

{% table widths columns="accuracy, loss" params="differing" %}

{% table widths columns="accuracy, loss" deltas="above" %}
`;

/** A grey picture, 900 pixels wide and half as high. */
function png() {
    const [width, height] = [900, 450];
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header[8] = 8;
    // Node's own `crc32` is newer than Debian's Node.
    const crc32 = (bytes) => ~bytes.reduce((sum, byte) => {
        let next = sum ^ byte;
        for (let bit = 0; bit < 8; bit++) next = (next >>> 1) ^ (next & 1 ? 0xedb88320 : 0);
        return next;
    }, -1) >>> 0;
    const chunk = (name, data) => {
        const content = Buffer.concat([Buffer.from(name), data]);
        const part = Buffer.alloc(8 + content.length);
        part.writeUInt32BE(data.length, 0);
        content.copy(part, 4);
        part.writeUInt32BE(crc32(content), 4 + content.length);
        return part;
    };
    const rows = deflateSync(Buffer.alloc((width + 1) * height, 128).map((byte, at) => (at % (width + 1) ? byte : 0)));
    const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))]);
}

let chrome;
let folder;
let server;
let url;
let post;
let noted;

before(async () => {
    chrome = await browser();
    // The tests share one site.
    const site = await Site.create({ after: (remove) => { noted = remove; } }, {});
    const run = (...words) => execFileSync(PROGRAM, words, { cwd: site.folder, stdio: "pipe" });
    run("new", "site", "blog", "--title", "A blog");
    await site.write("blog/_posts/2026-01-02-everything.md", LONG);
    await site.write("blog/_posts/2026-01-03-arabic.md", "---\ntitle: مرحبا\nlang: ar\n---\nنص و `code`.\n\n```python\nprint(1)\n```\n");
    await site.write("blog/dot.svg", PICTURE);
    await site.write("blog/_posts/2026-01-04-writing.md", WRITING);
    await site.write("blog/_data/references.bib", REFERENCES);
    await site.write("blog/picture.png", png());
    const widths = new URL("../sites/tables/experiments/widths", import.meta.url);
    cpSync(widths, path.join(site.folder, "blog/experiments/widths"), { recursive: true });
    await site.write("blog/_posts/2026-01-05-tables.md", TABLES);
    run("--source", "blog", "build", "--locked");
    folder = path.join(site.folder, "blog/public");
    post = readFileSync(path.join(folder, "index.html"), "utf8").match(/href="([^"]*first-post\/)"/)[1];
    server = createServer((request, response) => {
        const name = decodeURIComponent(new URL(request.url, "http://a").pathname).replace(/\/$/, "/index.html");
        try {
            const bytes = readFileSync(path.join(folder, name));
            response.writeHead(200, { "content-type": TYPES[path.extname(name)] ?? "text/plain" });
            response.end(bytes);
        } catch {
            response.writeHead(404);
            response.end();
        }
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${server.address().port}`;
});
after(async () => {
    await chrome.close();
    server.close();
    await noted();
});

const EVERYTHING = "/2026/01/everything/";
const ARABIC = "/2026/01/arabic/";
const WRITTEN = "/2026/01/writing/";
const RESULTS = "/2026/01/tables/";

/** Opens a page. What went wrong on it is in `page.problems`, what it loaded in `page.loaded`. */
async function opened(test, address, options = {}) {
    const context = await chrome.newContext({ viewport: { width: 1200, height: 800 }, ...options });
    test.after(() => context.close());
    const page = await context.newPage();
    page.problems = [];
    page.loaded = [];
    page.on("console", (message) => { if (message.type() === "error") page.problems.push(message.text()); });
    page.on("pageerror", (error) => page.problems.push(String(error)));
    page.on("request", (request) => page.loaded.push(request.url()));
    await page.goto(url + address, { waitUntil: "load" });
    await page.evaluate(() => document.fonts.ready);
    return page;
}

const background = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

test("axe finds nothing on any kind of page", async (test) => {
    const pages = ["/", post, EVERYTHING, WRITTEN, RESULTS, ARABIC, "/about/", "/tags/", "/tags/example/", "/archive/", "/2026/", "/404.html"];
    for (const address of pages) {
        for (const colorScheme of ["light", "dark"]) {
            for (const width of [390, 1200]) {
                const page = await opened(test, address, { colorScheme, viewport: { width, height: 800 } });
                await page.locator("details").evaluateAll((all) => all.forEach((one) => { one.open = true; }));
                await page.addScriptTag({ path: AXE });
                const { violations } = await page.evaluate(() => window.axe.run());
                const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join("\n")}`);
                assert.deepEqual(found, [], `${address} ${colorScheme} ${width}`);
                const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
                assert.ok(overflow <= 0, `${address} is ${overflow} pixels too wide at ${width}`);
                assert.deepEqual(page.problems, []);
                await picture(page, `theme${address.replaceAll("/", "-")}${colorScheme}-${width}`);
                await page.context().close();
            }
        }
    }
});

test("nothing is loaded from elsewhere, and a page is small", async (test) => {
    for (const address of ["/", post, EVERYTHING, WRITTEN]) {
        const page = await opened(test, address);
        const elsewhere = page.loaded.filter((one) => !one.startsWith(url) && !one.startsWith("data:"));
        assert.deepEqual(elsewhere, []);
        const weights = page.loaded.filter((one) => !/\.(png|svg|webp)$/.test(one)).map((one) => {
            const name = new URL(one).pathname.replace(/\/$/, "/index.html");
            const bytes = readFileSync(path.join(folder, name));
            return [name, name.endsWith(".woff2") ? bytes.length : gzipSync(bytes, { level: 9 }).length];
        });
        const weight = weights.reduce((sum, [, bytes]) => sum + bytes, 0);
        test.diagnostic(`${address}: ${weight} bytes`);
        // A page with everything has fonts for formulas, code and italics, too.
        if (address !== WRITTEN) assert.ok(weight < BUDGET, `${address} weighs ${weight} bytes: ${JSON.stringify(weights)}`);
    }
});

test("nothing moves while a page is loaded", async (test) => {
    for (const width of [390, 1400]) {
        const page = await opened(test, EVERYTHING, { viewport: { width, height: 800 } });
        const shift = await page.evaluate(() => new Promise((resolve) => {
            let sum = 0;
            new PerformanceObserver((list) => {
                for (const entry of list.getEntries()) sum += entry.value;
            }).observe({ type: "layout-shift", buffered: true });
            setTimeout(() => resolve(sum), 300);
        }));
        assert.ok(shift < 0.02, `the page at ${width} moved by ${shift}`);
    }
});

test("there is room for pictures before they are there", async (test) => {
    for (const width of [390, 1200]) {
        const context = await chrome.newContext({ viewport: { width, height: 800 } });
        test.after(() => context.close());
        const page = await context.newPage();
        await page.route(/\.(png|webp)$/, () => {});
        await page.goto(url + WRITTEN, { waitUntil: "domcontentloaded" });
        const sizes = await page.locator(".prose figure img").evaluateAll((all) => all.map((one) => [one.clientWidth, one.clientHeight]));
        assert.equal(sizes.length, 4);
        for (const [wide, high] of sizes) assert.ok(wide > 100 && Math.abs(wide - 2 * high) < 3, `${sizes}`);
    }
});

test("the switch changes between light and dark, and is remembered without a flash", async (test) => {
    const page = await opened(test, "/", { colorScheme: "light" });
    const light = await background(page);
    const events = await page.evaluate(() => {
        window.told = [];
        document.addEventListener("themechange", (event) => window.told.push(event.detail));
    });
    assert.equal(events, undefined);
    await page.getByRole("button", { name: "Switch between light and dark" }).click();
    const dark = await background(page);
    assert.notEqual(dark, light);
    assert.deepEqual(await page.evaluate(() => window.told), ["dark"]);
    // The theme is set before anything is painted: when the body begins.
    await page.addInitScript(() => {
        new MutationObserver(() => {
            if (document.body && !window.first) window.first = document.documentElement.dataset.theme;
        }).observe(document, { childList: true, subtree: true });
    });
    await page.goto(url + post);
    assert.equal(await background(page), dark);
    assert.equal(await page.evaluate(() => window.first), "dark");
    await page.emulateMedia({ colorScheme: "dark" });
    await page.getByRole("button", { name: "Switch between light and dark" }).click();
    assert.equal(await background(page), light);
    await page.evaluate(() => { document.documentElement.dataset.theme = "dark"; });
    await page.emulateMedia({ media: "print" });
    assert.equal(await background(page), "rgb(255, 255, 255)");
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "light");
});

test("a page is operated by keyboard", async (test) => {
    const page = await opened(test, EVERYTHING);
    const focused = () => page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.id);
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "Skip to the text");
    assert.ok(await page.locator(".skip").isVisible());
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    const reached = new Set();
    for (let tabs = 0; tabs < 40; tabs++) {
        await page.keyboard.press("Tab");
        reached.add(await page.evaluate(() => document.activeElement.localName + (document.activeElement.className ? `.${document.activeElement.className}` : "")));
    }
    for (const wanted of ["button.copy", "img", "a.anchor"]) assert.ok(reached.has(wanted), `${wanted}: ${[...reached]}`);
});

test("code is copied", async (test) => {
    const page = await opened(test, EVERYTHING, { permissions: ["clipboard-read", "clipboard-write"] });
    const button = page.locator(".copy").first();
    await button.focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector(".copy").textContent === "Copied");
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /^def answer\(question: str\) -> int:\n {4}return 42/);
    assert.ok(!copied.endsWith("\n"));
});

test("a table of results is sorted, also by keyboard, and put back", async (test) => {
    const page = await opened(test, RESULTS);
    const table = page.locator("table").first();
    const rows = () => table.locator("tbody th").allInnerTexts();
    const written = ["Narrow", "Wide", "Wider", "Wide and slow"];
    assert.deepEqual(await rows(), written);
    const head = table.locator("thead th", { hasText: "accuracy" });
    await head.locator("button").click();
    assert.deepEqual(await rows(), ["Narrow", "Wide and slow", "Wide", "Wider"]);
    assert.equal(await head.getAttribute("aria-sort"), "ascending");
    await page.keyboard.press("Enter");
    assert.deepEqual(await rows(), ["Wider", "Wide", "Wide and slow", "Narrow"]);
    // Rows without a number are last in either order.
    const width = table.locator("thead th", { hasText: "model.width" });
    await width.locator("button").click();
    assert.deepEqual(await rows(), ["Wide", "Wide and slow", "Wider", "Narrow"]);
    await page.keyboard.press("Enter");
    assert.deepEqual(await rows(), ["Wider", "Wide and slow", "Wide", "Narrow"]);
    assert.equal(await head.getAttribute("aria-sort"), null);
    await page.keyboard.press("Enter");
    assert.deepEqual(await rows(), written);
    // In another order, differences to the row above would be wrong.
    assert.equal(await page.locator("table").nth(1).locator("button").count(), 0);
    assert.deepEqual(page.problems, []);
});

test("numbers of a table are aligned at the point", async (test) => {
    const page = await opened(test, RESULTS);
    const places = await page.evaluate(() => {
        const column = [...document.querySelectorAll("table")[1].tBodies[0].rows].slice(1).map((row) => row.cells[2]);
        return column.map((cell) => {
            const text = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT).nextNode();
            const range = document.createRange();
            const point = text.data.indexOf(".");
            range.setStart(text, point);
            range.setEnd(text, point + 1);
            return range.getBoundingClientRect().left;
        });
    });
    assert.equal(places.length, 3);
    for (const place of places) assert.ok(Math.abs(place - places[0]) < 3, places.join(" "));
});

test("a picture is enlarged and put back", async (test) => {
    const page = await opened(test, EVERYTHING);
    const image = page.locator(".prose img");
    await image.focus();
    await page.keyboard.press("Enter");
    await page.locator("dialog.zoom[open] img").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog.zoom").waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => document.activeElement.localName), "img");
    await image.click();
    await page.locator("dialog.zoom").click();
    await page.locator("dialog.zoom").waitFor({ state: "detached" });
});

test("the table of contents follows", async (test) => {
    const page = await opened(test, EVERYTHING, { viewport: { width: 1400, height: 500 } });
    const current = () => page.locator(".toc a[aria-current]").allInnerTexts();
    assert.deepEqual(await current(), []);
    await page.locator("#a-table").evaluate((heading) => heading.scrollIntoView({ behavior: "instant" }));
    await page.waitForFunction(() => document.querySelector(".toc a[aria-current]")?.textContent === "A table");
    await page.setViewportSize({ width: 390, height: 800 });
    assert.equal(await page.locator(".toc details").getAttribute("open"), null);
});

test("a post in another language has its direction, words and dates", async (test) => {
    const page = await opened(test, ARABIC);
    const style = (selector) => page.locator(selector).first().evaluate((element) => getComputedStyle(element).direction);
    assert.equal(await style(".prose"), "rtl");
    assert.equal(await style("pre"), "ltr");
    assert.equal(await page.locator(".post-header time").innerText(), "3 يناير 2026");
    assert.equal(await page.locator(".copy").getAttribute("type"), "button");
    assert.equal(await page.locator(".copy").innerText(), "نسخ");
});

test("a page is complete without scripts, and on paper", async (test) => {
    const page = await opened(test, post, { javaScriptEnabled: false, viewport: { width: 1400, height: 800 } });
    assert.equal(await page.locator(".theme-switch").isVisible(), false);
    assert.ok(await page.locator("svg.lp-wide").first().isVisible());
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.locator(".site-header nav").isVisible(), false);
    assert.ok(await page.locator("h1").isVisible());
});
