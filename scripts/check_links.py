#!/usr/bin/env python3
"""Checks that the relative links in the committed Markdown files lead to files and headings that exist."""

import pathlib
import re
import subprocess
import sys

# Posts and pages link to addresses of the built site, and those under `tests` belong to test sites.
EXCLUDED = ("_posts/", "pages/", "tests/", "crates/kramdown/tests/")
# A link's text may begin on the line before.
LINK = re.compile(r"\]\(<?([^()\s>]+)>?(?:\s+\"[^\"]*\")?\)")
DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$")


def prose(text):
    """Yields the lines with their numbers, without code."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if mark and fence is None:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = None
        elif fence is None:
            yield number, re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", lambda code: "`" * len(code[0]), line)


def anchors(path):
    """The ids of the headings, as GitHub makes them."""
    ids = {}
    found = set()
    fence = None
    for line in path.read_text().splitlines():
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if mark:
            fence = mark[1] if fence is None else None
        heading = fence is None and re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
        found.update(re.findall(r"\b(?:id|name)=\"([^\"]+)\"", line))
        if heading:
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            name = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            count = ids[name] = ids.get(name, -1) + 1
            found.add(f"{name}-{count}" if count else name)
    return found


def problems(root, paths):
    files = set(paths)
    folders = {str(parent) for path in paths for parent in pathlib.PurePath(path).parents}
    for path in paths:
        if not path.endswith(".md") or path.startswith(EXCLUDED):
            continue
        for number, line in prose((root / path).read_text()):
            definition = DEFINITION.match(line)
            for target in LINK.findall(line) + ([definition[1]] if definition else []):
                if re.match(r"[a-z][a-z0-9+.-]*:|//", target):
                    continue
                file, _, anchor = target.partition("#")
                parts = []
                for part in (pathlib.PurePath(path).parent / file).parts if file else pathlib.PurePath(path).parts:
                    if part == "..":
                        parts = parts[:-1]
                    else:
                        parts.append(part)
                linked = "/".join(parts) or "."
                if linked not in files and linked not in folders:
                    yield f"{path}:{number}: `{target}` leads to no file of the repository"
                elif anchor and linked.endswith(".md") and anchor not in anchors(root / linked):
                    yield f"{path}:{number}: `{linked}` has no heading `#{anchor}`"


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=root, text=True)
    found = list(problems(root, [path for path in listed.split("\0") if path]))
    for problem in found:
        print(f"error: {problem}", file=sys.stderr)
    print(f"links in Markdown files: {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
