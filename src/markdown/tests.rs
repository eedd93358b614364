//! Renders Markdown of the dialect CommonMark, from text to HTML.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use kramdown::tree;

use super::*;
use kramdown::embed::{Embed, Embeds};

fn html(markdown: &str) -> String {
    render(markdown, &Embeds::default(), &Options::default()).html
}

#[track_caller]
fn check(markdown: &str, expected: &str) {
    assert_eq!(html(markdown).trim_end(), expected);
}

/// Checks the HTML of text in which `@` is replaced with the marker of a number and `%` with that
/// of a chart.
#[track_caller]
fn check_embeds(markdown: &str, expected: &str) {
    let (embeds, body) = with_embeds(markdown);
    assert_eq!(render(&body, &embeds, &Options::default()).html.trim_end(), expected);
}

fn with_embeds(markdown: &str) -> (Embeds, String) {
    let mut embeds = Embeds::default();
    let number = embeds.marker(Embed {
        html: "<b>9 &amp; 1</b>".to_owned(),
        text: "9 & 1".to_owned(),
        block: false,
    });
    let chart = embeds.marker(Embed {
        html: "<figure></figure>".to_owned(),
        text: "a chart".to_owned(),
        block: true,
    });
    let body = markdown.replace('@', &number).replace('%', &chart);
    (embeds, body)
}

#[track_caller]
fn check_inline(line: &str, expected: &str) {
    assert_eq!(render_inline(line, &Embeds::default(), &Options::default()), expected);
}

#[track_caller]
fn check_text(markdown: &str, expected: &str) {
    let (embeds, body) = with_embeds(markdown);
    assert_eq!(render(&body, &embeds, &Options::default()).text, expected);
}

/// How deep the nodes of a document nest.
fn depth(markdown: &str) -> usize {
    fn deepest(nodes: &[tree::Node]) -> usize {
        nodes.iter().map(|node| 1 + deepest(&node.children)).max().unwrap_or(0)
    }
    let document = parse(markdown, &Options::default());
    let footnotes = document.footnotes.iter().map(|footnote| deepest(&footnote.blocks)).max();
    deepest(&document.blocks).max(footnotes.unwrap_or(0))
}

const PROGRESS_POST: &str = r#"
"Progress" so far -- it's *slow*...

![Loss over time](/images/loss-curve.png "The loss"){: .center-image width="400"}

## What I did {#done}

* contents
{:toc}

1. Read [the paper](https://example.org/a?b=1&c=2){:target="_blank" rel="noopener"}
   - twice
   - with `notes`{: .small}
2. Wrote code[^why]

<div class="video">
  <iframe src="https://video.example.org/1" allowfullscreen></iframe>
</div>

```python
def loss(x):
    """Squares."""
    return x ** 2 if x > 1e-3 else None
```

### What I did

| Model | Accuracy |
|:------|:--------:|
| plain | 90 %     |
| *BN*  | 93 %     |
{: .results}

> It works.
{: .quote #works}

Where $x_i < y$ and $$z^2$$:

$$
\sum_i x_i < \infty
$$

A paragraph with <span class="red">raw</span> HTML.
{: .note}

[^why]: Because of "reasons".
"#;

#[test]
fn a_post_of_a_jekyll_user_renders_correctly() {
    check_snapshot(
        PROGRESS_POST,
        &expect![[r##"
            <p>“Progress” so far – it’s <em>slow</em>…</p>

            <p><img src="/images/loss-curve.png" alt="Loss over time" title="The loss" class="center-image" width="400" /></p>

            <h2 id="done">What I did</h2>

            <ul id="markdown-toc">
              <li><a href="#done" id="markdown-toc-done">What I did</a>
                <ul>
                  <li><a href="#what-i-did" id="markdown-toc-what-i-did">What I did</a></li>
                </ul>
              </li>
            </ul>

            <ol>
              <li>Read <a href="https://example.org/a?b=1&amp;c=2" target="_blank" rel="noopener">the paper</a>
                <ul>
                  <li>twice</li>
                  <li>with <code class="small">notes</code></li>
                </ul>
              </li>
              <li>Wrote code<sup id="fnref:why"><a href="#fn:why" class="footnote" rel="footnote" role="doc-noteref">1</a></sup></li>
            </ol>

            <div class="video">
              <iframe src="https://video.example.org/1" allowfullscreen></iframe>
            </div>

            <div class="language-python highlighter-rouge"><div class="highlight"><pre class="highlight" tabindex="0"><code><span class="k">def</span> <span class="nf">loss</span>(x):
                <span class="s">"""Squares."""</span>
                <span class="k">return</span> x <span class="o">**</span> <span class="mi">2</span> <span class="k">if</span> x <span class="o">&gt;</span> <span class="mf">1e-3</span> <span class="k">else</span> <span class="bp">None</span>
            </code></pre></div></div>

            <h3 id="what-i-did">What I did</h3>

            <div class="table-scroll" tabindex="0">
            <table class="results">
              <thead>
                <tr>
                  <th style="text-align: left">Model</th>
                  <th style="text-align: center">Accuracy</th>
                </tr>
              </thead>
              <tbody>
                <tr>
                  <td style="text-align: left">plain</td>
                  <td style="text-align: center">90 %</td>
                </tr>
                <tr>
                  <td style="text-align: left"><em>BN</em></td>
                  <td style="text-align: center">93 %</td>
                </tr>
              </tbody>
            </table>
            </div>

            <blockquote class="quote" id="works">
              <p>It works.</p>
            </blockquote>

            <p>Where \(x_i &lt; y\) and \(z^2\):</p>

            \[\sum_i x_i &lt; \infty\]

            <p class="note">A paragraph with <span class="red">raw</span> HTML.</p>

            <div class="footnotes" role="doc-endnotes">
              <ol>
                <li id="fn:why">
                  <p>Because of “reasons”. <a href="#fnref:why" class="reversefootnote" role="doc-backlink">&#8617;</a></p>
                </li>
              </ol>
            </div>
        "##]],
    );
}

#[track_caller]
fn check_snapshot(markdown: &str, expected: &Expect) {
    expected.assert_eq(&html(markdown));
}

#[test]
fn quotes_dashes_and_dots_become_typographic() {
    check("\"it's\" -- a --- b...", "<p>“it’s” – a — b…</p>");
}

#[test]
fn text_and_attributes_are_escaped() {
    check("a < b & c > d", "<p>a &lt; b &amp; c &gt; d</p>");
    check("![a\\\"<b>](x?a&b)", "<p><img src=\"x?a&amp;b\" alt=\"a&quot;\" /></p>");
    check("[a](<b c\"d>)", "<p><a href=\"b%20c%22d\">a</a></p>");
}

#[test]
fn raw_html_is_unchanged() {
    check(
        "<div id=\"a\">\n*b*\n</div>\n\n<b>c</b> *d*",
        "<div id=\"a\">\n*b*\n</div>\n\n<p><b>c</b> <em>d</em></p>",
    );
}

#[test]
fn an_attribute_list_on_its_own_line_belongs_to_the_block_above() {
    check("a\n{: .x}", "<p class=\"x\">a</p>");
    check("- a\n- b\n{: .x}", "<ul class=\"x\">\n  <li>a</li>\n  <li>b</li>\n</ul>");
    check("> a\n{: .x}", "<blockquote class=\"x\">\n  <p>a</p>\n</blockquote>");
    check("> a\n> {: .x}", "<blockquote>\n  <p class=\"x\">a</p>\n</blockquote>");
    check("# a\n{: .x #y}", "<h1 class=\"x\" id=\"y\">a</h1>");
    check("- a\n  {: .x}\n- b", "<ul>\n  <li class=\"x\">a</li>\n  <li>b</li>\n</ul>");
}

#[test]
fn an_attribute_list_after_an_empty_line_belongs_to_the_block_below() {
    check("a\n\n{: .x}\nb", "<p>a</p>\n\n<p class=\"x\">b</p>");
    check("{: .x}\n\na\n{: .y}\nb", "<p class=\"x y\">a</p>\n\n<p>b</p>");
}

#[test]
fn tables_and_code_may_have_attribute_lists() {
    check(
        "| a |\n|---|\n| b |\n{: .x}",
        "<div class=\"table-scroll\" tabindex=\"0\">\n<table class=\"x\">\n  <thead>\n    <tr>\n      <th>a</th>\n    </tr>\n  </thead>\n  <tbody>\n    <tr>\n      \
         <td>b</td>\n    </tr>\n  </tbody>\n</table>\n</div>",
    );
    check(
        "```\na\n```\n{: .x #y}",
        "<div class=\"language-plaintext x highlighter-rouge\" id=\"y\"><div class=\"highlight\">\
         <pre class=\"highlight\" tabindex=\"0\"><code>a\n</code></pre></div></div>",
    );
}

#[test]
fn spans_and_items_may_have_attribute_lists() {
    check(
        "*a*{: .x} **b**{:.y} `c`{: #z}",
        "<p><em class=\"x\">a</em> <strong class=\"y\">b</strong> <code id=\"z\">c</code></p>",
    );
    check("_a_{: .x}", "<p><em class=\"x\">a</em></p>");
    check("## [a](b){: .x}", "<h2 id=\"a\"><a href=\"b\" class=\"x\">a</a></h2>");
    check("- {: .x} a\n- b", "<ul>\n  <li class=\"x\">a</li>\n  <li>b</li>\n</ul>");
    check("a {: .x}", "<p>a {: .x}</p>");
}

#[test]
fn attribute_lists_can_be_defined_and_referred_to() {
    check("{:n: .x key=\"v\"}\n\na\n{: n .y}", "<p class=\"x y\" key=\"v\">a</p>");
}

#[test]
fn attribute_lists_in_code_and_tex_are_text() {
    check("`{: .x}`", "<p><code>{: .x}</code></p>");
    check(
        "```\na\n{: .x}\n```",
        "<div class=\"language-plaintext highlighter-rouge\"><div class=\"highlight\"><pre class=\"highlight\" \
         tabindex=\"0\"><code>a\n{: .x}\n</code></pre></div></div>",
    );
    check("$A_{:j}$ and $b_{: .c}$", "<p>\\(A_{:j}\\) and \\(b_{: .c}\\)</p>");
}

#[test]
fn tex_is_a_block_only_on_lines_of_its_own() {
    check("$$a$$", "\\[a\\]");
    check("- $$a$$\n- b $$c$$", "<ul>\n  <li>\\[a\\]</li>\n  <li>b \\(c\\)</li>\n</ul>");
    check("a\n$$\nb\n$$\nc $$d$$ e", "<p>a\n\\[b\\]\nc \\(d\\) e</p>");
    check("$5 and $6, $7-$8", "<p>$5 and $6, $7-$8</p>");
    check("$*a*<b$", "<p>\\(*a*&lt;b\\)</p>");
}

#[test]
fn tasks_have_boxes() {
    check(
        "- [x] a\n- b",
        "<ul class=\"task-list\">\n  <li class=\"task-list-item\"><input type=\"checkbox\" \
         class=\"task-list-item-checkbox\" disabled=\"disabled\" checked=\"checked\" />a</li>\n  <li>b</li>\n</ul>",
    );
}

#[test]
fn ordered_lists_keep_their_first_number() {
    check("3. a\n4. b", "<ol start=\"3\">\n  <li>a</li>\n  <li>b</li>\n</ol>");
}

#[test]
fn alerts_have_a_title() {
    check(
        "> [!NOTE]\n> a",
        "<blockquote class=\"markdown-alert markdown-alert-note\">\n  <p class=\"markdown-alert-title\">Note</p>\n\n  \
         <p>a</p>\n</blockquote>",
    );
}

#[test]
fn terms_have_definitions() {
    check("a\n: b\n: c", "<dl>\n  <dt>a</dt>\n  <dd>b</dd>\n  <dd>c</dd>\n</dl>");
}

#[test]
fn footnotes_are_numbered_in_the_order_of_references() {
    let html = html("a[^b] c[^d] e[^B] f[^none]\n\n[^d]: D[^x]\n[^b]: B\n[^x]: X\n[^unused]: U\n");
    let order: Vec<_> =
        html.match_indices("<li id=\"fn:").map(|(at, _)| &html[at + 11..at + 12]).collect();
    assert_eq!(order, ["b", "d", "x"]);
    assert!(html.contains(
        "<a href=\"#fn:b\" class=\"footnote\" rel=\"footnote\" role=\"doc-noteref\">1</a>"
    ));
    assert!(html.contains("<sup id=\"fnref:b:1\">") && html.contains("href=\"#fnref:b:1\""));
    assert!(html.contains("f[^none]"));
    assert!(!html.contains('U'));
}

#[test]
fn the_table_of_contents_replaces_its_list() {
    check(
        "* x\n{:toc}\n\n# [a](b)\n\n## *c*[^1]\n\n# d\n{: .no_toc}\n\n[^1]: e",
        "<ul id=\"markdown-toc\">\n  <li><a href=\"#a\" id=\"markdown-toc-a\">a</a>\n    <ul>\n      \
         <li><a href=\"#c\" id=\"markdown-toc-c\"><em>c</em></a></li>\n    </ul>\n  </li>\n</ul>\n\n\
         <h1 id=\"a\"><a href=\"b\">a</a></h1>\n\n\
         <h2 id=\"c\"><em>c</em><sup id=\"fnref:1\"><a href=\"#fn:1\" class=\"footnote\" rel=\"footnote\" \
         role=\"doc-noteref\">1</a></sup></h2>\n\n<h1 class=\"no_toc\" id=\"d\">d</h1>\n\n\
         <div class=\"footnotes\" role=\"doc-endnotes\">\n  <ol>\n    <li id=\"fn:1\">\n      \
         <p>e\u{a0}<a href=\"#fnref:1\" class=\"reversefootnote\" role=\"doc-backlink\">&#8617;</a></p>\n    \
         </li>\n  </ol>\n</div>",
    );
}

#[test]
fn the_contents_have_html_and_text() {
    let (embeds, body) = with_embeds("# a\n\n## *b* @\n\n#### c");
    let options = Options { toc_levels: 1..=3, ..Options::default() };
    let toc = render(&body, &embeds, &options).toc;
    let [first] = toc.as_slice() else { panic!("one top heading") };
    let [second] = first.children.as_slice() else { panic!("one below it") };
    assert_eq!((second.level, second.id.as_str()), (2, "b"));
    assert_eq!(
        (second.html.as_str(), second.text.as_str()),
        ("<em>b</em> <b>9 &amp; 1</b>", "b 9 & 1")
    );
}

#[test]
fn embeds_work_in_sentences_headings_and_cells() {
    check_embeds("got *@*.", "<p>got <em><b>9 &amp; 1</b></em>.</p>");
    check_embeds("# @ \"@\"", "<h1 id=\"section\"><b>9 &amp; 1</b> “<b>9 &amp; 1</b>”</h1>");
    check_embeds(
        "| @ |\n|---|\n| % |",
        "<div class=\"table-scroll\" tabindex=\"0\">\n<table>\n  <thead>\n    <tr>\n      <th><b>9 &amp; 1</b></th>\n    </tr>\n  </thead>\n  <tbody>\n    <tr>\n      \
         <td><figure></figure></td>\n    </tr>\n  </tbody>\n</table>\n</div>",
    );
}

#[test]
fn ids_of_headings_contain_no_values() {
    check_embeds(
        "## Deep has @ here",
        "<h2 id=\"deep-has-here\">Deep has <b>9 &amp; 1</b> here</h2>",
    );
    check_embeds(
        "## `x @` and `@`",
        "<h2 id=\"x-and\"><code>x 9 &amp; 1</code> and <code>9 &amp; 1</code></h2>",
    );
    check_embeds(
        "## <b title=\"@\">a</b> @",
        "<h2 id=\"a\"><b title=\"9 &amp; 1\">a</b> <b>9 &amp; 1</b></h2>",
    );
}

#[test]
fn embeds_that_are_blocks_are_never_inside_paragraphs() {
    check_embeds("%", "<figure></figure>");
    check_embeds("a\n%\nb", "<p>a</p>\n\n<figure></figure>\n\n<p>b</p>");
    check_embeds("%\n{: .x}", "<div class=\"x\">\n<figure></figure>\n</div>");
    check_embeds("- %\n- a", "<ul>\n  <li>\n<figure></figure>\n  </li>\n  <li>a</li>\n</ul>");
    check_embeds("*%*", "<p><em>a chart</em></p>");
    check_embeds("# %", "<h1 id=\"section\">a chart</h1>");
}

#[test]
fn embeds_are_text_where_only_text_is_allowed() {
    check_embeds("`@`", "<p><code>9 &amp; 1</code></p>");
    check_embeds("![@](/a/@)", "<p><img src=\"/a/9 &amp; 1\" alt=\"9 &amp; 1\" /></p>");
    check_embeds("$x = @$", "<p>\\(x = 9 \\&amp; 1\\)</p>");
    check_embeds("<i title=\"@\">@</i>", "<p><i title=\"9 &amp; 1\"><b>9 &amp; 1</b></i></p>");
    check_embeds("a\n{: title=\"@\"}", "<p title=\"9 &amp; 1\">a</p>");
}

#[test]
fn a_line_stays_a_line() {
    check_inline("1. *a* \"b\"", "1. <em>a</em> “b”");
    check_inline("# a", "# a");
    check_inline("- a\n- b", "- a - b");
    check_inline("_a_ `b` $c$", "<em>a</em> <code>b</code> \\(c\\)");
    check_inline("\"a\" 'b'", "“a” ‘b’");
    check_inline("    a", "a");
    check_inline("", "");
}

#[test]
fn plain_text_has_a_line_for_each_block() {
    check_text(
        "# a *b*\n\nc\nd `e` @\n\n- f\n- g\n\n%\n\n> h[^1]\n\n[^1]: i",
        "a b\nc d e 9 & 1\nf\ng\na chart\nh",
    );
    check_text(
        "<p>a &amp; <b>b</b></p>\n<script>x < y</script>\n\n| c | d |\n|---|---|\n| e | f |",
        "a & b\nc d\ne f",
    );
}

#[test]
fn hostile_nesting_is_flattened_in_time() {
    let quotes = ">".repeat(10_000) + " a";
    let list: String = "- ".repeat(10_000) + "a";
    let steps = (0..500).map(|level| "  ".repeat(level) + "- a").collect::<Vec<_>>().join("\n");
    let brackets = "[".repeat(10_000) + "a" + &"]".repeat(10_000);
    let emphasis = "*a _b ".repeat(5_000) + &"b_ a*".repeat(5_000);
    let images = "![".repeat(5_000) + &"](a)".repeat(5_000);
    let tables = ">".repeat(200)
        + " | a |\n"
        + &">".repeat(200)
        + " |---|\n"
        + &">".repeat(200)
        + " | b |\n";
    let braces = "{:".repeat(50_000) + "}" + &"{: .a}".repeat(10_000);
    for text in [quotes, list, steps, brackets, emphasis, images, tables, braces] {
        assert!(depth(&text) <= tree::MAX_DEPTH, "{}", &text[..20]);
        html(&text);
    }
}

/// Text of pieces of the syntax of Markdown, embeds and attribute lists.
fn markdown() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-c \\n]{1,4}",
        prop::sample::select(vec![
            "*",
            "_",
            "**",
            "`",
            "```\n",
            "# ",
            "## a\n",
            "- ",
            "1. ",
            "> ",
            "    ",
            "\n\n",
            "| a | b |\n|---|---|\n",
            "|",
            "[",
            "](x)",
            "![",
            "[^1]",
            "[^1]: ",
            "$",
            "$$",
            "{: .a}",
            "\n{: .b #c}\n",
            "{:toc}",
            "* x\n{:toc}\n",
            "{:n: .d}\n",
            "{",
            "}",
            "<div>",
            "</div>\n",
            "<b>",
            "<!--",
            "-->",
            "&amp;",
            "&",
            "\"",
            "'",
            "--",
            "~~",
            "\\",
            ": ",
            "- [ ] ",
            "\u{FDD0}0\u{FDD1}",
            "\u{FDD0}1\u{FDD1}",
            "\u{FDD0}",
            "\u{FDD1}",
            "\u{FDD2}",
            "0;",
            "<script>",
            "é",
            "{#i}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_markdown_always_renders_the_same_without_leaks(body in markdown()) {
        let (embeds, _) = with_embeds("");
        let once = render(&body, &embeds, &Options::default());
        prop_assert_eq!(&once, &render(&body, &embeds, &Options::default()));
        for text in [&once.html, &once.text, &render_inline(&body, &embeds, &Options::default())] {
            prop_assert!(!text.contains(['\u{FDD0}', '\u{FDD1}', '\u{FDD2}', '\u{FDD3}']), "{}", text);
        }
        prop_assert!(depth(&body) <= tree::MAX_DEPTH);
    }

    #[test]
    fn any_text_renders(body in any::<String>()) {
        render(&body, &Embeds::default(), &Options::default());
        render_inline(&body, &Embeds::default(), &Options::default());
    }
}

#[test]
fn code_can_be_scrolled_by_keyboard_in_both_dialects_except_in_jekylls_html() {
    for dialect in [Dialect::CommonMark, Dialect::Kramdown] {
        for stops in [true, false] {
            let options = Options { dialect, stops, ..Options::default() };
            let html = render("```\nx\n```\n", &Embeds::default(), &options).html;
            assert_eq!(html.contains("<pre class=\"highlight\" tabindex=\"0\">"), stops, "{html}");
        }
    }
}

#[test]
fn tex_becomes_mathml_in_both_dialects() {
    for dialect in [Dialect::CommonMark, Dialect::Kramdown] {
        let options =
            Options { dialect, math: Math::MathMl { macros: Vec::new() }, ..Options::default() };
        let html = |text: &str| render(text, &Embeds::default(), &options).html;
        let x = "<math alttext=\"x\"><mi>x</mi></math>";
        assert_eq!(html("a $x$ \\(x\\) b\n"), format!("<p>a {x} {x} b</p>\n"));
        assert_eq!(html("$5 and $6, `$x$`\n"), html("\\$5 and \\$6, `$x$`\n"));
        let block = "<math alttext=\"x\" display=\"block\"><mi>x</mi></math></div>\n";
        for text in ["$$\nx\n$$\n", "\\[x\\]\n"] {
            let html = html(text);
            assert!(
                html.starts_with("<div class=\"math-block\"") && html.ends_with(block),
                "{html}"
            );
        }
        assert!(html("    a $x$\n").contains("a $x$"));
        assert!(html("- a\n\n  ~~~\n  $x$\n  ~~~\n").contains("$x$"));
        let cell = html("| a |\n|---|\n| $|x|$ |\n");
        assert!(cell.contains("alttext=\"|x|\"") && !cell.contains('$'), "{cell}");
    }
}

#[test]
fn errors_in_tex_are_problems() {
    let math = Math::MathMl { macros: Vec::new() };
    let rendered =
        render("a $\\nope$", &Embeds::default(), &Options { math, ..Options::default() });
    let problem = &rendered.problems[0];
    assert_eq!((problem.source.as_str(), problem.at), ("\\nope", 0));
    assert_eq!(rendered.html, "<p>a <code class=\"math-error\">\\nope</code></p>\n");
}
