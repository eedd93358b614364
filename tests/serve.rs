//! `labpress serve`, driven over its socket: what it shows, what it tells open pages, and what it
//! refuses.

#![cfg(unix)]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use support::Site;
use support::serving::Serving;

const LAYOUT: &str = "<!doctype html>\n<title>{{ page.title }}</title>\n<link rel=\"stylesheet\" \
                      href=\"/style.css\">\n<body><main>{{ content | safe }}</main></body>\n";
const POST: &str = "_posts/2026-01-02-a.md";
const PAGE: &str = "/2026/01/02/a.html";

fn post(body: &str) -> String {
    format!("---\ntitle: A\nlayout: post\n---\n{body}\n")
}

fn site() -> Site {
    let site = Site::empty();
    site.write("_layouts/post.html", LAYOUT);
    site.write("style.css", "body { color: black }\n");
    site.write(POST, &post("First."));
    site
}

/// All files of the site, to see that none changes.
fn files(site: &Site) -> BTreeMap<PathBuf, Vec<u8>> {
    site.files(".")
}

#[test]
fn a_saved_post_is_shown_and_its_open_page_is_told() {
    let site = site();
    let before = files(&site);
    let serving = Serving::start(&site, &[]);
    assert!(serving.get(PAGE).body.contains("<p>First.</p>"));
    let mut page = serving.page(PAGE);
    let message = page.next();
    assert_eq!((&message["page"], &message["version"]), (&json!(1), &json!(1)));
    site.write(POST, &post("Second."));
    page.until(|message| message["page"] == 2);
    assert!(serving.get(PAGE).body.contains("<p>Second.</p>"));
    serving.said("rebuilt in");
    site.write(POST, &post("First."));
    page.until(|message| message["page"] == 3);
    assert!(serving.stop());
    assert_eq!(files(&site), before, "serve wrote something");
}

#[test]
fn a_style_sheet_changes_without_its_pages() {
    let site = site();
    let serving = Serving::start(&site, &[]);
    let mut page = serving.page(PAGE);
    assert_eq!(page.next()["files"], json!({}));
    site.write("style.css", "body { color: red }\n");
    let message = page.until(|message| message["version"] == 2);
    assert_eq!(message["page"], 1);
    assert_eq!(message["files"], json!({"/style.css": 2}));
}

#[test]
fn errors_are_told_until_they_are_fixed_and_the_last_version_stays() {
    let site = site();
    let serving = Serving::start(&site, &[]);
    let mut page = serving.page(PAGE);
    assert_eq!(page.next()["problems"], json!([]));
    site.write(POST, &post("{% include none.html %}"));
    let message = page.until(|message| message["problems"] != json!([]));
    let problem = &message["problems"][0];
    assert_eq!(problem["place"], "_posts/2026-01-02-a.md:5:1");
    assert!(problem["message"].as_str().unwrap().contains("none.html"), "{problem}");
    serving.said("1 error: the preview shows the last version without errors until it is fixed");
    assert!(serving.get(PAGE).body.contains("First."));
    site.write(POST, &post("Fixed."));
    let message = page.until(|message| message["problems"] == json!([]));
    assert_eq!(message["page"], 2);
    serving.said("no more errors, rebuilt in");
    assert!(serving.get(PAGE).body.contains("Fixed."));
}

#[test]
fn a_site_that_starts_with_errors_is_shown_when_they_are_fixed() {
    let site = site();
    site.write("_config.yml", "title: [\n");
    let serving = Serving::start(&site, &[]);
    let reply = serving.get(PAGE);
    assert_eq!(reply.status, 503);
    let mut page = serving.page(PAGE);
    let message = page.next();
    assert_eq!((&message["missing"], &message["version"]), (&json!(true), &json!(0)));
    assert_eq!(message["problems"][0]["place"], "_config.yml:2:1");
    site.write("_config.yml", "title: Test\n");
    page.until(|message| message["missing"] == false);
    assert_eq!(serving.get(PAGE).status, 200);
}

#[test]
fn a_post_is_followed_to_its_new_address() {
    let site = site();
    site.write("_drafts/idea.md", &post("Idea."));
    let serving = Serving::start(&site, &[]);
    let mut page = serving.page(PAGE);
    assert_eq!(page.next()["moved"], json!(null));
    site.replace(POST, "title: A", "title: A\npermalink: /other/");
    let message = page.until(|message| message["version"] == 2);
    assert_eq!(message["moved"], "/other/");
    // Renamed, with a new date.
    let (from, to) = (site.path().join(POST), site.path().join("_posts/2026-01-03-a.md"));
    site.replace(POST, "permalink: /other/\n", "");
    page.until(|message| message["moved"] == json!(null));
    std::fs::rename(from, to).unwrap();
    page.until(|message| message["moved"] == "/2026/01/03/a.html");
}

#[test]
fn drafts_and_future_posts_are_shown_and_marked_unless_asked_otherwise() {
    let site = site();
    site.write("_drafts/idea.md", "---\npermalink: /idea/\n---\nIdea.\n");
    site.write("_posts/2999-01-02-later.md", "Later.\n");
    site.write("_posts/2026-01-04-hidden.md", "---\npublished: false\n---\nHidden.\n");
    let serving = Serving::start(&site, &[]);
    let mut page = serving.page("/idea/");
    let message = page.next();
    assert_eq!(message["mark"], "draft");
    let marks = json!({
        "/idea/": "draft",
        "/2999/01/02/later.html": "future",
        "/2026/01/04/hidden.html": "unpublished",
    });
    assert_eq!(message["marks"], marks);
    let published = Serving::start(&site, &["--published"]);
    assert_eq!(published.get("/idea/").status, 404);
    assert_eq!(published.page(PAGE).next()["marks"], json!({}));
}

#[test]
fn folders_may_come_and_go() {
    let site = site();
    let serving = Serving::start(&site, &[]);
    let mut page = serving.page("/pictures/new/a.txt");
    assert_eq!(page.next()["missing"], true);
    site.write("pictures/new/a.txt", "a");
    page.until(|message| message["missing"] == false);
    site.write("pictures/new/b.txt", "b");
    page.until(|message| message["files"]["/pictures/new/b.txt"] != json!(null));
    let folder = |name: &str| site.path().join(name);
    std::fs::rename(folder("pictures"), folder("images")).unwrap();
    page.until(|message| message["missing"] == true);
    assert_eq!(serving.get("/images/new/b.txt").body, "b");
    site.write("images/new/b.txt", "changed");
    page.until(|_| serving.get("/images/new/b.txt").body == "changed");
    std::fs::remove_dir_all(folder("images")).unwrap();
    page.until(|_| serving.get("/images/new/b.txt").status == 404);
}

#[test]
fn a_changed_configuration_changes_which_files_are_read() {
    let site = site();
    site.write("_docs/x.md", "---\nlayout: post\n---\nX.\n");
    let serving = Serving::start(&site, &[]);
    let mut page = serving.page("/docs/x.html");
    assert_eq!(page.next()["missing"], true);
    site.write("_config.yml", "collections: {docs: {output: true}}\n");
    page.until(|message| message["missing"] == false);
    // The folder is watched now.
    site.write("_docs/x.md", "---\nlayout: post\n---\nY.\n");
    page.until(|message| message["page"] == 3);
}

#[test]
fn a_site_is_served_below_its_base_url() {
    let site = site();
    site.write("_config.yml", "baseurl: /blog\nurl: https://example.org\n");
    site.write("index.html", "---\n---\n<a href=\"{{ \"/style.css\" | absolute_url }}\">x</a>\n");
    let serving = Serving::start(&site, &[]);
    serving.said(&format!("serving http://127.0.0.1:{}/blog/ ", serving.port));
    let reply = serving.get("/");
    assert_eq!((reply.status, reply.header("location")), (301, Some("/blog/")));
    assert!(serving.get("/blog/").body.contains("<a href=\"/blog/style.css\">"));
    assert_eq!(serving.get("/style.css").status, 404);
    assert_eq!(serving.get("/blog/style.css").status, 200);
}

#[test]
fn changes_are_noticed_without_events() {
    let site = site();
    let serving = Serving::start(&site, &["--poll"]);
    serving.said("looking for changed files regularly: `--poll` was given");
    let mut page = serving.page(PAGE);
    page.next();
    site.write(POST, &post("Other."));
    page.until(|message| message["page"] == 2);
    site.write("_posts/2026-01-05-new.md", &post("New."));
    page.until(|_| serving.get("/2026/01/05/new.html").status == 200);
    std::fs::remove_file(site.path().join("_posts/2026-01-05-new.md")).unwrap();
    page.until(|_| serving.get("/2026/01/05/new.html").status == 404);
}

#[test]
fn a_link_is_followed_to_what_changes() {
    let site = site();
    site.write("texts/a.txt", "first");
    std::os::unix::fs::symlink("texts/a.txt", site.path().join("link.txt")).unwrap();
    let serving = Serving::start(&site, &[]);
    let mut page = serving.page(PAGE);
    page.next();
    assert_eq!(serving.get("/link.txt").body, "first");
    site.write("texts/a.txt", "second");
    page.until(|_| serving.get("/link.txt").body == "second");
}

fn git(site: &Site, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "core.autocrlf=false"])
        .args(arguments)
        .current_dir(site.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_checkout_of_a_branch_is_one_rebuild() {
    let site = site();
    for number in 0..150 {
        site.write(&format!("_posts/2026-02-01-post-{number}.md"), &post("On main."));
    }
    git(&site, &["init", "--quiet", "--initial-branch", "main"]);
    git(&site, &["add", "."]);
    git(&site, &["commit", "--quiet", "-m", "main"]);
    git(&site, &["checkout", "--quiet", "-b", "other"]);
    for number in 0..150 {
        site.write(&format!("_posts/2026-02-01-post-{number}.md"), &post("On other."));
    }
    git(&site, &["commit", "--quiet", "-a", "-m", "other"]);
    let serving = Serving::start(&site, &[]);
    let mut page = serving.page("/2026/02/01/post-149.html");
    page.next();
    git(&site, &["checkout", "--quiet", "main"]);
    let message = page.until(|message| message["version"] != 1).clone();
    assert_eq!(message["version"], 2, "{message}");
    assert_eq!(message["page"], 2, "{message}");
    for number in [0, 75, 149] {
        let body = serving.get(&format!("/2026/02/01/post-{number}.html")).body;
        assert!(body.contains("On main."), "{number}: {body}");
    }
}

#[test]
fn a_post_never_disappears_while_editors_save_it() {
    let site = site();
    let serving = Serving::start(&site, &[]);
    let mut page = serving.page(PAGE);
    page.next();
    let (path, other) = (site.path().join(POST), site.path().join("_posts/2026-01-02-a.md~"));
    for round in 0..10 {
        // As vim does: the old file is renamed, and a new one written.
        std::fs::rename(&path, &other).unwrap();
        assert_eq!(serving.get(PAGE).status, 200);
        site.write(POST, &post(&format!("Round {round}.")));
        std::fs::remove_file(&other).unwrap();
        let expected = format!("Round {round}.");
        page.until(|message| {
            assert_eq!(message["missing"], false);
            serving.get(PAGE).body.contains(&expected)
        });
    }
}

#[test]
fn no_address_leads_out_of_the_built_site() {
    let site = site();
    site.write("_config.yml", "title: Secret\n");
    site.write(".env", "Secret\n");
    site.write("_drafts/idea.md", "---\npublished: false\n---\nSecret\n");
    site.write("experiments/x/notes.txt", "Secret\n");
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("a.txt"), "Secret").unwrap();
    std::os::unix::fs::symlink(outside.path(), site.path().join("out")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("a.txt"), site.path().join("out.txt")).unwrap();
    let serving = Serving::start(&site, &["--published"]);
    let root = site.path().canonicalize().unwrap();
    let targets = [
        "/_config.yml",
        "/../_config.yml",
        "/%2e%2e/_config.yml",
        "/..%2f_config.yml",
        "/%2e%2e%2f_config.yml",
        "/%252e%252e/_config.yml",
        "/..%252f_config.yml",
        "/2026/../../_config.yml",
        "/2026/%2e%2e/%2e%2e/_config.yml",
        "/..\\_config.yml",
        "/%5c..%5c_config.yml",
        "/%c0%ae%c0%ae/_config.yml",
        "/.env",
        "/%2eenv",
        "//.env",
        "/./.env",
        "/_posts/2026-01-02-a.md",
        "/_drafts/idea.md",
        "/experiments/x/notes.txt",
        "/out/a.txt",
        "/out.txt",
        "/etc/passwd",
        "//etc/passwd",
        "http://localhost/../_config.yml",
        "/_labpress/../_config.yml",
        "/_config.yml%00.html",
    ];
    let absolute = format!("{}/.env", root.display());
    for target in targets.into_iter().chain([absolute.as_str()]) {
        let reply = serving.get(target);
        assert!(matches!(reply.status, 400 | 404), "{target}: {}", reply.status);
        assert!(!reply.body.contains("Secret"), "{target}");
    }
}

#[test]
fn a_file_that_becomes_a_link_out_of_the_site_is_not_sent() {
    let site = site();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("a.txt"), "Secret").unwrap();
    site.write("image.png", "\u{89}PNG");
    let serving = Serving::start(&site, &[]);
    assert_eq!(serving.get("/image.png").status, 200);
    let image = site.path().join("image.png");
    std::fs::remove_file(&image).unwrap();
    std::os::unix::fs::symlink(outside.path().join("a.txt"), &image).unwrap();
    for _ in 0..20 {
        let reply = serving.get("/image.png");
        assert!(reply.status == 404 && !reply.body.contains("Secret"), "{reply:?}");
    }
}

#[test]
fn only_plain_requests_are_answered() {
    let site = site();
    let serving = Serving::start(&site, &[]);
    let host = "Host: localhost\r\n";
    let many: String = (0..200).map(|number| format!("X-{number}: y\r\n")).collect();
    let long = "a".repeat(100_000);
    let cases = [
        (format!("GET {PAGE} HTTP/1.0\r\n{host}\r\n"), 200),
        (format!("GET http://localhost{PAGE} HTTP/1.0\r\n{host}\r\n"), 200),
        (format!("GET {PAGE}?query#part HTTP/1.0\r\n{host}\r\n"), 200),
        (format!("GET / HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nhello"), 400),
        (format!("GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{host}{host}\r\n"), 400),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("GET * HTTP/1.1\r\n{host}Connection: close\r\n\r\n"), 400),
        (format!("GET /%zz HTTP/1.1\r\n{host}Connection: close\r\n\r\n"), 400),
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: 0\r\n\r\n"), 405),
        (format!("DELETE {PAGE} HTTP/1.1\r\n{host}\r\n"), 405),
        (format!("OPTIONS {PAGE} HTTP/1.1\r\n{host}\r\n"), 405),
        (format!("CONNECT localhost:80 HTTP/1.1\r\n{host}\r\n"), 405),
        (format!("GET / HTTP/1.1\r\n{host}{many}\r\n"), 431),
        (format!("GET /{long} HTTP/1.1\r\n{host}\r\n"), 431),
        (format!("GET / HTTP/1.1\r\n{host}X: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\n{host}X y\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{host} folded: y\r\n\r\n"), 400),
        ("\u{16}\u{3}\u{1}\u{2}".to_owned(), 400),
        ("GET /\r\n\r\n".to_owned(), 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400),
    ];
    for (request, status) in cases {
        let reply = support::serving::Reply::of(&serving.raw(request.as_bytes()));
        let start: String = request.chars().take(80).collect();
        assert_eq!(reply.status, status, "{start:?}: {reply:?}");
    }
    assert_eq!(serving.get(PAGE).status, 200);
}

#[test]
fn random_bytes_do_not_stop_it() {
    let site = site();
    let serving = Serving::start(&site, &[]);
    let mut random = support::random::Random::from_seed(7);
    for _ in 0..200 {
        let mut request =
            format!("GET {PAGE} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-9\r\n\r\n")
                .into_bytes();
        for _ in 0..=random.below(3) {
            let at = random.below(request.len());
            request[at] = u8::try_from(random.below(256)).unwrap();
        }
        let mut stream = serving.connect();
        std::io::Write::write_all(&mut stream, &request).unwrap();
    }
    assert_eq!(serving.get(PAGE).status, 200);
}

#[test]
fn several_requests_share_a_connection() {
    let site = site();
    let serving = Serving::start(&site, &[]);
    let request = format!("GET {PAGE} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let last = format!("HEAD {PAGE} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let text = serving.raw(format!("{request}{request}{last}").as_bytes());
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 3);
    assert_eq!(text.matches("<p>First.</p>").count(), 2);
}

#[test]
fn slow_and_silent_clients_delay_nobody() {
    let site = site();
    // A sparse file, larger than all buffers of a connection.
    let video = std::fs::File::create(site.path().join("video.mp4")).unwrap();
    video.set_len(64 << 20).unwrap();
    let serving = Serving::start(&site, &[]);
    let mut held = Vec::new();
    for start in [
        "",
        "G",
        "GET / HTTP/1.1\r\nHost: loc",
        "GET /video.mp4 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        for _ in 0..20 {
            let mut stream = serving.connect();
            std::io::Write::write_all(&mut stream, start.as_bytes()).unwrap();
            held.push(stream);
        }
    }
    assert_eq!(serving.get(PAGE).status, 200);
    // A request that is never complete is given up.
    let text = serving.raw(b"GET / HTTP/1.1\r\nHost: loc");
    assert!(text.starts_with("HTTP/1.1 408"), "{text}");
    drop(held);
}

#[test]
fn head_ranges_and_conditions() {
    let site = site();
    site.write("data.txt", "0123456789");
    site.write("image.png", "\u{89}PNG");
    let serving = Serving::start(&site, &[]);
    let whole = serving.get("/data.txt");
    assert_eq!((whole.status, whole.body.as_str()), (200, "0123456789"));
    let tag = whole.header("etag").unwrap().to_owned();
    for path in ["/data.txt", "/image.png", PAGE] {
        let (get, head) = (serving.get(path), serving.request(&format!("HEAD {path}"), ""));
        assert_eq!((head.head, head.body.as_str()), (get.head.clone(), ""));
        let tag = get.header("etag").unwrap();
        let unchanged =
            serving.request(&format!("GET {path}"), &format!("If-None-Match: {tag}\r\n"));
        assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    }
    let range = |range: &str, more: &str| {
        let reply = serving.request("GET /data.txt", &format!("Range: {range}\r\n{more}"));
        let part = reply.header("content-range").unwrap_or("").to_owned();
        (reply.status, part, reply.body)
    };
    let part = |part: &str, body: &str| (206, format!("bytes {part}/10"), body.to_owned());
    assert_eq!(range("bytes=0-3", ""), part("0-3", "0123"));
    assert_eq!(range("bytes=8-", ""), part("8-9", "89"));
    assert_eq!(range("bytes=-3", ""), part("7-9", "789"));
    assert_eq!(range("bytes=-30", ""), part("0-9", "0123456789"));
    assert_eq!(range("bytes=5-99999999999", ""), part("5-9", "56789"));
    assert_eq!(range("bytes=0-3", &format!("If-Range: {tag}\r\n")), part("0-3", "0123"));
    let all = (200, String::new(), "0123456789".to_owned());
    assert_eq!(range("bytes=0-3", "If-Range: \"other\"\r\n"), all);
    for odd in [
        "bytes=0-1,4-5",
        "bytes=3-1",
        "bytes=a-b",
        "lines=0-3",
        "bytes=-",
        "bytes=99999999999999999999-",
    ] {
        assert_eq!(range(odd, ""), all, "{odd}");
    }
    for outside in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
        assert_eq!(range(outside, "").0, 416, "{outside}");
    }
    site.write("data.txt", "changed");
    let mut page = serving.page(PAGE);
    page.until(|_| serving.get("/data.txt").body == "changed");
    let changed = serving.request("GET /data.txt", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!(changed.status, 200);
}

#[test]
fn other_sites_can_neither_read_nor_embed_it() {
    let site = site();
    let serving = Serving::start(&site, &[]);
    let port = serving.port;
    let status = |path: &str, host: &str, headers: &str| {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
        support::serving::Reply::of(&serving.raw(request.as_bytes())).status
    };
    let own = format!("127.0.0.1:{port}");
    // A name that its owner points at 127.0.0.1.
    for path in [PAGE, "/style.css", "/_labpress/client.js", "/_labpress/events?page=/"] {
        for host in
            ["evil.example", "evil.example:4000", "127.0.0.1.evil.example", "192.168.0.7", ""]
        {
            assert!(matches!(status(path, host, ""), 421 | 400), "{path} at {host}");
        }
        let foreign = [
            "Origin: https://evil.example\r\n",
            "Origin: null\r\n",
            "Origin: http://localhost:1\r\n",
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n",
            "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n",
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: websocket\r\n",
        ];
        for headers in foreign {
            assert_eq!(status(path, &own, headers), 403, "{path} with {headers}");
        }
    }
    let followed =
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    for headers in ["", followed, "Sec-Fetch-Site: same-origin\r\n", "Sec-Fetch-Site: none\r\n"] {
        assert_eq!(status(PAGE, &own, headers), 200, "{headers}");
    }
    assert_eq!(status(PAGE, &own, &format!("Origin: http://{own}\r\n")), 200);
    let reply = serving.get(PAGE);
    assert_eq!(reply.header("cross-origin-resource-policy"), Some("same-origin"));
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[cfg(target_os = "linux")]
#[test]
fn it_listens_beyond_this_machine_only_if_told() {
    let site = site();
    let listens = |port: u16, address: &str| {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        table.contains(&format!(" {address}:{port:04X} 00000000:0000 0A "))
    };
    let serving = Serving::start(&site, &[]);
    assert!(listens(serving.port, "0100007F") && !listens(serving.port, "00000000"));
    let open = Serving::start(&site, &["--host", "0.0.0.0"]);
    assert!(listens(open.port, "00000000"));
    open.said("warning: other machines can reach this preview");
}

#[test]
fn a_page_that_is_missing_is_the_site_s_own() {
    let site = site();
    site.write("404.html", "---\n---\n<body>Nothing here.</body>\n");
    site.write("feed/data.json", "{}");
    site.write("font.woff2", "\u{89}");
    site.write("plain", "plain");
    let serving = Serving::start(&site, &[]);
    let missing = serving.get("/none/");
    assert_eq!(missing.status, 404);
    assert!(missing.body.contains("Nothing here.") && missing.body.contains("data-missing"));
    let kinds = [
        (PAGE, "text/html; charset=utf-8"),
        ("/none/", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/feed/data.json", "application/json; charset=utf-8"),
        ("/font.woff2", "font/woff2"),
        ("/plain", "application/octet-stream"),
        ("/_labpress/client.js", "text/javascript; charset=utf-8"),
    ];
    for (path, kind) in kinds {
        assert_eq!(serving.get(path).header("content-type"), Some(kind), "{path}");
    }
    let (with, without) = (serving.get("/2026/01/02/a"), serving.get(PAGE));
    assert_eq!(with.body, without.body);
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let site = site();
    let serving = Serving::start(&site, &[]);
    let output = site.labpress(&["serve", "--port", &serving.port.to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    let expected = format!("cannot listen on `127.0.0.1:{}`", serving.port);
    assert!(message.contains(&expected), "{message}");
}

/// How many file handles and threads a process has.
#[cfg(target_os = "linux")]
fn held(process: u32) -> (usize, usize) {
    let count =
        |folder: &str| std::fs::read_dir(format!("/proc/{process}/{folder}")).unwrap().count();
    (count("fd"), count("task"))
}

/// The memory that a process uses, in KiB.
#[cfg(target_os = "linux")]
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Edits of all kinds, one after the other, while pages are opened and closed. What the preview
/// holds afterwards is what it held after the first of them.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "takes minutes: `make test-browser` runs it"]
fn a_thousand_edits_take_no_memory_and_no_file_handles() {
    let edits = usize::try_from(support::random::number_of("EDITS", 1000)).unwrap();
    let site = site();
    let text = "Text. ".repeat(50);
    for number in 0..100 {
        site.write(&format!("_posts/2026-03-01-post-{number}.md"), &post(&text));
    }
    let serving = Serving::start(&site, &[]);
    let process = serving.child.id();
    let mut random = support::random::Random::from_seed(1);
    let mut page = serving.page(PAGE);
    let mut edit = |number: usize| {
        let other = format!("_posts/2026-03-01-post-{}.md", random.below(100));
        let folder = format!("new-{}", number % 5);
        match random.below(8) {
            0 => drop(std::fs::remove_file(site.path().join(&other))),
            1 => site.write("_layouts/post.html", &format!("{LAYOUT}<!-- {number} -->\n")),
            2 => site.write("style.css", &format!("/* {number} */\n")),
            3 => site.write("_config.yml", &format!("title: Test {number}\n")),
            4 => {
                site.write(&other, "---\ntitle: [\n---\n");
                page.until(|message| message["problems"] != json!([]));
            }
            5 => site.write(&format!("{folder}/a.txt"), &number.to_string()),
            6 => drop(std::fs::remove_dir_all(site.path().join(&folder))),
            _ => drop(serving.page("/2026/03/01/post-1.html")),
        }
        site.write(&other, &post(&format!("Edit {number}.")));
        site.write(POST, &post(&format!("Edit {number}.")));
        let expected = format!("Edit {number}.");
        page.until(|_| serving.get(PAGE).body.contains(&expected));
    };
    let first = edits / 5;
    (0..first).for_each(&mut edit);
    let (handles, _) = held(process);
    let before = memory(process);
    (first..edits).for_each(&mut edit);
    let is_as_before = || {
        std::thread::sleep(std::time::Duration::from_millis(500));
        held(process).0 <= handles + 2
    };
    assert!((0..40).any(|_| is_as_before()), "{handles} became {:?}", held(process));
    let after = memory(process);
    assert!(after < before + before / 5 + 8 * 1024, "{before} KiB became {after} KiB");
}

#[cfg(target_os = "linux")]
#[test]
fn many_edits_and_pages_leave_no_file_handles() {
    let site = site();
    let serving = Serving::start(&site, &[]);
    let mut page = serving.page(PAGE);
    page.next();
    let mut edit = |number: usize| {
        site.write(POST, &post(&format!("Edit {number}.")));
        site.write(&format!("new-{}/a.txt", number % 3), "a");
        std::fs::remove_dir_all(site.path().join(format!("new-{}", number % 3))).unwrap();
        let expected = format!("Edit {number}.");
        page.until(|_| serving.get(PAGE).body.contains(&expected));
        // A page that is opened and closed.
        drop(serving.page(PAGE));
    };
    (0..10).for_each(&mut edit);
    let (handles, _) = held(serving.child.id());
    (10..60).for_each(&mut edit);
    // Closed pages are noticed within seconds.
    for _ in 0..200 {
        if held(serving.child.id()).0 <= handles + 2 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{handles} file handles became {:?}", held(serving.child.id()));
}

/// The preview of every file is what a build of the same site writes.
#[track_caller]
fn check_like_a_build(site: &Site, serving: &Serving, edit: &str) {
    let built = tempfile::tempdir().unwrap();
    let folder = built.path().join("site");
    let arguments = ["build", "--locked", "--drafts", "--future", "--unpublished", "-d"];
    let output = site.command(&arguments).arg(&folder).output().unwrap();
    assert!(output.status.success(), "{edit}: {}", String::from_utf8_lossy(&output.stderr));
    let client = regex::Regex::new("<script src=\"/_labpress/.*?</script>").unwrap();
    let mut count = 0;
    for entry in walkdir::WalkDir::new(&folder).into_iter().map(Result::unwrap) {
        let path = entry.path().strip_prefix(&folder).unwrap().to_str().unwrap();
        if !entry.file_type().is_file() || path.starts_with(".labpress") {
            continue;
        }
        let expected = std::fs::read_to_string(entry.path()).unwrap();
        let reply = serving.get(&format!("/{path}"));
        assert_eq!(client.replace(&reply.body, ""), expected, "after {edit}: {path}");
        count += 1;
    }
    assert!(count > 4, "{count} files after {edit}");
}

#[test]
fn every_edit_gives_what_a_build_gives() {
    let site = site();
    site.write("_config.yml", "title: Test\nauthor: A\n");
    site.write("_layouts/base.html", "<body>{% include \"nav.html\" %}{{ content | safe }}</body>");
    site.write(
        "_layouts/post.html",
        "---\nlayout: base\n---\n<h1>{{ page.title }}</h1>{{ content | safe }}\n\
         {% if page.previous %}{{ page.previous.title }}{% endif %}",
    );
    site.write("_includes/nav.html", "<nav>{{ site.data.nav.title }} {{ site.author }}</nav>");
    site.write("_data/nav.yml", "title: Nav\n");
    site.write("index.html", "---\n---\n{% for post in site.posts %}{{ post.title }} {% endfor %}");
    site.write("_posts/2026-01-03-b.md", "---\ntitle: B\nlayout: post\ntags: [x]\n---\nB.\n");
    site.write("_posts/2026-01-04-c.md", "---\ntitle: C\nlayout: post\n---\nC.\n");
    let serving = Serving::start(&site, &[]);
    let mut page = serving.page("/index.html");
    page.next();
    let remove = |path: &str| std::fs::remove_file(site.path().join(path)).unwrap();
    let rename = |from: &str, to: &str| {
        std::fs::create_dir_all(site.path().join(to).parent().unwrap()).unwrap();
        std::fs::rename(site.path().join(from), site.path().join(to)).unwrap();
    };
    let b = "_posts/2026-01-03-b.md";
    let edits: [(&str, &dyn Fn()); 17] = [
        ("a body", &|| site.replace(b, "B.", "Other.")),
        ("a title", &|| site.replace(b, "title: B", "title: Bee")),
        ("a date", &|| site.replace(b, "title: Bee", "title: Bee\ndate: 2026-02-01")),
        ("a tag", &|| site.replace(b, "[x]", "[x, y]")),
        ("no tag", &|| site.replace(b, "tags: [x, y]\n", "")),
        ("a new post", &|| site.write("_posts/2026-01-05-d.md", &post("D."))),
        ("a removed post", &|| remove("_posts/2026-01-05-d.md")),
        ("a renamed post", &|| rename(b, "_posts/2026-01-06-bee.md")),
        ("a draft", &|| rename("_posts/2026-01-06-bee.md", "_drafts/2026-01-06-bee.md")),
        ("an include", &|| site.write("_includes/nav.html", "<nav>{{ site.title }}</nav>")),
        ("a layout", &|| site.replace("_layouts/post.html", "<h1>", "<h1 class=\"x\">")),
        ("an outer layout", &|| site.replace("_layouts/base.html", "<body>", "<body id=\"b\">")),
        ("a data file", &|| site.write("_data/nav.yml", "title: Other\n")),
        ("the configuration", &|| site.write("_config.yml", "title: New\nauthor: B\n")),
        ("a static file", &|| site.write("style.css", "p {}\n")),
        ("a page", &|| site.write("about.md", &post("About."))),
        ("a collection", &|| {
            site.write("_docs/x.md", &post("X."));
            site.write("_config.yml", "title: New\ncollections: {docs: {output: true}}\n");
        }),
    ];
    let mut version = 1;
    for (name, edit) in edits {
        edit();
        page.until(|message| message["version"].as_u64() > Some(version));
        version = page.last["version"].as_u64().unwrap();
        check_like_a_build(&site, &serving, name);
    }
}

/// A site with an experiment whose epochs take a while.
fn training_site() -> Site {
    let site = Site::with_toy();
    site.replace("experiments/toy/experiment.yml", "rate: 0.1}", "rate: 0.1, seconds: 0.15}");
    site.replace("experiments/toy/experiment.yml", "epochs: 3", "epochs: 8");
    site
}

const TOY_PAGE: &str = "/2026/01/02/toy.html";

fn records(site: &Site) -> usize {
    let files = site.files("experiments/toy/runs");
    files.len()
}

#[test]
fn charts_grow_while_runs_are_at_work_and_results_replace_them() {
    let site = training_site();
    let serving = Serving::start(&site, &["--train", "--jobs", "2"]);
    let mut page = serving.page(TOY_PAGE);
    // The first numbers of the first run, long before it ends.
    let mut body = String::new();
    page.until(|_| {
        body = serving.get(TOY_PAGE).body;
        body.contains("Provisional: ")
    });
    assert!(body.contains("<svg") && body.contains("labpress-missing"), "{body}");
    assert_eq!(records(&site), 0);
    let steps = |body: &str| body.matches("<tr>").count();
    let first = steps(&body);
    page.until(|_| steps(&serving.get(TOY_PAGE).body) > first);
    assert!(page.last["runs"]["summary"].as_str().unwrap().contains("running"), "{}", page.last);
    page.until(|message| {
        message["runs"] == json!(null) && {
            body = serving.get(TOY_PAGE).body;
            !body.contains("Provisional") && !body.contains("labpress-missing")
        }
    });
    assert_eq!(records(&site), 4);
    assert!(!site.path().join("public").exists());
    assert!(serving.stop());
    support::assert_success(&site.labpress(&["build", "--locked"]));
    let built = site.read("public/2026/01/02/toy.html");
    assert!(!built.contains("labpress-provisional") && !built.contains("_labpress"), "{built}");
}

#[test]
fn a_failed_run_is_shown_and_tried_again_only_when_it_changes() {
    let site = training_site();
    site.replace("experiments/toy/experiment.yml", "seconds: 0.15", "seconds: 0.02, fail-at: 2");
    let serving = Serving::start(&site, &["--train"]);
    let mut page = serving.page(TOY_PAGE);
    page.until(|message| message["runs"]["summary"] == "4 failed");
    let line = page.last["runs"]["lines"][0]["text"].as_str().unwrap().to_owned();
    assert!(line.contains("exited with status 1: the net caught fire"), "{line}");
    // An edit elsewhere does not try again.
    site.replace("_posts/2026-01-02-toy.md", "Fast gets", "The fast one gets");
    page.until(|message| message["version"].as_u64() >= Some(2));
    assert_eq!(serving.said("FAIL").matches("start toy/").count(), 4);
    site.replace("experiments/toy/experiment.yml", ", fail-at: 2", "");
    page.until(|message| message["runs"] == json!(null));
    page.until(|_| !serving.get(TOY_PAGE).body.contains("labpress-missing"));
}

#[test]
fn a_changed_parameter_stops_the_runs_that_nobody_wants_any_more() {
    let site = training_site();
    site.replace("experiments/toy/experiment.yml", "epochs: 8", "epochs: 100000");
    let serving = Serving::start(&site, &["--train", "--jobs", "1"]);
    let mut page = serving.page(TOY_PAGE);
    page.until(|_| serving.get(TOY_PAGE).body.contains("Provisional: "));
    site.replace("experiments/toy/experiment.yml", "epochs: 100000", "epochs: 2");
    page.until(|message| {
        message["runs"] == json!(null) && !serving.get(TOY_PAGE).body.contains("labpress-missing")
    });
    assert_eq!(records(&site), 4);
}

#[cfg(target_os = "linux")]
#[test]
fn stopping_the_preview_stops_its_runs() {
    use support::killing::descendants;

    let site = training_site();
    site.replace("experiments/toy/experiment.yml", "epochs: 8", "epochs: 100000");
    let serving = Serving::start(&site, &["--train"]);
    let mut page = serving.page(TOY_PAGE);
    page.until(|_| serving.get(TOY_PAGE).body.contains("Provisional: "));
    let children = descendants(serving.child.id());
    assert!(!children.is_empty());
    assert!(serving.stop());
    let is_alive = |process: &u32| {
        let state = std::fs::read_to_string(format!("/proc/{process}/stat"));
        state.is_ok_and(|state| !state.contains(") Z "))
    };
    assert!(!children.iter().any(is_alive));
    assert_eq!(records(&site), 0);
}

#[test]
fn interrupted_sessions_leave_nothing_behind() {
    use rustix::process::Signal;

    let site = site();
    let before = files(&site);
    for round in 0..usize::try_from(support::random::number_of("SESSIONS", 12)).unwrap() {
        let mut serving = Serving::start(&site, &[]);
        let _page = serving.page(PAGE);
        let signal = [Signal::INT, Signal::TERM, Signal::KILL][round % 3];
        serving.signal(signal);
        serving.child.wait().unwrap();
    }
    assert_eq!(files(&site), before);
    assert!(!site.path().join(".labpress").exists());
}
