//! Embeds, titles, options.

use std::borrow::Borrow;

use super::*;
use crate::embed::Embed;

/// Checks the HTML of text in which `@` is replaced with the marker of an inline embed and `%` with
/// that of a block.
#[track_caller]
fn check_embeds(text: &str, expected: &str) {
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
    let options = Options::default();
    let mut document = parse(&text.replace('@', &number).replace('%', &chart), &options);
    headings::set_ids(&mut document, &options);
    embed::resolve(&mut document, &embeds);
    let html = html::document(&document, html::Context::new(&embeds));
    assert_eq!(html.trim_end(), expected);
}

/// Checks the HTML of text with these options.
#[track_caller]
fn check(text: &str, options: impl Borrow<Options>, expected: &str) {
    assert_eq!(to_html(text, options.borrow()).trim_end(), expected);
}

#[test]
fn an_inline_embed_works_anywhere_text_is_allowed() {
    check_embeds(
        "got *@*, _@_ \"@\".",
        "<p>got <em><b>9 &amp; 1</b></em>, <em><b>9 &amp; 1</b></em> “<b>9 &amp; 1</b>”.</p>",
    );
    check_embeds("# @ x", "<h1 id=\"x\"><b>9 &amp; 1</b> x</h1>");
    check_embeds("[@](/a)", "<p><a href=\"/a\"><b>9 &amp; 1</b></a></p>");
    check_embeds("<div>@</div>", "<div><b>9 &amp; 1</b></div>");
    check_embeds("<i title=\"@\">@</i>", "<p><i title=\"9 &amp; 1\"><b>9 &amp; 1</b></i></p>");
    check_embeds(
        "a | @",
        "<table>\n  <tbody>\n    <tr>\n      <td>a</td>\n      <td><b>9 &amp; 1</b></td>\n    </tr>\n  </tbody>\n</table>",
    );
}

#[test]
fn a_block_embed_is_a_block() {
    check_embeds("a\n\n%\n\nb", "<p>a</p>\n\n<figure></figure>\n\n<p>b</p>");
    check_embeds("a\n%\nb", "<p>a</p>\n\n<figure></figure>\n\n<p>b</p>");
    check_embeds("- %\n- a", "<ul>\n  <li>\n<figure></figure>\n  </li>\n  <li>a</li>\n</ul>");
}

#[test]
fn a_title_has_no_blocks() {
    let options = Options::default();
    let embeds = Embeds::default();
    let title = parse_inline("# \"1. *One*\"", &options);
    let title = html::inline(&title, html::Context::new(&embeds));
    assert_eq!(title, "# “1. <em>One</em>”");
}

#[test]
fn every_line_end_breaks_with_hard_wrap() {
    check("a\nb", &Options { hard_wrap: true, ..Options::default() }, "<p>a<br />\nb</p>");
}

#[test]
fn headings_have_no_ids_without_auto_ids() {
    check(
        "# a\n# b {#c}",
        &Options { auto_ids: false, ..Options::default() },
        "<h1>a</h1>\n\n<h1 id=\"c\">b</h1>",
    );
}

fn options(given: &[(&str, &str)]) -> Options {
    let mut options = Options::default();
    for (name, value) in given {
        assert!(options.set(name, value), "{name}");
    }
    options
}

#[test]
fn options_affect_footnotes() {
    let given =
        options(&[("footnote_nr", "3"), ("footnote_prefix", "p-"), ("footnote_backlink", "")]);
    let html = "<p>a<sup id=\"fnref:p-1\" role=\"doc-noteref\"><a href=\"#fn:p-1\" class=\"footnote\" rel=\"footnote\">3</a></sup></p>\n\n\
        <div class=\"footnotes\" role=\"doc-endnotes\">\n  <ol start=\"3\">\n    <li id=\"fn:p-1\" role=\"doc-endnote\">\n      <p>x</p>\n    </li>\n  </ol>\n</div>";
    check("a[^1]\n\n[^1]: x", given, html);
}

#[test]
fn options_affect_math_headings_and_code() {
    check(
        "$$a$$ x $$b$$",
        options(&[("math_engine", "")]),
        "<p><span class=\"kdmath\">$a$</span> x <span class=\"kdmath\">$b$</span></p>",
    );
    check("# a", options(&[("header_offset", "1")]), "<h2 id=\"a\">a</h2>");
    let given = options(&[
        ("syntax_highlighter_opts.default_lang", "text"),
        ("syntax_highlighter_opts.block.css_class", "c"),
    ]);
    let html = "<div class=\"language-text highlighter-rouge\"><div class=\"highlight\"><pre class=\"c\"><code>x\n</code></pre></div></div>";
    check("```\nx\n```", given, html);
    let given = options(&[("toc_levels", "2,3")]);
    assert_eq!(given.toc_levels, 2..=3);
}

#[test]
fn terms_get_ids_and_footnotes_a_place_on_request() {
    let html = "<dl>\n  <dt id=\"p-the-item\">The Item</dt>\n  <dd>x</dd>\n</dl>";
    check("{:auto_ids-p-}\nThe Item\n: x", Options::default(), html);
    let html = "<div class=\"footnotes\" role=\"doc-endnotes\">\n  <ol>\n    <li id=\"fn:1\" role=\"doc-endnote\">\n      <p>x\u{a0}<a href=\"#fnref:1\" class=\"reversefootnote\" role=\"doc-backlink\">&#8617;</a></p>\n    </li>\n  </ol>\n</div>\n\n<p>a<sup id=\"fnref:1\" role=\"doc-noteref\"><a href=\"#fn:1\" class=\"footnote\" rel=\"footnote\">1</a></sup></p>";
    check("* here\n{:footnotes}\n\na[^1]\n\n[^1]: x", Options::default(), html);
}

#[test]
fn white_space_after_an_element_indents_what_follows() {
    check("<div></div>  <!--x-->", Options::default(), "<div></div>\n\n<p><!--x--></p>");
    check("<a href=\"b\nc\">x</a>", Options::default(), "<p><a href=\"b c\">x</a></p>");
}

#[test]
fn options_replace_quotes_and_symbols() {
    let options = Options {
        smart_quotes: ["‚", "‘", "„", "“"].map(str::to_owned),
        typographic_symbols: ["...", "---", "--", "<<", ">>"].map(str::to_owned),
        ..Options::default()
    };
    check("\"a\" 'b' -- c...", options, "<p>„a“ ‚b‘ -- c...</p>");
}

#[test]
fn without_gfm_a_paragraph_needs_a_blank_line_to_end() {
    let options = Options { gfm: false, ..Options::default() };
    check("a\n# b\n> c\n- d", options.clone(), "<p>a\n# b\n&gt; c\n- d</p>");
    check("~~a~~ b\\\nc", options, "<p>~~a~~ b\\\nc</p>");
}

#[test]
fn without_gfm_hashes_end_a_heading_and_its_id_is_made_from_the_source() {
    let options = Options { gfm: false, auto_ids: true, ..Options::default() };
    check("# a#", options.clone(), "<h1 id=\"a\">a</h1>");
    check("# b \\##", options.clone(), "<h1 id=\"b-\">b #</h1>");
    check("# [c](/d) *e*", options.clone(), "<h1 id=\"cd-e\"><a href=\"/d\">c</a> <em>e</em></h1>");
    check("# a\n\n# a", options, "<h1 id=\"a\">a</h1>\n\n<h1 id=\"a-1\">a</h1>");
}

#[test]
fn options_have_the_names_of_kramdown() {
    let mut options = Options::default();
    for (name, value) in
        [("hard_wrap", "true"), ("input", "kramdown"), ("smart_quotes", "apos,apos,quot,quot")]
    {
        assert!(options.set(name, value), "{name}");
    }
    assert!(options.hard_wrap && !options.gfm);
    assert_eq!(options.smart_quotes, ["'", "'", "\"", "\""]);
    for (name, value) in
        [("hard_wrap", "maybe"), ("no_such", "true"), ("smart_quotes", "lsquo"), ("input", "html")]
    {
        assert!(!options.set(name, value), "{name}");
    }
}

/// Each of these took minutes when a row of marks was counted again at each of its marks.
#[test]
fn long_rows_of_marks_take_linear_time() {
    for (start, mark) in [("x", "*"), ("x", "_"), ("", "*"), ("", "_")] {
        let text = format!("{start}{}y", mark.repeat(100_000));
        let document = parse(&text, &Options::default());
        assert!(text::plain_text(&document, &Embeds::default()).ends_with('y'));
    }
}
