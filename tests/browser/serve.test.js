// `labpress serve` as its user sees it: what a page does while its site is written.

import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { Serving, Site, browser, open, picture, stay, wasReloaded } from "./preview.js";

const LAYOUT = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ page.title }}</title>
<link rel="stylesheet" href="/style.css"></head>
<body>
<nav><a href="/">Home</a></nav>
<main><h1>{{ page.title }}</h1>
{{ content | safe }}
</main></body></html>
`;
const POST = "_posts/2026-01-02-a.md";
const PAGE = "2026/01/02/a.html";
const STYLE = "body { font: 16px sans-serif; margin: 1rem }\nh1 { color: rgb(0, 0, 200) }\n";
const LINES = Array.from({ length: 80 }, (_, number) => `Paragraph ${number}.`).join("\n\n");

const post = (body, title = "A") => `---\ntitle: ${title}\nlayout: post\n---\n${body}\n`;
const files = {
    "_config.yml": "title: Test\nurl: https://example.org\n",
    "_layouts/post.html": LAYOUT,
    "style.css": STYLE,
    "index.html": "---\nlayout: post\ntitle: Home\n---\n{% for post in site.posts %}<p><a href=\"{{ post.url }}\">{{ post.title }}</a></p>{% endfor %}\n",
    [POST]: post(`First.\n\n${LINES}`),
};

let chrome;
before(async () => { chrome = await browser(); });
after(() => chrome.close());

async function opened(test, more = {}, address = PAGE, options = {}) {
    const site = await Site.create(test, { ...files, ...more });
    const serving = await Serving.start(test, site);
    const page = await open(test, chrome, serving.url + address, options);
    return { site, serving, page };
}

const shows = (page, text) => page.waitForFunction(
    (text) => document.body.innerText.includes(text), text);
const panel = (page, selector) => page.locator(`labpress-preview ${selector}`);

test("a saved post changes in place and keeps its place", async (test) => {
    const { site, page } = await opened(test);
    await page.evaluate(() => scrollTo(0, 1200));
    await site.write(POST, post(`First.\n\n${LINES}\n\nAnd the last one.`, "Another title"));
    await shows(page, "And the last one.");
    assert.equal(await page.title(), "Another title");
    assert.equal(await page.locator("h1").innerText(), "Another title");
    assert.equal(await page.evaluate(() => scrollY), 1200);
    assert.equal(await wasReloaded(page), false);
});

test("what its reader opened and typed stays", async (test) => {
    const form = "<details><summary>More</summary><p>Inside.</p></details>\n<input name=\"a\">";
    const { site, page } = await opened(test, { [POST]: post(`${form}\n\nFirst.`) });
    await page.locator("main summary").click();
    await page.locator("input").fill("typed");
    await site.write(POST, post(`New.\n\n${form}\n\nSecond.`));
    await shows(page, "Second.");
    await shows(page, "New.");
    assert.equal(await page.locator("main details").getAttribute("open"), "");
    assert.equal(await page.locator("input").inputValue(), "typed");
    assert.equal(await wasReloaded(page), false);
});

test("a post saved while its page is loaded changes in place", async (test) => {
    const site = await Site.create(test, files);
    const serving = await Serving.start(test, site);
    const context = await chrome.newContext();
    test.after(() => context.close());
    const page = await context.newPage();
    // What the client asks for is answered once there is another version.
    let release;
    const saved = new Promise((resolve) => { release = resolve; });
    await page.route(serving.url + PAGE, async (route) => {
        if (route.request().resourceType() === "fetch") await saved;
        await route.continue();
    });
    await page.goto(serving.url + PAGE);
    await page.evaluate(() => { window.mark = true; });
    await site.write(POST, post("Second."));
    while (!(await (await fetch(serving.url + PAGE)).text()).includes("Second."));
    release();
    await shows(page, "Second.");
    assert.equal(await wasReloaded(page), false);
});

test("a long series of edits gives what a reload would", async (test) => {
    const { site, page } = await opened(test);
    const parts = ["Text.", "- a\n- b", "| a | b |\n|---|---|\n| 1 | 2 |", "## Title", "> Quote", "`code`"];
    for (let round = 1; round <= 25; round++) {
        const chosen = Array.from({ length: 1 + (round * 7) % 9 }, (_, at) => parts[(round * at + at) % parts.length]);
        await site.write(POST, post(`${chosen.join("\n\n")}\n\nRound ${round}.`, `Title ${round}`));
        await shows(page, `Round ${round}.`);
        const [live, fresh] = await page.evaluate(async () => {
            const text = await (await fetch(location.href)).text();
            const fresh = new DOMParser().parseFromString(text, "text/html");
            const html = (page) => {
                page.querySelectorAll("script[data-session]").forEach((one) => one.remove());
                return page.title + page.querySelector("main").outerHTML;
            };
            return [html(document.cloneNode(true)), html(fresh)];
        });
        assert.equal(live, fresh);
    }
    assert.equal(await wasReloaded(page), false);
});

test("a style sheet and what it imports change without a reload", async (test) => {
    const { site, page } = await opened(test, { "part.css": "p { color: rgb(1, 1, 1) }", "style.css": `@import "part.css";\n${STYLE}` });
    const color = (selector) => page.locator(selector).first().evaluate((element) => getComputedStyle(element).color);
    assert.equal(await color("h1"), "rgb(0, 0, 200)");
    await site.write("style.css", `@import "part.css";\n${STYLE.replace("200", "100")}`);
    await page.waitForFunction(() => getComputedStyle(document.querySelector("h1")).color === "rgb(0, 0, 100)");
    await site.write("part.css", "p { color: rgb(2, 2, 2) }");
    await page.waitForFunction(() => getComputedStyle(document.querySelector("main p")).color === "rgb(2, 2, 2)");
    assert.equal(await page.locator("link[rel=stylesheet]").count(), 1);
    assert.equal(await wasReloaded(page), false);
});

test("a picture changes in place", async (test) => {
    const svg = (width) => `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="10"/>`;
    const { site, page } = await opened(test, { "a.svg": svg(10), [POST]: post("![A](/a.svg)") });
    await page.waitForFunction(() => document.querySelector("img").naturalWidth === 10);
    await site.write("a.svg", svg(20));
    await page.waitForFunction(() => document.querySelector("img").naturalWidth === 20);
    assert.equal(await wasReloaded(page), false);
});

test("errors lie over the page until they are fixed", async (test) => {
    const { site, page } = await opened(test);
    await site.write(POST, post("See {% value none.accuracy %}.\n\n{% include none.html %}"));
    const errors = panel(page, ".errors");
    await errors.waitFor();
    const text = await errors.innerText();
    assert.match(text, /_posts\/2026-01-02-a\.md:\d+:\d+/);
    assert.match(text, /none\.html/);
    assert.match(text, /help: /);
    await picture(page, "errors-light");
    await page.keyboard.press("Escape");
    await errors.waitFor({ state: "hidden" });
    await site.write(POST, post("{% nonsense %}"));
    await errors.waitFor();
    assert.match(await errors.innerText(), /1 error/);
    await site.write(POST, post("Fixed."));
    await shows(page, "Fixed.");
    await errors.waitFor({ state: "hidden" });
    assert.equal(await wasReloaded(page), false);
});

test("a site that starts with errors appears when they are fixed", async (test) => {
    const { site, page } = await opened(test, { "_config.yml": "title: [\n" });
    await panel(page, ".errors").waitFor();
    await site.write("_config.yml", files["_config.yml"]);
    await shows(page, "First.");
    await panel(page, ".errors").waitFor({ state: "hidden" });
});

test("a post is followed to its new address and keeps its place", async (test) => {
    const { site, page, serving } = await opened(test);
    await page.evaluate(() => scrollTo(0, 900));
    const to = "_posts/2026-03-04-a.md";
    await rename(path.join(site.folder, POST), path.join(site.folder, to));
    await page.waitForURL(`${serving.url}2026/03/04/a.html`);
    await page.waitForFunction(() => scrollY === 900);
    await stay(page);
    await site.write(to, post("Elsewhere."));
    await shows(page, "Elsewhere.");
});

test("a page appears as soon as it exists", async (test) => {
    const { site, page } = await opened(test, {}, "new.html");
    await site.write("new.md", post("Here it is."));
    await shows(page, "Here it is.");
});

test("drafts are marked, and so are links to them", async (test) => {
    const more = { "_drafts/idea.md": post("Idea.", "An idea"), "_posts/2999-01-02-later.md": post("Later.", "Later") };
    const { page, serving } = await opened(test, more, "");
    const mark = (title) => page.locator("a", { hasText: title }).getAttribute("data-labpress-mark");
    await page.locator("a[data-labpress-mark]").first().waitFor();
    assert.deepEqual([await mark("An idea"), await mark("Later")], ["draft", "future"]);
    assert.equal(await page.locator(`a[href="/${PAGE}"]`).getAttribute("data-labpress-mark"), null);
    await picture(page, "marks-light");
    await page.goto(`${serving.url}2999/01/02/later.html`);
    assert.match(await panel(page, ".mark").innerText(), /Dated in the future/);
});

test("a page whose scripts change its content is reloaded where it has to be", async (test) => {
    const script = "<script>document.querySelector('.made').textContent = document.querySelector('.given').textContent.length;</script>";
    const body = (text) => post(`<p class="given">${text}</p>\n<p class="made">?</p>\n\n${LINES}\n\n${script}`);
    const { site, page } = await opened(test, { [POST]: body("abc") });
    assert.equal(await page.locator(".made").innerText(), "3");
    await page.evaluate(() => scrollTo(0, 700));
    // What the script made differs from what was served, and has to change.
    await site.write(POST, body("abcde").replace(">?<", ">!<"));
    await page.waitForFunction(() => document.querySelector(".made").textContent === "5");
    await page.waitForFunction(() => scrollY === 700);
    assert.equal(await wasReloaded(page), true);
});

test("a page catches up with the next session", async (test) => {
    const { site, page, serving } = await opened(test);
    await serving.stop();
    await panel(page, ".lost").waitFor();
    await picture(page, "lost-light");
    await site.write(POST, post("While nobody looked."));
    const port = new URL(serving.url).port;
    await Serving.start(test, site, "--port", port);
    await shows(page, "While nobody looked.");
    await panel(page, ".lost").waitFor({ state: "hidden" });
    assert.equal(await wasReloaded(page), false);
});

test("eight pages at once are all told", async (test) => {
    const { site, page, serving } = await opened(test);
    const context = page.context();
    const pages = [page];
    for (let number = 0; number < 7; number++) {
        const other = await context.newPage();
        await other.goto(serving.url + PAGE);
        pages.push(other);
    }
    await site.write(POST, post("For all."));
    for (const one of pages) {
        await one.bringToFront();
        await shows(one, "For all.");
    }
});

test("another site can neither embed nor read the preview", async (test) => {
    const { page, serving } = await opened(test);
    const other = await opened(test, {}, "");
    const [image, text] = await other.page.evaluate(async (address) => {
        const image = await new Promise((resolve) => {
            const image = new Image();
            image.onload = () => resolve("loaded");
            image.onerror = () => resolve("refused");
            image.src = `${address}favicon.svg`;
        });
        const text = await fetch(address).then((response) => response.text(), () => "refused");
        return [image, text];
    }, serving.url.replace("127.0.0.1", "localhost"));
    assert.deepEqual([image, text], ["refused", "refused"]);
    assert.equal(await page.locator("h1").innerText(), "A");
});

for (const [name, options] of Object.entries({
    dark: { colorScheme: "dark" },
    phone: { viewport: { width: 390, height: 700 } },
    "phone-dark": { viewport: { width: 390, height: 700 }, colorScheme: "dark" },
})) {
    test(`the panel fits: ${name}`, async (test) => {
        const { site, page } = await opened(test, { "_drafts/idea.md": post("Idea.", "An idea") }, "", options);
        await picture(page, `marks-${name}`);
        const long = "a-very-long-name-".repeat(8);
        await site.write(POST, post(`{% include ${long}.html %}\n\n{% value none.accuracy %}`));
        await panel(page, ".errors").waitFor();
        await picture(page, `errors-${name}`);
        const fits = await page.evaluate(() => {
            const panel = document.querySelector("labpress-preview").shadowRoot.querySelector(".errors");
            return panel.scrollWidth <= panel.clientWidth && panel.getBoundingClientRect().right <= innerWidth;
        });
        assert.ok(fits);
    });
}

const TRAIN = `
import json, os, pathlib, time
folder = pathlib.Path(os.environ["LABPRESS_RUN"])
job = json.loads((folder / "run.json").read_text())
params = job["params"]
with open(folder / "events.jsonl", "a") as events:
    def say(event, **facts):
        print(json.dumps({"event": event, **facts}), file=events, flush=True)
    say("start", environment={"device": "none"})
    for epoch in range(1, params["epochs"] + 1):
        time.sleep(params["seconds"])
        say("metric", name="valid.accuracy", step=epoch, value=1 - 1 / (1.5 + epoch * params["rate"] + job["seed"] / 5))
        if epoch == params.get("fail-at"):
            raise SystemExit("the net caught fire")
    say("metric", name="accuracy", value=1 - 1 / (1 + params["epochs"] * params["rate"]))
    say("done")
`;
const EXPERIMENT = `title: A toy
runner: {command: [python3, train.py], inputs: [train.py]}
seeds: 2
params: {epochs: 12, rate: 0.1, seconds: 0.2}
variants:
  slow: {}
  fast: {rate: 0.5}
  broken: {fail-at: 3}
metrics: {accuracy: {goal: max, unit: "%"}, valid.accuracy: {goal: max, unit: "%"}}
`;

for (const [name, options] of Object.entries({
    light: {},
    dark: { colorScheme: "dark" },
    phone: { viewport: { width: 390, height: 800 } },
})) {
    test(`a chart grows while its runs are at work: ${name}`, async (test) => {
        const site = await Site.create(test, {
            ...files,
            "experiments/toy/experiment.yml": EXPERIMENT,
            "experiments/toy/train.py": TRAIN,
            [POST]: post("Fast is at {% value toy.fast.valid.accuracy %}, and ends at {% value toy.fast.accuracy %}.\n\n{% chart toy curves %}"),
        });
        const serving = await Serving.start(test, site, "--train", "--jobs", "2");
        const page = await open(test, chrome, serving.url + PAGE, options);
        const rows = () => page.locator(".labpress-numbers tr").count();
        await page.locator("div.labpress-provisional").waitFor();
        const first = await rows();
        await page.waitForFunction((first) => document.querySelectorAll(".labpress-numbers tr").length > first + 1, first);
        assert.match(await panel(page, ".runs summary").innerText(), /\d running/);
        await page.waitForFunction(() => document.querySelectorAll(".labpress-provisional").length > 1);
        await panel(page, ".runs summary").click();
        await picture(page, `training-${name}`);
        assert.match(await panel(page, ".runs li").first().innerText(), /toy\/\S+ seed \d/);
        await page.waitForFunction(() => document.querySelector("labpress-preview").shadowRoot.querySelector(".runs").innerText.includes("failed"));
        await site.write("experiments/toy/experiment.yml", EXPERIMENT.replace("  broken: {fail-at: 3}\n", ""));
        await page.waitForFunction(() => !document.querySelector(".labpress-provisional, .labpress-missing"));
        await panel(page, ".runs").waitFor({ state: "hidden" });
        assert.equal(await page.locator("figure svg").first().isVisible(), true);
        assert.equal(await wasReloaded(page), false);
        await picture(page, `trained-${name}`);
    });
}
