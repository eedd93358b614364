//! Sites with odd, wrong or hostile files: they are built, or refused with a message that says
//! where and what.

#![allow(
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::process::Stdio;

use snapbox::str;
use support::{Site, assert_success, check, check_text, said, stderr};

const YAML: &str = "experiments/toy/experiment.yml";

/// A site with one post.
fn site_of(front: &str, body: &str) -> Site {
    let site = Site::empty();
    site.write("_layouts/post.html", "{{ content | safe }}");
    site.write("_posts/2026-01-02-a.md", &format!("---\nlayout: post\n{front}---\n{body}"));
    site
}

#[test]
fn a_page_may_have_any_name() {
    let site = site_of("", "x\n");
    site.write("über.html", "---\n---\n{{ page.url }}");
    site.write("_posts/2026-01-03-übergrößen.html", "---\nlayout: post\n---\n{{ page.url }}");
    assert_success(&site.labpress(&["build"]));
    assert_eq!(site.read("public/über.html"), "/%C3%BCber.html");
}

#[test]
fn a_quote_that_is_not_closed_is_reported_where_it_opens() {
    let site = site_of("title: \"Hello\ntags: [a]\n", "x\n");
    check(
        &site,
        &["build"],
        str![[r#"
$ labpress build
[stderr]
error: unclosed quote
 --> _posts/2026-01-02-a.md:3:8
hint: add the closing quote

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn commands_report_the_errors_of_the_experiment_that_they_are_asked_for() {
    let site = Site::with_toy();
    site.replace(YAML, "seeds: 2", "sedes: 2");
    let commands: [&[&str]; 6] = [
        &["run", "toy"],
        &["why", "toy"],
        &["verify", "toy"],
        &["diff", "toy", "HEAD"],
        &["pin", "_posts/2026-01-02-toy.md"],
        &["build"],
    ];
    check_text(
        commands.map(|arguments| said(&site, arguments)).join("\n"),
        str![[r#"
$ labpress run toy
[stderr]
error: unknown key `sedes`
 --> experiments/toy/experiment.yml:3:1
hint: did you mean `seeds`?

`labpress run` failed because of 1 error
[exit status 1]

$ labpress why toy
[stderr]
error: unknown key `sedes`
 --> experiments/toy/experiment.yml:3:1
hint: did you mean `seeds`?

`labpress why` failed because of 1 error
[exit status 1]

$ labpress verify toy
[stderr]
error: unknown key `sedes`
 --> experiments/toy/experiment.yml:3:1
hint: did you mean `seeds`?

`labpress verify` failed because of 1 error
[exit status 1]

$ labpress diff toy HEAD
[stderr]
error: unknown key `sedes`
 --> experiments/toy/experiment.yml:3:1
hint: did you mean `seeds`?

`labpress diff` failed because of 1 error
[exit status 1]

$ labpress pin _posts/2026-01-02-toy.md
[stderr]
error: unknown key `sedes`
 --> experiments/toy/experiment.yml:3:1
hint: did you mean `seeds`?

`labpress pin` failed because of 1 error
[exit status 1]

$ labpress build
[stderr]
error: unknown key `sedes`
 --> experiments/toy/experiment.yml:3:1
hint: did you mean `seeds`?

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn a_locked_build_reports_an_experiment_once_and_counts_the_other_places() {
    let site = Site::with_toy();
    check(
        &site,
        &["build", "--locked"],
        str![[r#"
$ labpress build --locked
[stderr]
error: `toy` has no results (and 2 more places)
 --> _posts/2026-01-02-toy.md:5:20
hint: run `labpress run toy` and commit its records

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn tags_that_slugify_alike_have_pages_of_their_own() {
    let site = site_of("tags: [c++]\n", "x\n");
    site.write(
        "_posts/2026-01-03-b.md",
        "---\nlayout: post\ntags: [C, \"C#\", deep learning]\n---\ny\n",
    );
    site.write("_posts/2026-01-04-b.md", "---\nlayout: post\ntags: [Deep Learning]\n---\ny\n");
    site.write(
        "_layouts/tag.html",
        "{{ page.tag }} {{ page.posts | length }} {{ site.tag_urls[page.tag] }}",
    );
    assert_success(&site.labpress(&["build"]));
    let page = |slug: &str| site.read(&format!("public/tags/{slug}/index.html"));
    assert_eq!(page("c"), "C 1 /tags/c/");
    assert_eq!(page("c-sharp"), "C# 1 /tags/c-sharp/");
    assert_eq!(page("c-plus-plus"), "c++ 1 /tags/c-plus-plus/");
    assert_eq!(page("deep-learning"), "Deep Learning 2 /tags/deep-learning/");
}

#[test]
fn a_carriage_return_alone_ends_a_line_in_every_file() {
    let site = Site::empty();
    let mac = |path: &str, text: &str| site.write(path, &text.replace('\n', "\r"));
    mac("_config.yml", "title: Test\nurl: https://example.org\nmarkdown: CommonMark\n");
    mac("_data/names.yml", "- a\n- b\n");
    mac("_data/table.csv", "k,v\nx,1\n");
    mac("_layouts/post.html", "---\nkind: note\n---\n{{ layout.kind }} {{ content | safe }}");
    mac(
        "_posts/2026-01-02-a.md",
        "---\nlayout: post\ntitle: A\n---\n# Title\nfirst {{ site.data.names | join: '+' }}{{ site.data.table[0].v }}\n",
    );
    assert_success(&site.labpress(&["build"]));
    let page = site.read("public/2026/01/02/a.html");
    assert!(page.starts_with("note <h1") && page.contains("<p>first a+b1</p>"), "{page}");
}

#[test]
fn seo_fields_cannot_leave_their_elements() {
    let site = Site::empty();
    site.write("_config.yml", "title: T\nurl: https://example.org\ntemplates: liquid\nplugins: [jekyll-seo-tag]\ntwitter: {username: '\"><b>'}\n");
    site.write("_layouts/post.html", "{% seo %}{{ content }}");
    site.write(
        "_posts/2026-01-02-a.md",
        "---\nlayout: post\nlang: '\"><i>'\nauthor: {name: '</script><script>alert(1)</script>\"', twitter: '<u>'}\n---\nx\n",
    );
    assert_success(&site.labpress(&["build"]));
    let page = site.read("_site/2026/01/02/a.html");
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    assert_eq!(page.matches("</script>").count(), 1, "{page}");
    for element in ["<b>", "<i>", "<u>"] {
        assert!(!page.contains(element), "{page}");
    }
    assert!(
        page.contains("\"name\":\"\\u003c/script>\\u003cscript>alert(1)\\u003c/script>\\\"\""),
        "{page}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error() {
    let site = Site::empty();
    for arguments in [["schema", "record"], ["data", "list"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = site.command(&arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let message =
            "error: cannot write to standard output: No space left on device (os error 28)\n";
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).ends_with(message), "{}", stderr(&output));
    }
}

#[test]
fn control_characters_of_files_do_not_reach_the_terminal() {
    let site = site_of("", "{% post_url a\u{1b}]0;title\u{7} %}\n");
    check(
        &site,
        &["build"],
        str![[r#"
$ labpress build
[stderr]
error: there is no post `a\u{1b}]0;title\u{7}`
 --> _posts/2026-01-02-a.md:4:1
hint: write its file name without extension, such as `2026-01-31-title`

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn a_new_post_needs_a_title_that_makes_a_file_name() {
    let site = Site::empty();
    check(
        &site,
        &["new", "post", "???"],
        str![[r#"
$ labpress new post ???
[stderr]
error: cannot make a file name from the title `???`
 --> _posts/
hint: use a title with letters or digits

`labpress new` failed because of 1 error
[exit status 1]

"#]],
    );
    assert!(!site.path().join("_posts").exists());
}

/// A few lines of Sass that fill time, memory or stack are an error of their file, not the end of
/// labpress.
#[test]
fn a_style_sheet_that_takes_too_much_is_an_error_of_its_file() {
    let chain: String = (1..2000).map(|at| format!(".a{at} {{@extend .a{};}}\n", at - 1)).collect();
    let cases = [
        format!(".a0 {{b: c}}\n{chain}"),
        "$a: \"xxxxxxxxxx\";\n".to_owned() + &"$a: $a + $a;\n".repeat(60),
        "a,b{".repeat(40) + "c:d" + &"}".repeat(40),
        format!("@if {}true {{}}", "not ".repeat(100_000)),
        format!("a {{b: {}1}}", "1 + ".repeat(200_000)),
    ];
    let mut builds = cases.map(|sass| {
        let site = Site::empty();
        site.write("_config.yml", "limits: {sass-seconds: 1, sass-bytes: 500000000}\n");
        site.write("a.scss", &format!("---\n---\n{sass}"));
        said(&site, &["build"])
    });
    // Which limit nested selectors exceed first depends on the machine.
    builds[2] = builds[2].replace("[SIZE] of memory", "[TIME]");
    check_text(
        builds.join("\n"),
        str![[r#"
$ labpress build
[stderr]
error: the Sass compiler needs more than [TIME] for this style sheet
 --> a.scss
hint: simplify it, or raise `limits: {sass-seconds: …, sass-bytes: …}` in `_config.yml`

nothing was written because of 1 error
[exit status 1]

$ labpress build
[stderr]
error: the Sass compiler needs more than [SIZE] of memory for this style sheet
 --> a.scss
hint: simplify it, or raise `limits: {sass-seconds: …, sass-bytes: …}` in `_config.yml`

nothing was written because of 1 error
[exit status 1]

$ labpress build
[stderr]
error: the Sass compiler needs more than [TIME] for this style sheet
 --> a.scss
hint: simplify it, or raise `limits: {sass-seconds: …, sass-bytes: …}` in `_config.yml`

nothing was written because of 1 error
[exit status 1]

$ labpress build
[stderr]
error: expressions or blocks nest too deep for the Sass compiler
 --> a.scss
hint: simplify it, or raise `limits: {sass-seconds: …, sass-bytes: …}` in `_config.yml`

nothing was written because of 1 error
[exit status 1]

$ labpress build
[stderr]
error: expressions or blocks nest too deep for the Sass compiler
 --> a.scss
hint: simplify it, or raise `limits: {sass-seconds: …, sass-bytes: …}` in `_config.yml`

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    let site = Site::empty();
    site.write("a.scss", "---\n---\na { b: 1px + 2px; }\n");
    assert_success(&site.labpress(&["build"]));
    assert_eq!(site.read("public/a.css"), "a {\n  b: 3px;\n}\n");
}

#[test]
fn a_template_in_tera_that_takes_too_much_is_an_error_of_its_file() {
    let steps = [
        "{% set_global a = a ~ a %}",
        "{% set_global a = a | replace(from=\"x\", to=a) %}",
        "{% set_global a = [a, a, a, a, a, a, a, a, a, a, a] | join(sep=a) %}",
        "{{ l }}",
        "{% for j in r %}{% for k in r %}{% endfor %}{% endfor %}",
        "{% set b = a | upper %}{% for j in r %}{% set b = l | upper | lower %}{% endfor %}",
    ];
    let builds = steps.map(|step| {
        let site = Site::empty();
        site.write("_config.yml", "limits: {template-steps: 100000, template-bytes: 1000000}\n");
        let start = "{% set a = \"xxxxxxxxxx\" %}{% set r = range(end=1000) %}{% set l = r | join(sep=\"xxxxxxxxxxxxxxxxxxxx\") %}";
        site.write("a.html", &format!("---\n---\n{start}\n{{% for i in r %}}{step}{{% endfor %}}"));
        format!("{step}\n{}", said(&site, &["build"]))
    });
    check_text(
        builds.join("\n"),
        str![[r#"
{% set_global a = a ~ a %}
$ labpress build
[stderr]
error: a string or list exceeds 1000000 bytes; look for a string that keeps growing, or raise `limits: {template-bytes: …}` in `_config.yml`
 --> a.html:4:40

nothing was written because of 1 error
[exit status 1]

{% set_global a = a | replace(from="x", to=a) %}
$ labpress build
[stderr]
error: a string or list exceeds 1000000 bytes; look for a string that keeps growing, or raise `limits: {template-bytes: …}` in `_config.yml`
 --> a.html:4:39

nothing was written because of 1 error
[exit status 1]

{% set_global a = [a, a, a, a, a, a, a, a, a, a, a] | join(sep=a) %}
$ labpress build
[stderr]
error: a string or list exceeds 1000000 bytes; look for a string that keeps growing, or raise `limits: {template-bytes: …}` in `_config.yml`
 --> a.html:4:71

nothing was written because of 1 error
[exit status 1]

{{ l }}
$ labpress build
[stderr]
error: a string or list exceeds 1000000 bytes; look for a string that keeps growing, or raise `limits: {template-bytes: …}` in `_config.yml`
 --> a.html

nothing was written because of 1 error
[exit status 1]

{% for j in r %}{% for k in r %}{% endfor %}{% endfor %}
$ labpress build
[stderr]
error: the template exceeds 100000 steps; check for nested loops, or raise `limits: {template-steps: …}` in `_config.yml`
 --> a.html:4:46

nothing was written because of 1 error
[exit status 1]

{% set b = a | upper %}{% for j in r %}{% set b = l | upper | lower %}{% endfor %}
$ labpress build
[stderr]
error: the template exceeds 100000 steps; check for nested loops, or raise `limits: {template-steps: …}` in `_config.yml`
 --> a.html:4:69

nothing was written because of 1 error
[exit status 1]

"#]],
    );
}
