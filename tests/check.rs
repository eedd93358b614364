//! `labpress check`: what it finds, how it says so, and how it ends.

#![allow(
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use snapbox::str;
use support::{Site, assert_success, check, check_command};

const LAYOUT: &str = "<!DOCTYPE html>
<html lang=\"en\"><head><title>{{ page.title }}</title></head>
<body><h1>{{ page.title }}</h1><nav><a href=\"/lost/\">Lost</a></nav>
{{ content | safe }}
</body></html>
";

/// A site with this post, another one, and a list of both.
fn site(post: &str) -> Site {
    let site = Site::empty();
    site.write("_config.yml", "title: T\nurl: https://example.org\npermalink: /:title/\n");
    site.write("_layouts/post.html", &LAYOUT.replace("<a href=\"/lost/\">Lost</a>", ""));
    site.write("_posts/2026-01-01-post.md", post);
    let other = "---\nlayout: post\ntitle: Other\ntags: [deep-learning]\n---\n## A part\n\nText.\n";
    site.write("_posts/2026-01-02-other.md", other);
    let list = "---\nlayout: post\ntitle: All\n---\n[One](/post/), [two](/other/).\n";
    site.write("index.md", list);
    site
}

const GOOD: &str = "---\nlayout: post\ntitle: Post\n---\n[Two](/other/#a-part).\n";

#[test]
fn a_site_in_order_has_no_findings() {
    check(
        &site(GOOD),
        &["check", "--strict"],
        str![[r#"
$ labpress check --strict
[stderr]
0 errors and 0 warnings in 3 pages
[exit status 0]

"#]],
    );
}

#[test]
fn each_rule_finds_what_was_planted() {
    let post = "---
layout: post
titel: Post
title: Post
share: ture
tags: [Deep Learning, deep-learning]
---
[Nothing](/no/such/), [a part](#nowhere), [another](/other/#a-prat), [typo](/othr/).

![A picture](missing.png)

<img src=\"/also-missing.png\">

#### Four

# One

```pyton
x = 1
```

```text
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
```

<div id=\"x\"><em>never closed</div>
<div id=\"x\"></div></section>
";
    let site = site(post);
    site.replace("_config.yml", "title: T", "title: T\nmarkdown: CommonMark");
    site.write("data.json", "---\n---\n{\"a\": }\n");
    site.write("alone.md", "---\nlayout: post\ntitle: Alone\n---\nText.\n");
    site.write("broken.xml", "---\n---\n<a><b></a>\n");
    check(
        &site,
        &["check"],
        str![[r#"
$ labpress check
error: nothing reads the key `titel`
 --> _posts/2026-01-01-post.md:3:1
hint: did you mean `title`?
rule: key

error: `share` is the text `ture`
 --> _posts/2026-01-01-post.md:5:1
hint: did you mean `share: true`?
rule: key

warning: the tag `Deep Learning` is written `deep-learning` elsewhere
 --> _posts/2026-01-01-post.md:6:1
hint: write `deep-learning`, so that both are one list
rule: tag

error: the link `/no/such/` leads to nothing
 --> _posts/2026-01-01-post.md:8:11
hint: correct the address, or remove the link; for a page that has moved, put `redirect_from` into its front matter
rule: link

error: the link `#nowhere` leads to a part of this page that is not there
 --> _posts/2026-01-01-post.md:8:32
hint: ids are made from headings; `{#name}` behind a heading sets one
rule: anchor

error: the link `/other/#a-prat` leads to a part of `/other/` that is not there
 --> _posts/2026-01-01-post.md:8:53
hint: did you mean `#a-part`?
rule: anchor

error: the link `/othr/` leads to nothing
 --> _posts/2026-01-01-post.md:8:77
hint: did you mean `/other/`?
rule: link

error: there is no file `missing.png` in the site
 --> _posts/2026-01-01-post.md:10:14
hint: correct the address, or add the file
rule: file

warning: the picture `/also-missing.png` has no alternative text
 --> _posts/2026-01-01-post.md:12:11
hint: say what it shows: `![text](address)`, or `alt=""` if it only decorates
rule: alt

error: there is no file `/also-missing.png` in the site
 --> _posts/2026-01-01-post.md:12:11
hint: correct the address, or add the file
rule: file

warning: `Four` is a heading of level 4 below one of level 1
 --> _posts/2026-01-01-post.md:14:6
hint: use the level below, and the theme for its size
rule: heading

warning: `One` is a second heading of level 1
 --> _posts/2026-01-01-post.md:16:3
hint: the title of the page is its heading of level 1: start with `##`
rule: heading

warning: `pyton` is not a language that can be highlighted
 --> _posts/2026-01-01-post.md:18:1
hint: did you mean `python`?
rule: language

warning: a line of code has 104 characters, and readers see about 100
 --> _posts/2026-01-01-post.md:23:1
hint: break it, or set `check: {line_length: N}`
rule: long-line

error: the id `x` occurs more than once on `/post/`
 --> _posts/2026-01-01-post.md:26:6
hint: links lead to the first: give the others another id
rule: markup

error: `<em>` is not closed on `/post/`
 --> _posts/2026-01-01-post.md:26:13
hint: add `</em>` where the element ends
rule: markup

error: `</section>` closes nothing on `/post/`
 --> _posts/2026-01-01-post.md:27:19
hint: remove it, or open the element
rule: markup

warning: no other page links to `/alone/`
 --> alone.md
hint: link to it, or say `unlisted: true` if readers get its address elsewhere
rule: orphan

error: is not XML: expected 'b' tag, not 'a' at 1:7
 --> broken.xml
hint: correct its source or its layout
rule: feed

error: is not JSON at 1:7
 --> data.json
hint: correct its source or its layout
rule: feed
[stderr]
13 errors and 7 warnings in 4 pages
[exit status 1]

"#]],
    );
}

#[test]
fn what_a_layout_adds_is_found_once_and_in_the_layout() {
    let site = site(GOOD);
    site.write("_layouts/post.html", LAYOUT);
    check(
        &site,
        &["check"],
        str![[r#"
$ labpress check
error: the link `/lost/` leads to nothing
 --> _layouts/post.html:3:46
hint: did you mean `/post/`?
rule: link on 3 pages
[stderr]
1 error and 0 warnings in 3 pages
[exit status 1]

"#]],
    );
}

#[test]
fn addresses_must_have_the_base_path() {
    let site = site(GOOD);
    site.replace("_config.yml", "title: T", "title: T\nbaseurl: /blog");
    check(
        &site,
        &["check"],
        str![[r#"
$ labpress check
warning: no other page links to `/post/`
 --> _posts/2026-01-01-post.md
hint: link to it, or say `unlisted: true` if readers get its address elsewhere
rule: orphan

error: `/other/#a-part` is outside of `/blog`, the folder of this site
 --> _posts/2026-01-01-post.md:5:7
hint: write `{{ "/other/" | relative_url }}`, which adds `baseurl`
rule: base-path

warning: no other page links to `/other/`
 --> _posts/2026-01-02-other.md
hint: link to it, or say `unlisted: true` if readers get its address elsewhere
rule: orphan

error: `/post/` is outside of `/blog`, the folder of this site
 --> index.md:5:7
hint: write `{{ "/post/" | relative_url }}`, which adds `baseurl`
rule: base-path

error: `/other/` is outside of `/blog`, the folder of this site
 --> index.md:5:22
hint: write `{{ "/other/" | relative_url }}`, which adds `baseurl`
rule: base-path
[stderr]
3 errors and 2 warnings in 3 pages
[exit status 1]

"#]],
    );
    check(
        &site,
        &["check", "--format", "github", "--only", "base-path"],
        str![[r#"
$ labpress check --format github --only base-path
::error file=_posts/2026-01-01-post.md,line=5,col=7,title=labpress base-path::`/other/#a-part` is outside of `/blog`, the folder of this site%0Ahint: write `{{ "/other/" | relative_url }}`, which adds `baseurl`
::error file=index.md,line=5,col=7,title=labpress base-path::`/post/` is outside of `/blog`, the folder of this site%0Ahint: write `{{ "/post/" | relative_url }}`, which adds `baseurl`
::error file=index.md,line=5,col=22,title=labpress base-path::`/other/` is outside of `/blog`, the folder of this site%0Ahint: write `{{ "/other/" | relative_url }}`, which adds `baseurl`
[exit status 1]

"#]],
    );
    check(
        &site,
        &["check", "--format", "json", "--only", "base-path"],
        str![[r#"
$ labpress check --format json --only base-path
{"column":7,"hint":"write `{{ \"/other/\" | relative_url }}`, which adds `baseurl`","line":5,"message":"`/other/#a-part` is outside of `/blog`, the folder of this site","pages":["post/index.html"],"path":"_posts/2026-01-01-post.md","rule":"base-path","severity":"error"}
{"column":7,"hint":"write `{{ \"/post/\" | relative_url }}`, which adds `baseurl`","line":5,"message":"`/post/` is outside of `/blog`, the folder of this site","pages":["index.html"],"path":"index.md","rule":"base-path","severity":"error"}
{"column":22,"hint":"write `{{ \"/other/\" | relative_url }}`, which adds `baseurl`","line":5,"message":"`/other/` is outside of `/blog`, the folder of this site","pages":["index.html"],"path":"index.md","rule":"base-path","severity":"error"}
[exit status 1]

"#]],
    );
}

#[test]
fn rules_and_files_can_be_left_out() {
    let site = site(&GOOD.replace("#a-part", "#nowhere"));
    let config = "title: T\ncheck: {skip: [anchor]}";
    site.replace("_config.yml", "title: T", config);
    assert_success(&site.labpress(&["check"]));
    site.replace("_config.yml", config, "title: T\ncheck: {ignore: [\"post/*\"]}");
    assert_success(&site.labpress(&["check"]));
    site.replace("_config.yml", "check: {ignore: [\"post/*\"]}", "");
    assert_success(&site.labpress(&["check", "--skip", "anchor,link"]));
    assert_success(&site.labpress(&["check", "--only", "link"]));
    site.replace("_config.yml", "title: T", "title: T\ncheck: {skip: [ancor]}");
    check(
        &site,
        &["check"],
        str![[r#"
$ labpress check
[stderr]
error: `skip` must be a list of `link`, `anchor`, `file`, `base-path`, `external`, `key`, `feed`, `markup`, `validator`, `tag`, `orphan`, `alt`, `heading`, `long-line`, `language`, `number`
 --> _config.yml:2:1
hint: write `check: {skip: [orphan], ignore: ["old/*"], line_length: 100}`

`labpress check` failed because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["check", "--only", "ancor"],
        str![[r#"
$ labpress check --only ancor
[stderr]
error: invalid value 'ancor' for '--only <RULE>': expected one of `link`, `anchor`, `file`, `base-path`, `external`, `key`, `feed`, `markup`, `validator`, `tag`, `orphan`, `alt`, `heading`, `long-line`, `language`, `number`

For more information, try '--help'.
[exit status 2]

"#]],
    );
}

/// Answers each request with the status that its path asks for. Returns the address, and the
/// requests so far.
fn server() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = requests.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            reader.read_line(&mut line).unwrap();
            let mut header = String::new();
            while reader.read_line(&mut header).unwrap() > 2 {
                header.clear();
            }
            let parts: Vec<&str> = line.split(' ').collect();
            // One that refuses to send only the head.
            let status = match (parts[0], parts[1]) {
                ("HEAD", "/no-head") => "500 Error",
                (_, "/gone") => "404 Not Found",
                _ => "200 OK",
            };
            seen.lock().unwrap().push(format!("{} {}", parts[0], parts[1]));
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, requests)
}

#[test]
fn links_to_other_sites_are_followed_on_request_and_once() {
    let (address, requests) = server();
    let links =
        ["good#part", "gone", "no-head", "good"].map(|path| format!("[x]({address}/{path})"));
    let site = site(&format!("{GOOD}\n{}\n", links.join(" ")));
    assert_success(&site.labpress(&["check"]));
    assert!(requests.lock().unwrap().is_empty(), "nothing is read from the network unasked");
    let said = support::said(&site, &["check", "--external"]);
    let said = said.replace(&address, "http://HOST");
    support::check_text(
        said,
        str![[r#"
$ labpress check --external
error: the link `http://HOST/gone` is dead: the server answers 404
 --> post/index.html
hint: correct or remove it, or add it to `ignore` of `check` in _config.yml
rule: external
[stderr]
1 error and 0 warnings in 3 pages
[exit status 1]

"#]],
    );
    let asked = std::mem::take(&mut *requests.lock().unwrap());
    assert_eq!(asked, ["HEAD /gone", "GET /gone", "HEAD /good", "HEAD /no-head", "GET /no-head"]);
    // Only what was dead is asked for again.
    site.labpress(&["check", "--external"]);
    assert_eq!(*requests.lock().unwrap(), ["HEAD /gone", "GET /gone"]);
}

#[cfg(unix)]
#[test]
fn errors_of_the_html_checker_are_findings() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = site(GOOD);
    let report = "{\"messages\": [{\"type\": \"error\", \"url\": \"file:'$folder'/post/index.html\", \
                  \"lastLine\": 3, \"message\": \"Stray end tag.\"}, {\"type\": \"info\", \"message\": \"x\"}]}";
    let script = format!("#!/bin/sh\nfor folder; do :; done\necho '{report}' >&2\nexit 1\n");
    site.write("bin/vnu", &script);
    let program = site.path().join("bin/vnu");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    site.replace("_config.yml", "title: T", "title: T\nexclude: [bin]");
    let path =
        format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut command = site.command(&["check", "--html"]);
    check_command(
        &site,
        command.env("PATH", path),
        str![[r#"
$ labpress check --html
error: Stray end tag. (line 3 of the page)
 --> post/index.html
rule: validator
[stderr]
1 error and 0 warnings in 3 pages
[exit status 1]

"#]],
    );
}

#[test]
fn typed_numbers_are_found_where_they_were_typed_and_the_tag_is_proposed() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["run", "toy"]));
    let accuracies = support::records(&site, "toy").into_iter().filter_map(|(name, record)| {
        name.starts_with("fast").then(|| record["metrics"]["accuracy"].as_f64().unwrap())
    });
    let accuracies: Vec<f64> = accuracies.collect();
    let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64 * 100.0;
    let post = format!(
        "---
title: A toy
layout: post
description: It gets 12.5 % right.
excerpt: It gets 13.5 % right. # number: allow
---
Fast, `0.91`, of 2,000 images in 2024 gets
an **accuracy** of {mean:.2} %. {{% value toy.fast.accuracy %}}

| net | accuracy |
|---|---|
| é   | 0.873    |

The paper says 99.1 %. A loss of 0.31 is high. <!-- number: allow -->

<!-- number: allow, measured by hand -->
Its error was 4.2 %,
and then 5.1 %.
"
    );
    site.write("_posts/2026-01-02-toy.md", &post);
    let mean = format!("{mean:.2}");
    let said = support::said(&site, &["check", "--numbers", "--only", "number", "--strict"]);
    support::check_text(
        said.replace(&mean, "MEAN"),
        str![[r#"
$ labpress check --numbers --only number --strict
warning: `12.5 %` looks like a result and is typed
 --> _posts/2026-01-02-toy.md:4:1
hint: show a recorded number with `{% value EXPERIMENT.VARIANT.METRIC %}`, or write `<!-- number: allow -->` at the end of the line
rule: number

warning: `MEAN %` is typed and equal to a recorded result
 --> _posts/2026-01-02-toy.md:8:20
hint: write `{% value toy.fast.accuracy %}` or `{% value toy.fast.valid.accuracy %}`
rule: number

warning: `0.873` looks like a result and is typed
 --> _posts/2026-01-02-toy.md:12:9
hint: show a recorded number with `{% value EXPERIMENT.VARIANT.METRIC %}`, or write `<!-- number: allow -->` at the end of the line
rule: number
[stderr]
0 errors and 3 warnings in 1 page
[exit status 1]

"#]],
    );
    let said = support::said(&site, &["check", "--only", "number"]);
    assert!(said.ends_with("[exit status 0]\n"), "{said}");
    let said = support::said(&site, &["check", "--strict"]);
    assert!(!said.contains("number"), "only on request: {said}");
}
