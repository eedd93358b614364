// The search page of the built-in theme, and comments that wait until they are asked for.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, test } from "node:test";
import { PROGRAM, Site, browser, picture } from "./preview.js";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const TYPES = { ".css": "text/css", ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".json": "application/json" };
const CONFIG = `title: A blog
url: https://example.org
markdown: CommonMark
permalink: /:title/
comments: {provider: utterances, repo: ann/blog}
defaults: [{scope: {path: "", type: posts}, values: {layout: post}}]
`;

let chrome;
let server;
let url;
let removed;

before(async () => {
    chrome = await browser();
    const site = await Site.create({ after: (remove) => { removed = remove; } }, {
        "_config.yml": CONFIG,
        "_posts/2026-01-01-cpp.md": "---\ntitle: On C++\ntags: [C++]\ncomments: true\nshare: true\n---\nText.\n\n## Templates\n\nThey are compiled.\n",
        "_posts/2026-01-02-c.md": "---\ntitle: On C\n---\nText.\n\n<div data-search-ignore>compiled secretly</div>\n",
        "_posts/2026-01-03-chinese.md": "---\ntitle: 深度学习\n---\n机器学习的一部分。\n",
    });
    execFileSync(PROGRAM, ["build", "--locked"], { cwd: site.folder, stdio: "pipe" });
    server = createServer((request, response) => {
        const name = decodeURIComponent(new URL(request.url, "http://a").pathname).replace(/\/$/, "/index.html");
        try {
            const bytes = readFileSync(path.join(site.folder, "public", name));
            response.writeHead(200, { "content-type": TYPES[path.extname(name)] ?? "application/octet-stream" });
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
    await removed();
});

async function opened(test, address, options = {}) {
    const context = await chrome.newContext({ viewport: { width: 1000, height: 700 }, ...options });
    test.after(() => context.close());
    const page = await context.newPage();
    page.loaded = [];
    page.on("request", (request) => page.loaded.push(request.url()));
    await page.goto(url + address);
    return page;
}

/** The titles that are found for what is typed. */
async function found(page, query) {
    await page.getByRole("searchbox").fill(query);
    await page.waitForFunction((query) => new URLSearchParams(location.search).get("q") === query, query);
    await page.waitForFunction(() => document.getElementById("search-status").textContent);
    await page.waitForTimeout(300);
    return page.locator("#search-results a").allTextContents();
}

test("words, starts of words, C++ and Chinese are found, and marked parts are not", async (test) => {
    const page = await opened(test, "/search/");
    assert.deepEqual(await found(page, "C++"), ["On C++"]);
    assert.deepEqual(await found(page, "学习"), ["深度学习"]);
    assert.deepEqual(await found(page, "compil"), ["On C++ › Templates"]);
    assert.deepEqual(await found(page, "secretly"), []);
    assert.deepEqual((await found(page, "text")).sort(), ["On C", "On C++"]);
});

test("the keyboard is enough", async (test) => {
    const page = await opened(test, "/search/?q=compiled");
    await page.locator("#search-results a").first().waitFor();
    await page.getByRole("searchbox").focus();
    await page.keyboard.press("ArrowDown");
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "A");
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement.id), "search-input");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/cpp/#templates");
});

test("nothing is loaded from elsewhere before comments are asked for, and they follow the theme", async (test) => {
    const page = await opened(test, "/cpp/", { colorScheme: "dark" });
    assert.deepEqual(page.loaded.filter((one) => !one.startsWith(url)), []);
    await page.route("https://utteranc.es/**", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
    await page.getByRole("button", { name: "Show comments" }).click();
    const script = page.locator(".comments script");
    assert.equal(await script.getAttribute("theme"), "github-dark");
    assert.equal(await script.getAttribute("repo"), "ann/blog");
});

test("axe finds nothing", async (test) => {
    for (const address of ["/search/?q=text", "/cpp/"]) {
        for (const colorScheme of ["light", "dark"]) {
            const page = await opened(test, address, { colorScheme, viewport: { width: 390, height: 800 } });
            if (address !== "/cpp/") await page.locator("#search-results a").first().waitFor();
            await page.addScriptTag({ path: AXE });
            const { violations } = await page.evaluate(() => window.axe.run());
            assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html)}`), []);
            await picture(page, `search-${colorScheme}`);
        }
    }
});
