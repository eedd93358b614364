#!/usr/bin/env python3
"""Writes the same blog for labpress, Zola, Hugo, Eleventy or Blades.

    benches/ssg/site.py labpress 1000 FOLDER [--highlight] [--code rare]

Post number i is always the same, so a blog of 100 posts is the oldest part of one of 1,000. Bodies are the same for all
generators; front matter, templates and configuration differ. Each blog has a page for each post with links to its
neighbours, an index with 10 posts a page, a list of tags and a page for each tag, a feed of the newest 20 posts with
their content, a sitemap, a style sheet and images.

`--code` chooses the languages of the code blocks: `common` (Rust and Python) or `rare` (Haskell and Lua), for which
labpress has no lexer of its own. Blades always highlights, and it writes posts to `/posts/SLUG.html`.
"""

import argparse, datetime, pathlib, random, struct, zlib

GENERATORS = ("labpress", "zola", "hugo", "eleventy", "blades")
TITLE, DESCRIPTION, URL = "Field Notes", "Notes on measuring things", "https://notes.example.org"
POSTS_A_PAGE, POSTS_IN_FEED = 10, 20

TAGS = [f"{first}-{second}" for first in ("data", "field", "lab", "model", "sensor", "survey")
        for second in ("basics", "cost", "errors", "history", "methods", "tools")] + ["meta", "reading"]
# The first tags are much more common than the last.
WEIGHTS = [1 / (1 + place) ** 0.7 for place in range(len(TAGS))]

SUBJECTS = """the probe;a second observer;our cheapest instrument;the calibration curve;this batch of samples;the operator;
an older survey;the reference lamp;a spreadsheet;the drift of the clock;every third reading;the control group;
a linear fit;the noise floor;the weather station;a careful beginner;the archive;the shared notebook""".replace("\n", "").split(";")
VERBS = """agrees with;overstates;hides;depends on;replaces;outlives;explains;is blind to;precedes;follows;contradicts;
comes close to;smooths over;doubles;rarely matches;was meant to check;saves""".replace("\n", "").split(";")
OPENINGS = """As it turned out,;On most days,;Strictly speaking,;In the second week,;With a longer cable,;Nobody noticed that;
Once the lamp is warm,;For a fixed price,;After cleaning,;Taken together,;Seen from the archive,""".replace("\n", "").split(";")
ENDINGS = """by a few per cent;in every series we kept;before the first frost;although the manual says otherwise;
with no change to the protocol;at the same temperature;until somebody moved the table;for reasons given below;
as the figure shows;when the sun is low;and costs nothing""".replace("\n", "").split(";")
HEADINGS = """What was measured;The setup;Results;A note on units;Where it went wrong;Counting again;Cost;
What remains open;The long series;How to repeat this;Two kinds of error;A simpler way""".replace("\n", "").split(";")


class Post:
    """Post number `number`; `slugs` are those of all posts before it."""

    def __init__(self, number, slugs, code):
        self.random = random.Random(f"post {number}")
        self.title = f"{self.random.choice(HEADINGS)}: {self.random.choice(SUBJECTS)}, part {number}"
        self.slug = slug_of(number)
        self.description = self.sentence()
        self.date = datetime.datetime(2000, 1, 1) + datetime.timedelta(hours=2 * number)
        tags = self.random.choices(TAGS, WEIGHTS, k=self.random.randint(2, 4))
        self.tags = sorted(set(tags))
        self.body = self.make_body(slugs, code)

    def sentence(self):
        pick = self.random.choice
        text = f"{pick(SUBJECTS)} {pick(VERBS)} {pick(SUBJECTS)} {pick(ENDINGS)}"
        if self.random.random() < 0.4:
            text = f"{pick(OPENINGS)} {text}"
        if self.random.random() < 0.3:
            text += f", and {pick(SUBJECTS)} {pick(VERBS)} {pick(SUBJECTS)}"
        return text[0].upper() + text[1:] + "."

    def paragraph(self, slugs):
        sentences = [self.sentence() for _ in range(self.random.randint(3, 6))]
        extras = [
            lambda text: text.replace("the ", "the *only* ", 1),
            lambda text: text.replace("the ", "the **first** ", 1),
            lambda text: text + f" See [the manual](https://manual.example.org/{self.random.randint(1, 99)}).",
            lambda text: text + f" The setting is `gain = {self.random.randint(1, 64)}`.",
        ]
        if slugs:
            extras.append(lambda text: text + f" An [earlier note](/posts/{self.random.choice(slugs)}/) has more.")
        at = self.random.randrange(len(sentences))
        sentences[at] = self.random.choice(extras)(sentences[at])
        return " ".join(sentences)

    def make_body(self, slugs, code):
        paragraphs = lambda least, most: [self.paragraph(slugs) for _ in range(self.random.randint(least, most))]
        first, second = CODE[code]
        bullets = [f"- {self.sentence()}" for _ in range(self.random.randint(3, 6))]
        steps = [f"{place}. {self.sentence()}" for place in range(1, self.random.randint(4, 6))]
        rows = [f"| run {row} | {self.random.uniform(1, 9):.2f} | {self.random.randint(3, 400)} |" for row in range(1, 6)]
        blocks = [
            *paragraphs(2, 3),
            self.sentence()[:-1] + ".[^1]",
            self.heading(2), *paragraphs(2, 3), first(self.random),
            self.heading(3), *paragraphs(1, 2), "\n".join(bullets),
            f"![{self.sentence()}](/images/{self.random.randint(1, 4)}.png)",
            self.heading(2), *paragraphs(2, 3), "\n".join(["| run | mean | count |", "|---|---:|---:|", *rows]),
            f"> {self.sentence()} {self.sentence()}",
            self.heading(3), *paragraphs(1, 2), second(self.random), "\n".join(steps),
            self.heading(2), *paragraphs(1, 2),
            f"[^1]: {self.sentence()}",
        ]
        return "\n\n".join(blocks) + "\n"

    def heading(self, level):
        return f"{'#' * level} {self.random.choice(HEADINGS)}"


def slug_of(number):
    words = random.Random(f"slug {number}").sample("amber birch clay dune ember fern granite heath iris juniper".split(), 3)
    return "-".join([*words, str(number)])


def rust(chance):
    name, limit = chance.choice(("Window", "Series", "Probe", "Sample")), chance.randint(8, 512)
    return f"""```rust
use std::collections::VecDeque;

/// Keeps the last {limit} readings.
#[derive(Debug, Clone)]
pub struct {name} {{
    readings: VecDeque<f64>,
    sum: f64,
}}

impl {name} {{
    pub const LIMIT: usize = {limit};

    pub fn push(&mut self, reading: f64) -> Option<f64> {{
        // A reading that is not finite would spoil the sum for good.
        if !reading.is_finite() {{
            return None;
        }}
        self.sum += reading;
        self.readings.push_back(reading);
        match self.readings.len() > Self::LIMIT {{
            true => self.readings.pop_front().inspect(|old| self.sum -= old),
            false => None,
        }}
    }}

    pub fn mean(&self) -> f64 {{
        self.sum / self.readings.len().max(1) as f64
    }}
}}
```"""


def python(chance):
    name, scale = chance.choice(("drift", "spread", "offset", "level")), chance.uniform(0.1, 3)
    return f'''```python
import csv
from dataclasses import dataclass, field


@dataclass
class Log:
    """One day of readings."""

    station: str
    values: list[float] = field(default_factory=list)

    def {name}(self, scale: float = {scale:.3f}) -> float:
        if not self.values:
            raise ValueError(f"no readings for {{self.station!r}}")
        centre = sum(self.values) / len(self.values)
        return scale * sum((value - centre) ** 2 for value in self.values)


def read(path, *, skip=1):
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        for _ in range(skip):
            next(rows, None)
        return [Log(row[0], [float(cell) for cell in row[1:]]) for row in rows]


print(max(log.{name}() for log in read("2019.csv")))  # the worst day
```'''


def haskell(chance):
    name, limit = chance.choice(("Window", "Series", "Probe")), chance.randint(8, 512)
    return f"""```haskell
module {name} (push, mean) where

import Data.List (foldl')
import qualified Data.Map.Strict as Map

-- | Keeps the last {limit} readings.
data {name} = {name} {{ readings :: [Double], station :: String }}
  deriving (Eq, Show)

limit :: Int
limit = {limit}

push :: Double -> {name} -> {name}
push reading window
  | isNaN reading = window
  | otherwise = window {{ readings = take limit (reading : readings window) }}

mean :: {name} -> Maybe Double
mean ({name} [] _) = Nothing
mean window =
  let total = foldl' (+) 0 (readings window)
      count = fromIntegral (length (readings window))
   in Just (total / count)

byStation :: [{name}] -> Map.Map String [{name}]
byStation = Map.fromListWith (++) . map (\\window -> (station window, [window]))
```"""


def lua(chance):
    name, scale = chance.choice(("drift", "spread", "offset")), chance.uniform(0.1, 3)
    return f"""```lua
local Log = {{}}
Log.__index = Log

-- One day of readings.
function Log.new(station)
  return setmetatable({{ station = station, values = {{}} }}, Log)
end

function Log:{name}(scale)
  scale = scale or {scale:.3f}
  if #self.values == 0 then
    error("no readings for " .. self.station)
  end
  local sum = 0
  for _, value in ipairs(self.values) do
    sum = sum + value
  end
  local centre, squares = sum / #self.values, 0
  for _, value in ipairs(self.values) do
    squares = squares + (value - centre) ^ 2
  end
  return scale * squares
end

for line in io.lines("2019.csv") do
  local log = Log.new(line:match("^(%w+),"))
  print(log.station, string.format("%.2f", log:{name}())) -- one line a day
end
```"""


CODE = {"common": (rust, python), "rare": (haskell, lua)}

# ---------------------------------------------------------------------------------------------------------------------
# What all templates have in common, with %WORDS% for what differs.

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>%TITLE%</title>
<link rel="stylesheet" href="/css/site.css">
<link rel="alternate" type="application/atom+xml" href="/atom.xml">
</head>
<body>
<header><a href="/">Field Notes</a> <a href="/tags/">Tags</a></header>
<main>
%MAIN%
</main>
<footer><p>Notes on measuring things</p></footer>
</body>
</html>
"""
POST = """<article>
<h1>%NAME%</h1>
<p><time>%DAY%</time> %TAGS%</p>
%CONTENT%
</article>
<nav>%OLDER% %NEWER%</nav>"""
ENTRY = """<article>
<h2><a href="%ADDRESS%">%NAME%</a></h2>
<p><time>%DAY%</time> %DESCRIPTION%</p>
</article>
"""
LINE = '<li><time>%DAY%</time> <a href="%ADDRESS%">%NAME%</a></li>\n'
FEED = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
<title>Field Notes</title>
<id>https://notes.example.org/</id>
<link href="https://notes.example.org/atom.xml" rel="self"/>
<updated>2000-01-01T00:00:00Z</updated>
%ENTRIES%</feed>
"""
FEED_ENTRY = """<entry>
<title>%NAME%</title>
<id>https://notes.example.org%ADDRESS%</id>
<link href="https://notes.example.org%ADDRESS%"/>
<updated>%DAY%T00:00:00Z</updated>
<content type="html">%CONTENT%</content>
</entry>
"""
SITEMAP = """<?xml version="1.0" encoding="utf-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
%ENTRIES%</urlset>
"""
SITEMAP_ENTRY = "<url><loc>https://notes.example.org%ADDRESS%</loc></url>\n"


def fill(template, **words):
    for word, text in words.items():
        template = template.replace(f"%{word.upper()}%", text)
    return template


def labpress(posts, highlight):
    of = dict(name="{{ post.title }}", address="{{ post.url }}", day='{{ post.date | date(format="%Y-%m-%d") }}',
              description="{{ post.description }}", content="{{ post.content | escape }}")
    own = {key: text.replace("post.", "page.") for key, text in of.items()} | dict(content="{{ content | safe }}")
    extends = lambda title, main: (f'{{% extends "default.html" %}}\n{{% block title %}}{title}{{% endblock %}}\n'
                                   f"{{% block main %}}\n{main}\n{{% endblock %}}\n")
    link = lambda which: f'{{% if page.{which} %}}<a href="{{{{ page.{which}.url }}}}">{{{{ page.{which}.title }}}}</a>{{% endif %}}'
    each = lambda list, text: f"{{% for post in {list} %}}{text}{{% endfor %}}"
    yield "_config.yml", (f"title: {TITLE}\ndescription: {DESCRIPTION}\nurl: {URL}\npermalink: /posts/:title/\n"
                          f"paginate: {POSTS_A_PAGE}\nhighlight: {str(highlight).lower()}\n")
    yield "_layouts/default.html", fill(PAGE, title="{% block title %}Field Notes{% endblock %}",
                                        main="{% block main %}{{ content | safe }}{% endblock %}")
    tags = '{% for tag in page.tags %}<a href="/tags/{{ tag }}/">{{ tag }}</a> {% endfor %}'
    yield "_layouts/post.html", extends("{{ page.title }}", fill(POST, older=link("previous"), newer=link("next"), tags=tags, **own))
    pager = ('{% if paginator.previous_page %}<a href="{{ paginator.previous_page_path }}">Newer</a>{% endif %} '
             '{% if paginator.next_page %}<a href="{{ paginator.next_page_path }}">Older</a>{% endif %}')
    yield "_layouts/home.html", extends(TITLE, each("paginator.posts", fill(ENTRY, **of)) + pager)
    yield "_layouts/tags.html", extends("Tags", '<ul>{% for tag in site.tags %}<li><a href="{{ tag.url }}">{{ tag.name }}</a> '
                                                "({{ tag.posts | length }})</li>\n{% endfor %}</ul>")
    yield "_layouts/tag.html", extends("{{ page.tag }}", "<h1>{{ page.tag }}</h1>\n<ul>" + each("page.posts", fill(LINE, **of)) + "</ul>")
    yield "index.html", "---\nlayout: home\n---\n"
    yield "tags.html", "---\nlayout: tags\npermalink: /tags/\n---\n"
    newest = each(f"site.posts | slice(end={POSTS_IN_FEED})", fill(FEED_ENTRY, **of))
    yield "atom.xml", "---\nlayout: null\n---\n" + fill(FEED, entries=newest)
    all = fill(SITEMAP_ENTRY, address="/") + each("site.posts", fill(SITEMAP_ENTRY, **of))
    all += "{% for tag in site.tags %}" + fill(SITEMAP_ENTRY, address="{{ tag.url }}") + "{% endfor %}"
    yield "sitemap.xml", "---\nlayout: null\n---\n" + fill(SITEMAP, entries=all)
    for post in posts:
        tags = ", ".join(post.tags)
        yield f"_posts/{post.date:%Y-%m-%d}-{post.slug}.md", (
            f'---\nlayout: post\ntitle: "{post.title}"\ndate: {post.date:%Y-%m-%d %H:%M:%S} +0000\n'
            f'description: "{post.description}"\ntags: [{tags}]\n---\n\n{post.body}')
    yield from static("")


def zola(posts, highlight):
    of = dict(name="{{ post.title }}", address="{{ post.path | safe }}", day='{{ post.date | date(format="%Y-%m-%d") }}',
              description="{{ post.description }}", content="{{ post.content | escape_xml | safe }}")
    own = {key: text.replace("post.", "page.") for key, text in of.items()} | dict(content="{{ page.content | safe }}")
    extends = lambda title, main: (f'{{% extends "base.html" %}}\n{{% block title %}}{title}{{% endblock %}}\n'
                                   f"{{% block main %}}\n{main}\n{{% endblock %}}\n")
    link = lambda which: f'{{% if page.{which} %}}<a href="{{{{ page.{which}.path | safe }}}}">{{{{ page.{which}.title }}}}</a>{{% endif %}}'
    each = lambda list, text: f"{{% for post in {list} %}}{text}{{% endfor %}}"
    style = '\n[markdown.highlighting]\ntheme = "github-light"\nstyle = "class"\n' if highlight else ""
    yield "config.toml", (f'base_url = "{URL}"\ntitle = "{TITLE}"\ndescription = "{DESCRIPTION}"\ngenerate_feeds = true\n'
                          f'feed_filenames = ["atom.xml"]\nfeed_limit = {POSTS_IN_FEED}\ntaxonomies = [{{ name = "tags" }}]\n\n'
                          f"[markdown]\n{style}")
    yield "templates/base.html", fill(PAGE, title="{% block title %}Field Notes{% endblock %}",
                                      main="{% block main %}{% endblock %}")
    tags = '{% for tag in page.taxonomies.tags %}<a href="/tags/{{ tag }}/">{{ tag }}</a> {% endfor %}'
    yield "templates/page.html", extends("{{ page.title }}", fill(POST, older=link("lower"), newer=link("higher"), tags=tags, **own))
    pager = ('{% if paginator.previous %}<a href="{{ paginator.previous | safe }}">Newer</a>{% endif %} '
             '{% if paginator.next %}<a href="{{ paginator.next | safe }}">Older</a>{% endif %}')
    yield "templates/index.html", extends(TITLE, each("paginator.pages", fill(ENTRY, **of)) + pager)
    yield "templates/section.html", extends(TITLE, "")
    yield "templates/tags/list.html", extends("Tags", '<ul>{% for term in terms %}<li><a href="{{ term.path | safe }}">{{ term.name }}</a> '
                                                      "({{ term.page_count }})</li>\n{% endfor %}</ul>")
    yield "templates/tags/single.html", extends("{{ term.name }}", "<h1>{{ term.name }}</h1>\n<ul>" + each("term.pages", fill(LINE, **of)) + "</ul>")
    yield "templates/atom.xml", fill(FEED, entries=each("pages", fill(FEED_ENTRY, **of)))
    yield "content/_index.md", f'+++\nsort_by = "date"\npaginate_by = {POSTS_A_PAGE}\n+++\n'
    yield "content/posts/_index.md", '+++\nsort_by = "date"\ntransparent = true\nrender = false\n+++\n'
    for post in posts:
        tags = ", ".join(f'"{tag}"' for tag in post.tags)
        yield f"content/posts/{post.slug}.md", (
            f'+++\ntitle = "{post.title}"\ndate = {post.date:%Y-%m-%dT%H:%M:%SZ}\ndescription = "{post.description}"\n'
            f"[taxonomies]\ntags = [{tags}]\n+++\n\n{post.body}")
    yield from static("static/")


def hugo(posts, highlight):
    of = dict(name="{{ .Title }}", address="{{ .RelPermalink }}", day='{{ .Date.Format "2006-01-02" }}',
              description="{{ .Description }}", content="{{ .Content | transform.XMLEscape | safeHTML }}")
    defined = lambda title, main: f'{{{{ define "title" }}}}{title}{{{{ end }}}}\n{{{{ define "main" }}}}\n{main}\n{{{{ end }}}}\n'
    link = lambda which: f'{{{{ with .{which}InSection }}}}<a href="{{{{ .RelPermalink }}}}">{{{{ .Title }}}}</a>{{{{ end }}}}'
    each = lambda list, text: f"{{{{ range {list} }}}}{text}{{{{ end }}}}"
    yield "hugo.toml", (
        f'baseURL = "{URL}/"\ntitle = "{TITLE}"\ndisableKinds = ["section"]\n[taxonomies]\ntag = "tags"\n'
        f'[pagination]\npagerSize = {POSTS_A_PAGE}\n[outputs]\nhome = ["html", "rss"]\ntaxonomy = ["html"]\nterm = ["html"]\n'
        '[outputFormats.rss]\nbaseName = "atom"\nmediaType = "application/atom+xml"\n'
        '[mediaTypes."application/atom+xml"]\nsuffixes = ["xml"]\n'
        f"[markup.highlight]\ncodeFences = {str(highlight).lower()}\nnoClasses = false\n")
    yield "layouts/baseof.html", fill(PAGE, title='{{ block "title" . }}Field Notes{{ end }}', main='{{ block "main" . }}{{ end }}')
    tags = '{{ range .Params.tags }}<a href="/tags/{{ . }}/">{{ . }}</a> {{ end }}'
    own = of | dict(content="{{ .Content }}")
    yield "layouts/page.html", defined("{{ .Title }}", fill(POST, older=link("Prev"), newer=link("Next"), tags=tags, **own))
    pager = '{{ if $p.HasPrev }}<a href="{{ $p.Prev.URL }}">Newer</a>{{ end }} {{ if $p.HasNext }}<a href="{{ $p.Next.URL }}">Older</a>{{ end }}'
    yield "layouts/home.html", defined(TITLE, "{{ $p := .Paginate site.RegularPages }}" + each("$p.Pages", fill(ENTRY, **of)) + pager)
    yield "layouts/taxonomy.html", defined("Tags", '<ul>{{ range site.Taxonomies.tags.Alphabetical }}<li><a href="{{ .Page.RelPermalink }}">'
                                                   "{{ .Name }}</a> ({{ .Count }})</li>\n{{ end }}</ul>")
    yield "layouts/term.html", defined("{{ .Title }}", "<h1>{{ .Title }}</h1>\n<ul>" + each(".Pages", fill(LINE, **of)) + "</ul>")
    declaration = '<?xml version="1.0" encoding="utf-8"?>'
    feed = fill(FEED, entries=each(f"first {POSTS_IN_FEED} site.RegularPages", fill(FEED_ENTRY, **of)))
    yield "layouts/home.rss.xml", feed.replace(declaration, "{{ printf `" + declaration + "` | safeHTML }}")
    for post in posts:
        tags = ", ".join(f'"{tag}"' for tag in post.tags)
        yield f"content/posts/{post.slug}.md", (
            f'+++\ntitle = "{post.title}"\ndate = {post.date:%Y-%m-%dT%H:%M:%SZ}\ndescription = "{post.description}"\n'
            f"tags = [{tags}]\n+++\n\n{post.body}")
    yield from static("static/")


def eleventy(posts, highlight):
    of = dict(name="{{ post.data.title }}", address="{{ post.url }}", day="{{ post.date | day }}",
              description="{{ post.data.description }}", content="{{ post.templateContent }}")
    own = dict(name="{{ title }}", day="{{ page.date | day }}", content="{{ content | safe }}")
    each = lambda list, text: f"{{% for post in {list} %}}{text}{{% endfor %}}"
    link = lambda which: f'{{% if {which} %}}<a href="{{{{ {which}.url }}}}">{{{{ {which}.title }}}}</a>{{% endif %}}'
    plugin = 'require("@11ty/eleventy-plugin-syntaxhighlight")'
    yield "package.json", '{"private": true, "type": "commonjs"}\n'
    # The neighbours are set once: Eleventy's own filters for them search the collection for each page.
    yield "eleventy.config.js", f"""const footnote = require("markdown-it-footnote");
const posts = (api) => api.getFilteredByGlob("posts/*.md").sort((a, b) => b.date - a.date);
module.exports = function (config) {{
  {f"config.addPlugin({plugin}.default || {plugin});" if highlight else ""}
  config.amendLibrary("md", (md) => md.use(footnote.default || footnote));
  config.addPassthroughCopy("css");
  config.addPassthroughCopy("images");
  config.setUseGitIgnore(false);
  config.addFilter("day", (date) => date.toISOString().slice(0, 10));
  config.addFilter("first", (list, count) => list.slice(0, count));
  config.addCollection("posts", (api) => {{
    const all = posts(api);
    const link = (post) => post && {{ url: post.url, title: post.data.title }};
    all.forEach((post, at) => Object.assign(post.data, {{ older: link(all[at + 1]), newer: link(all[at - 1]) }}));
    return all;
  }});
  config.addCollection("byTag", (api) => {{
    const tags = {{}};
    for (const post of posts(api)) for (const tag of post.data.tags || []) (tags[tag] ||= []).push(post);
    return Object.keys(tags).sort().map((name) => ({{ name, posts: tags[name] }}));
  }});
  return {{ markdownTemplateEngine: false, htmlTemplateEngine: "njk", dir: {{ input: ".", includes: "_includes" }} }};
}};
"""
    yield ".eleventyignore", "node_modules\n"
    yield "_includes/base.njk", fill(PAGE, title="{{ title or 'Field Notes' }}", main="{{ content | safe }}")
    tags = '{% for tag in tags %}<a href="/tags/{{ tag }}/">{{ tag }}</a> {% endfor %}'
    yield "_includes/post.njk", "---\nlayout: base.njk\n---\n" + fill(POST, older=link("older"), newer=link("newer"), tags=tags, **own)
    yield "posts/posts.11tydata.js", 'module.exports = { layout: "post.njk", permalink: (data) => `/posts/${data.page.fileSlug}/` };\n'
    front = lambda permalink, more="": f'---\nlayout: base.njk\n{more}permalink: "{permalink}"\n---\n'
    pages = lambda list, size, alias: f"pagination:\n  data: collections.{list}\n  size: {size}\n  alias: {alias}\n"
    number = "{% if pagination.pageNumber %}/page/{{ pagination.pageNumber + 1 }}/{% else %}/{% endif %}"
    pager = ('{% if pagination.href.previous %}<a href="{{ pagination.href.previous }}">Newer</a>{% endif %} '
             '{% if pagination.href.next %}<a href="{{ pagination.href.next }}">Older</a>{% endif %}')
    yield "index.njk", front(number, pages("posts", POSTS_A_PAGE, "items")) + each("items", fill(ENTRY, **of)) + pager
    yield "tags.njk", front("/tags/", "title: Tags\n") + (
        '<ul>{% for tag in collections.byTag %}<li><a href="/tags/{{ tag.name }}/">{{ tag.name }}</a> ({{ tag.posts.length }})</li>\n'
        "{% endfor %}</ul>")
    yield "tag.njk", front("/tags/{{ tag.name }}/", pages("byTag", 1, "tag")) + (
        "<h1>{{ tag.name }}</h1>\n<ul>" + each("tag.posts", fill(LINE, **of)) + "</ul>")
    bare = lambda path: f"---\npermalink: {path}\neleventyExcludeFromCollections: true\n---\n"
    yield "atom.njk", bare("/atom.xml") + fill(FEED, entries=each(f"collections.posts | first({POSTS_IN_FEED})", fill(FEED_ENTRY, **of)))
    all = fill(SITEMAP_ENTRY, address="/") + each("collections.posts", fill(SITEMAP_ENTRY, **of))
    all += "{% for tag in collections.byTag %}" + fill(SITEMAP_ENTRY, address="/tags/{{ tag.name }}/") + "{% endfor %}"
    yield "sitemap.njk", bare("/sitemap.xml") + fill(SITEMAP, entries=all)
    for post in posts:
        tags = ", ".join(post.tags)
        yield f"posts/{post.slug}.md", (f'---\ntitle: "{post.title}"\ndate: {post.date:%Y-%m-%dT%H:%M:%SZ}\n'
                                        f'description: "{post.description}"\ntags: [{tags}]\n---\n\n{post.body}')
    yield from static("")


def blades(posts, _highlight):
    of = dict(name="{{title}}", address="{{permalink}}", day="{{#date}}{{y}}-{{m}}-{{d}}{{/date}}", description="{{summary}}")
    page = lambda title, main: fill(PAGE, title=title, main=main)
    each = "{{#pages}}%s{{/pages}}"
    yield "Blades.toml", f'title = "{TITLE}"\nurl = "{URL}"\n[taxonomies.tags]\ntitle = "Tags"\n'
    link = lambda which: f'{{{{#{which}}}}}<a href="{{{{permalink}}}}">{{{{title}}}}</a>{{{{/{which}}}}}'
    tags = "{{#taxonomies}}{{#tags}}<a href=\"/tags/{{name}}.html\">{{name}}</a> {{/tags}}{{/taxonomies}}"
    own = of | dict(content="{{content}}")
    yield "templates/page.html", page("{{title}}", fill(POST, older=link("next"), newer=link("previous"), tags=tags, **own))
    pager = '{{#pagination}}{{#previous}}<a href="{{previous}}.html">Newer</a>{{/previous}}{{#next}}<a href="{{next}}.html">Older</a>{{/next}}{{/pagination}}'
    yield "templates/section.html", page("{{title}}", each % fill(ENTRY, **of) + pager)
    yield "templates/taxonomy.html", page("{{title}}", '<ul>{{#keys}}<li><a href="{{key}}.html">{{key}}</a></li>\n{{/keys}}</ul>')
    yield "templates/taxonomy_key.html", page("{{title}}", "<h1>{{title}}</h1>\n<ul>" + each % fill(LINE, **of) + "</ul>")
    yield "content/index.toml", f'title = "{TITLE}"\n'
    yield "content/posts/index.toml", f'title = "Posts"\npaginate_by = {POSTS_A_PAGE}\n'
    for post in posts:
        tags = ", ".join(f'"{tag}"' for tag in post.tags)
        yield f"content/posts/{post.slug}.md", (
            f'+++\ntitle = "{post.title}"\ndate = {post.date:%Y-%m-%dT%H:%M:%SZ}\nsummary = "{post.description}"\n'
            f"[taxonomies]\ntags = [{tags}]\n+++\n\n{post.body}")
    yield from static("assets/")


def static(folder):
    """A style sheet and four images."""
    rules = (f".note-{number} {{ margin: {number}px; color: #{number * 1111 % 4096:03x}; }}\n" for number in range(120))
    yield f"{folder}css/site.css", "".join(rules)
    for number in range(1, 5):
        yield f"{folder}images/{number}.png", png(number)


def png(number, width=160, height=90):
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    noise = random.Random(f"image {number}")
    rows = b"".join(b"\0" + noise.randbytes(width) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def posts(count, code="common"):
    slugs = [slug_of(number) for number in range(count)]
    return [Post(number, slugs[max(0, number - 500):number], code) for number in range(count)]


def write(generator, all_posts, folder, highlight):
    """Writes the blog for a generator into a folder."""
    for path, content in globals()[generator](all_posts, highlight):
        path = pathlib.Path(folder, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", choices=GENERATORS)
    parser.add_argument("count", type=int, help="the number of posts")
    parser.add_argument("folder")
    parser.add_argument("--highlight", action="store_true")
    parser.add_argument("--code", choices=CODE, default="common")
    options = parser.parse_args()
    write(options.generator, posts(options.count, options.code), options.folder, options.highlight)


if __name__ == "__main__":
    main()
