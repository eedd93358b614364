//! Sites with odd, wrong or hostile files: they are built, or refused with a message that says
//! where and what.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::process::{Output, Stdio};

use support::{Site, assert_success, stderr};

const YAML: &str = "experiments/toy/experiment.yml";

/// A site with one post.
fn site_of(front: &str, body: &str) -> Site {
    let site = Site::empty();
    site.write("_layouts/post.html", "{{ content | safe }}");
    site.write("_posts/2026-01-02-a.md", &format!("---\nlayout: post\n{front}---\n{body}"));
    site
}

#[track_caller]
fn assert_fails(output: &Output, expected: &str) {
    assert_eq!((output.status.code(), stderr(output).as_str()), (Some(1), expected));
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
    assert_fails(
        &site.labpress(&["build"]),
        "error: unclosed quote\n --> _posts/2026-01-02-a.md:3:8\nhint: add the closing quote\n\n\
         nothing was written because of 1 error\n",
    );
}

#[test]
fn commands_report_the_errors_of_the_experiment_that_they_are_asked_for() {
    let site = Site::with_toy();
    site.replace(YAML, "seeds: 2", "sedes: 2");
    let expected = "error: unknown key `sedes`\n --> experiments/toy/experiment.yml:3:1\nhint: did you mean `seeds`?\n";
    let commands: [&[&str]; 6] = [
        &["run", "toy"],
        &["why", "toy"],
        &["verify", "toy"],
        &["diff", "toy", "HEAD"],
        &["pin", "_posts/2026-01-02-toy.md"],
        &["build"],
    ];
    for arguments in commands {
        let output = site.labpress(arguments);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.starts_with(expected), "{arguments:?}: {said}");
        assert!(!said.contains("unknown experiment"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_locked_build_reports_an_experiment_once_and_counts_the_other_places() {
    let site = Site::with_toy();
    let output = site.labpress(&["build", "--locked"]);
    let said = stderr(&output);
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
    assert!(said.contains(" (and 2 more places)\n --> _posts/2026-01-02-toy.md:5:"), "{said}");
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
    let said = stderr(&site.labpress(&["build"]));
    assert!(said.contains("\\u{1b}]0;title\\u{7}") && !said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn a_new_post_needs_a_title_that_makes_a_file_name() {
    let site = Site::empty();
    assert_fails(
        &site.labpress(&["new", "post", "???"]),
        "error: cannot make a file name from the title `???`\n --> _posts/\nhint: use a title with letters or digits\n\n\
         nothing was written because of 1 error\n",
    );
    assert!(!site.path().join("_posts").exists());
}

/// A few lines of Sass that fill time, memory or stack are an error of their file, not the end of
/// labpress.
#[test]
fn a_style_sheet_that_takes_too_much_is_an_error_of_its_file() {
    let chain: String = (1..2000).map(|at| format!(".a{at} {{@extend .a{};}}\n", at - 1)).collect();
    let cases = [
        (format!(".a0 {{b: c}}\n{chain}"), "the Sass compiler needs more than 1 s"),
        ("$a: \"xxxxxxxxxx\";\n".to_owned() + &"$a: $a + $a;\n".repeat(60), "of memory"),
        ("a,b{".repeat(40) + "c:d" + &"}".repeat(40), "the Sass compiler needs more than"),
        (format!("@if {}true {{}}", "not ".repeat(100_000)), "too deep for the Sass compiler"),
        (format!("a {{b: {}1}}", "1 + ".repeat(200_000)), "too deep for the Sass compiler"),
    ];
    for (sass, message) in cases {
        let site = Site::empty();
        site.write("_config.yml", "limits: {sass-seconds: 1, sass-bytes: 500000000}\n");
        site.write("a.scss", &format!("---\n---\n{sass}"));
        let output = site.labpress(&["build"]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("error: ") && said.contains("\n --> a.scss\n"), "{said}");
        assert!(said.contains(message), "{message:?} is not in {said}");
    }
    let site = Site::empty();
    site.write("a.scss", "---\n---\na { b: 1px + 2px; }\n");
    assert_success(&site.labpress(&["build"]));
    assert_eq!(site.read("public/a.css"), "a {\n  b: 3px;\n}\n");
}

#[test]
fn a_template_in_tera_that_takes_too_much_is_an_error_of_its_file() {
    let large = "a string or list exceeds 1000000 bytes";
    let steps = "the template exceeds 100000 steps";
    let cases = [
        ("{% set_global a = a ~ a %}", large),
        ("{% set_global a = a | replace(from=\"x\", to=a) %}", large),
        ("{% set_global a = [a, a, a, a, a, a, a, a, a, a, a] | join(sep=a) %}", large),
        ("{{ l }}", large),
        ("{% for j in r %}{% for k in r %}{% endfor %}{% endfor %}", steps),
        (
            "{% set b = a | upper %}{% for j in r %}{% set b = l | upper | lower %}{% endfor %}",
            steps,
        ),
    ];
    for (step, message) in cases {
        let site = Site::empty();
        site.write("_config.yml", "limits: {template-steps: 100000, template-bytes: 1000000}\n");
        let start = "{% set a = \"xxxxxxxxxx\" %}{% set r = range(end=1000) %}{% set l = r | join(sep=\"xxxxxxxxxxxxxxxxxxxx\") %}";
        site.write("a.html", &format!("---\n---\n{start}\n{{% for i in r %}}{step}{{% endfor %}}"));
        let output = site.labpress(&["build"]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{step}: {said}");
        assert!(
            said.starts_with("error: ") && said.contains(message) && said.contains(" --> a.html"),
            "{step}: {said}"
        );
    }
}
