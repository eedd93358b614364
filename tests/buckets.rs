//! `labpress publish` to a bucket of a real object store, which `make test-cluster` starts.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::process::Command;

use snapbox::data::Inline;
use snapbox::str;
use support::{Site, assert_success};

const POST: &str = "_posts/2026-01-01-post.md";

/// A site outside of git, with a folder of the bucket that no other test uses.
struct Published {
    site: Site,
    address: String,
}

impl Published {
    fn new(name: &str) -> Published {
        let site = Site::empty();
        site.write("_config.yml", "title: T\nurl: https://example.org\npermalink: /:title/\n");
        site.write("_layouts/post.html", "<!DOCTYPE html><title>x</title>\n{{ content | safe }}\n");
        site.write(POST, "---\nlayout: post\ntitle: Post\n---\nText.\n");
        site.write("_posts/2026-01-02-other.md", "---\nlayout: post\ntitle: Other\n---\nText.\n");
        let published = Published { site, address: format!("s3://{}/{name}", bucket()) };
        published.empty();
        published
    }

    fn labpress(&self, arguments: &[&str]) -> Command {
        let publish = ["publish", "--bucket", &self.address];
        self.site.command(&[&publish, arguments].concat())
    }

    #[track_caller]
    fn check(&self, arguments: &[&str], expected: Inline) {
        let said = support::said_by(&self.site, &mut self.labpress(arguments));
        support::check_text(said, expected);
    }

    /// The keys in the folder.
    fn keys(&self) -> Vec<String> {
        let (bucket, folder) = self.place();
        let listing = curl(&[], &format!("{bucket}?list-type=2&prefix={folder}%2F"));
        let keys = listing.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap());
        keys.map(|key| key.strip_prefix(&format!("{folder}/")).unwrap().to_owned()).collect()
    }

    /// The bucket and the folder.
    fn place(&self) -> (&str, &str) {
        self.address.strip_prefix("s3://").unwrap().split_once('/').unwrap()
    }

    fn get(&self, path: &str) -> String {
        let (bucket, folder) = self.place();
        curl(&["--include"], &format!("{bucket}/{folder}/{path}"))
    }

    fn put(&self, path: &str, text: &str) {
        let (bucket, folder) = self.place();
        let digest = "x-amz-content-sha256: UNSIGNED-PAYLOAD";
        let request = ["--request", "PUT", "--header", digest, "--data-binary", text];
        curl(&request, &format!("{bucket}/{folder}/{path}"));
    }

    fn delete(&self, path: &str) {
        let (bucket, folder) = self.place();
        curl(&["--request", "DELETE"], &format!("{bucket}/{folder}/{path}"));
    }

    /// Removes what an earlier test run left.
    fn empty(&self) {
        for key in self.keys() {
            self.delete(&key);
        }
    }
}

fn bucket() -> String {
    std::env::var("LABPRESS_TEST_BUCKET")
        .expect("`make test-cluster` starts an object store and sets this")
}

/// What the store answers to a signed request, by a program that shares no code with ours.
fn curl(arguments: &[&str], path: &str) -> String {
    let variable = |name| std::env::var(name).unwrap();
    let key = format!("{}:{}", variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"));
    let done = Command::new("curl")
        .args(["--silent", "--show-error", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", &key])
        .args(arguments)
        .arg(format!("{}/{path}", variable("AWS_ENDPOINT_URL")))
        .output()
        .unwrap();
    assert_success(&done);
    String::from_utf8_lossy(&done.stdout).into_owned()
}

#[test]
fn a_site_is_published_and_then_only_what_changed() {
    let published = Published::new("changed");
    published.check(
        &["--dry-run"],
        str![[r#"
$ labpress publish --bucket s3://labpress/changed --dry-run
added    feed.json
added    feed.xml
added    other/index.html
added    post/index.html
added    robots.txt
added    sitemap.xml
[stderr]
6 files would be added, 0 changed, 0 removed in `s3://labpress/changed`
[exit status 0]

"#]],
    );
    assert_eq!(published.keys(), [""; 0], "a dry run publishes nothing");
    published.check(
        &[],
        str![[r#"
$ labpress publish --bucket s3://labpress/changed
added    feed.json
added    feed.xml
added    other/index.html
added    post/index.html
added    robots.txt
added    sitemap.xml
[stderr]
6 files added, 0 changed, 0 removed in `s3://labpress/changed`
[exit status 0]

"#]],
    );
    let page = published.get("post/index.html").to_lowercase();
    assert!(page.contains("content-type: text/html; charset=utf-8"), "{page}");
    assert!(page.contains("cache-control: public, max-age=0, must-revalidate"), "{page}");
    published.check(
        &[],
        str![[r#"
$ labpress publish --bucket s3://labpress/changed
[stderr]
nothing to publish: this site is in `s3://labpress/changed`
[exit status 0]

"#]],
    );
    published.site.write(POST, "---\nlayout: post\ntitle: Post\n---\nOther text.\n");
    published.check(
        &[],
        str![[r#"
$ labpress publish --bucket s3://labpress/changed
changed  feed.json
changed  feed.xml
changed  post/index.html
[stderr]
0 files added, 3 changed, 0 removed in `s3://labpress/changed`
[exit status 0]

"#]],
    );
    assert!(published.get("post/index.html").contains("Other text."));
}

#[test]
fn files_named_after_their_content_are_cached_forever() {
    let published = Published::new("forever");
    let name = format!("figures/plot-{}.txt", &blake3_of("text"));
    published.site.write(&name, "text");
    published.site.write("figures/plot-20260101.txt", "text");
    assert_success(&published.labpress(&[]).output().unwrap());
    assert!(published.get(&name).contains("max-age=31536000, immutable"));
    assert!(!published.get("figures/plot-20260101.txt").contains("immutable"));
}

/// The first eight hex digits.
fn blake3_of(text: &str) -> String {
    labpress::digest::Digest::of(text.as_bytes()).short()
}

#[test]
fn names_with_all_kinds_of_characters_arrive() {
    let published = Published::new("names");
    for name in ["a b.txt", "50%.txt", "c#.txt", "ä.txt", "what?.txt", "a+b.txt"] {
        published.site.write(&format!("files/{name}"), name);
    }
    assert_success(&published.labpress(&[]).output().unwrap());
    for (encoded, name) in [
        ("a%20b.txt", "a b.txt"),
        ("50%25.txt", "50%.txt"),
        ("c%23.txt", "c#.txt"),
        ("%C3%A4.txt", "ä.txt"),
        ("what%3F.txt", "what?.txt"),
        ("a%2Bb.txt", "a+b.txt"),
    ] {
        let got = published.get(&format!("files/{encoded}"));
        assert!(got.ends_with(name), "{name}: {got}");
    }
    published.check(
        &[],
        str![[r#"
$ labpress publish --bucket s3://labpress/names
[stderr]
nothing to publish: this site is in `s3://labpress/names`
[exit status 0]

"#]],
    );
}

#[test]
fn only_files_that_labpress_published_are_deleted_and_only_on_request() {
    let published = Published::new("deleted");
    assert_success(&published.labpress(&[]).output().unwrap());
    published.put("by-hand.txt", "mine");
    std::fs::remove_file(published.site.path().join(POST)).unwrap();
    published.check(
        &[],
        str![[r#"
$ labpress publish --bucket s3://labpress/deleted
changed  feed.json
changed  feed.xml
changed  sitemap.xml
[stderr]
0 files added, 3 changed, 0 removed in `s3://labpress/deleted`
1 file that the site no longer has stay there: pass --delete
[exit status 0]

"#]],
    );
    published.check(
        &["--delete", "--dry-run"],
        str![[r#"
$ labpress publish --bucket s3://labpress/deleted --delete --dry-run
removed  post/index.html
[stderr]
0 files would be added, 0 changed, 1 removed in `s3://labpress/deleted`
[exit status 0]

"#]],
    );
    published.check(
        &["--delete"],
        str![[r#"
$ labpress publish --bucket s3://labpress/deleted --delete
removed  post/index.html
[stderr]
0 files added, 0 changed, 1 removed in `s3://labpress/deleted`
[exit status 0]

"#]],
    );
    let keys = published.keys();
    assert!(!keys.contains(&"post/index.html".to_owned()), "{keys:?}");
    assert!(keys.contains(&"by-hand.txt".to_owned()), "{keys:?}");
}

#[test]
fn files_of_others_are_not_replaced() {
    let published = Published::new("foreign");
    published.put("post/index.html", "mine");
    published.check(&[], str![[r#"
$ labpress publish --bucket s3://labpress/foreign
[stderr]
error: labpress did not publish 1 of the files that it would replace in `s3://labpress/foreign`, such as `post/index.html`
hint: name another folder, or pass --replace to replace them
[exit status 1]

"#]]);
    assert!(published.get("post/index.html").ends_with("mine"));
    assert_success(&published.labpress(&["--replace"]).output().unwrap());
    assert!(published.get("post/index.html").contains("Text."));
}

#[test]
fn what_others_changed_or_deleted_is_published_again() {
    let published = Published::new("again");
    assert_success(&published.labpress(&[]).output().unwrap());
    published.put("post/index.html", "changed");
    published.delete("other/index.html");
    published.check(
        &[],
        str![[r#"
$ labpress publish --bucket s3://labpress/again
added    other/index.html
changed  post/index.html
[stderr]
1 file added, 1 changed, 0 removed in `s3://labpress/again`
[exit status 0]

"#]],
    );
    assert!(published.get("post/index.html").contains("Text."));
}

#[test]
fn an_interrupted_publication_is_completed() {
    let published = Published::new("interrupted");
    // As left behind by a publication that was killed after its first upload.
    let list = r#"{"about": "x", "files": {"post/index.html": {"digest": "0", "tag": ""}}}"#;
    published.put(".labpress-objects", list);
    published.put("post/index.html", "half");
    assert_success(&published.labpress(&[]).output().unwrap());
    assert!(published.get("post/index.html").contains("Text."));
}

#[test]
fn of_two_publications_at_once_none_is_lost() {
    let published = Published::new("race");
    let mut children: Vec<_> = (0..4).map(|_| published.labpress(&[]).spawn().unwrap()).collect();
    let succeeded = children
        .iter_mut()
        .filter_map(|child| child.wait().unwrap().success().then_some(()))
        .count();
    assert!(succeeded >= 1);
    // Whoever was refused publishes again, and then everything is as it should be.
    assert_success(&published.labpress(&[]).output().unwrap());
    published.check(
        &[],
        str![[r#"
$ labpress publish --bucket s3://labpress/race
[stderr]
nothing to publish: this site is in `s3://labpress/race`
[exit status 0]

"#]],
    );
}

#[test]
fn problems_say_what_to_do() {
    let published = Published::new("problems");
    let check = |address: &str, change: &dyn Fn(&mut Command), expected: Inline| {
        let mut command = published.site.command(&["publish", "--bucket", address]);
        change(&mut command);
        let said = support::said_by(&published.site, &mut command);
        support::check_text(said, expected);
    };
    let key = |name: &'static str| {
        move |command: &mut Command| {
            command.env("AWS_ACCESS_KEY_ID", name).env("AWS_SECRET_ACCESS_KEY", name);
        }
    };
    check(
        "labpress",
        &|_| {},
        str![[r#"
$ labpress publish --bucket labpress
[stderr]
error: `labpress` is not the address of a bucket
hint: write `s3://BUCKET/FOLDER`
[exit status 1]

"#]],
    );
    check(
        "s3://no-such-bucket-anywhere",
        &|_| {},
        str![[r#"
$ labpress publish --bucket s3://no-such-bucket-anywhere
[stderr]
error: cannot read `s3://no-such-bucket-anywhere`: the store says: The specified bucket does not exist
hint: check the name of the bucket, AWS_ENDPOINT_URL, AWS_REGION, and what the key permits
[exit status 1]

"#]],
    );
    check(
        &published.address,
        &key("nobody"),
        str![[r#"
$ labpress publish --bucket s3://labpress/problems
[stderr]
error: cannot read `s3://labpress/problems`: the store says: The access key ID you provided does not exist in our records.
hint: check the name of the bucket, AWS_ENDPOINT_URL, AWS_REGION, and what the key permits
[exit status 1]

"#]],
    );
    check(
        &published.address,
        &key("reader"),
        str![[r#"
$ labpress publish --bucket s3://labpress/problems
added    feed.json
added    feed.xml
added    other/index.html
added    post/index.html
added    robots.txt
added    sitemap.xml
[stderr]
error: cannot write `.labpress-objects`: the store says: Access Denied.
[exit status 1]

"#]],
    );
}
