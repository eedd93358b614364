// What the tests share: a site in a temporary folder, `labpress serve` in it, and a browser.

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

const ROOT = path.resolve(import.meta.dirname, "../..");
export const PROGRAM = process.env.LABPRESS ?? path.join(ROOT, "target/debug/labpress");
const LIMIT = 60_000;

/** A site that is removed with the test. */
export class Site {
    static async create(test, files) {
        const folder = await mkdtemp(path.join(tmpdir(), "labpress-"));
        test.after(() => rm(folder, { recursive: true, force: true }));
        const site = new Site(folder);
        for (const [name, text] of Object.entries(files)) await site.write(name, text);
        return site;
    }

    constructor(folder) {
        this.folder = folder;
    }

    async write(name, text) {
        const file = path.join(this.folder, name);
        await mkdir(path.dirname(file), { recursive: true });
        await writeFile(file, text);
    }

    read(name) {
        return readFile(path.join(this.folder, name), "utf8");
    }

    remove(name) {
        return rm(path.join(this.folder, name));
    }
}

/** `labpress serve` at work in a site. */
export class Serving {
    static async start(test, site, ...options) {
        const port = options.includes("--port") ? [] : ["--port", "0"];
        const child = spawn(PROGRAM, ["serve", ...port, ...options], {
            cwd: site.folder, stdio: ["ignore", "ignore", "pipe"],
        });
        const serving = new Serving(child);
        test.after(() => serving.stop());
        const [, url] = await serving.said(/serving (http:\S+)/);
        serving.url = url;
        return serving;
    }

    constructor(child) {
        this.child = child;
        this.text = "";
        child.stderr.setEncoding("utf8").on("data", (text) => { this.text += text; });
    }

    /** Waits until the terminal shows something, and returns it. */
    async said(pattern) {
        for (const end = Date.now() + LIMIT; Date.now() < end;) {
            const found = this.text.match(pattern);
            if (found) return found;
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        throw new Error(`${pattern} was not said:\n${this.text}`);
    }

    stop() {
        if (this.child.exitCode !== null || this.child.signalCode !== null) return undefined;
        const stopped = new Promise((resolve) => this.child.once("exit", resolve));
        this.child.kill("SIGINT");
        return stopped;
    }
}

/** A browser; Debian's, unless `CHROMIUM` names another. */
export function browser() {
    return chromium.launch({
        executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
        args: ["--no-sandbox", "--disable-gpu"],
    });
}

/** Writes a picture of the page if `SCREENSHOTS` names a folder. */
export async function picture(page, name) {
    if (!process.env.SCREENSHOTS) return;
    await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${name}.png`) });
}

/** Opens a page in a window of its own, and leaves a mark that a reload removes. */
export async function open(test, browser, url, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1000, height: 700 }, ...options });
    test.after(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(LIMIT);
    page.on("pageerror", (error) => console.error("page:", error));
    await page.goto(url);
    await stay(page);
    return page;
}

export async function stay(page) {
    // The client has connected when it has fetched the page as it was served.
    await page.waitForFunction(() => document.querySelector("labpress-preview"));
    await page.evaluate(() => { window.mark = true; });
}

export function wasReloaded(page) {
    return page.evaluate(() => !window.mark);
}
