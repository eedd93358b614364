//! Signed results: `labpress attest`, `verify --signatures` and `build --locked --require-signature`,
//! with the real `ssh-keygen` (package `openssh-client`).

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests make, read and panic as they please"
)]

mod support;

use std::path::PathBuf;
use std::process::Command;

use snapbox::str;
use support::{Site, assert_success, said};

const POST: &str = "_posts/2026-01-02-toy.md";
const ATTESTATION: &str = "experiments/signatures/2026-01-02-toy.md.json";
const SIGNERS: &str = "experiments/allowed_signers";
const LOCKED: [&str; 3] = ["build", "--locked", "--require-signature"];

/// A key without a passphrase, outside of what is published.
fn key(site: &Site, name: &str) -> String {
    let file = site.path().join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(&file)
        .status()
        .expect("these tests need ssh-keygen: `apt-get install openssh-client`");
    assert!(made.success());
    file.to_str().unwrap().to_owned()
}

/// The toy site with results that are signed by a key that is allowed.
fn signed() -> (Site, String) {
    let site = Site::with_toy();
    site.write(
        "_config.yml",
        "title: Test\nurl: https://example.org\nexclude: [\"*.pub\", key, other]\n",
    );
    assert_success(&site.labpress(&["run", "toy"]));
    let key = key(&site, "key");
    assert_success(&site.labpress(&["attest", POST, "--key", &key]));
    // The name is from the configuration of git on this machine.
    let line = site.read(SIGNERS);
    let (_, rest) = line.split_once(' ').unwrap();
    site.write(SIGNERS, &format!("a@example.org {rest}"));
    (site, key)
}

fn record(site: &Site, start: &str) -> PathBuf {
    let folder = site.path().join("experiments/toy/runs");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let is_it = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(start);
    files.into_iter().find(is_it).unwrap()
}

/// What a command says, with digests and keys redacted.
#[track_caller]
fn check(site: &Site, arguments: &[&str], expected: impl snapbox::IntoData) {
    let text = said(site, arguments);
    let hex = regex::Regex::new(r"-[0-9a-f]{8}\.json").unwrap();
    let text = hex.replace_all(&text, "-DIGEST.json");
    let print = regex::Regex::new(r"SHA256:\S+").unwrap();
    let text = print.replace_all(&text, "SHA256:PRINT");
    let time = regex::Regex::new(r"verify time \S+").unwrap();
    let text = time.replace_all(&text, "verify time NOW");
    support::check_text(text.into_owned(), expected);
}

#[test]
fn signed_results_are_accepted() {
    let (site, key) = signed();
    assert!(site.read(SIGNERS).contains("namespaces=\"labpress\" ssh-ed25519 "));
    check(
        &site,
        &["verify", "--signatures"],
        str![[r#"
$ labpress verify --signatures
POST                      RECORDS    SIGNATURE
_posts/2026-01-02-toy.md  4 records  signed by a@example.org
[stderr]
1 of 1 post signed
[exit status 0]

"#]],
    );
    assert_success(&site.labpress(&LOCKED));
    let first = site.read(ATTESTATION);
    assert_success(&site.labpress(&["attest", "--key", &key]));
    assert_eq!(site.read(ATTESTATION), first, "the same records give the same bytes");
    // Without labpress.
    let verified = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-n", "labpress", "-I", "a@example.org", "-f", SIGNERS, "-s"])
        .arg(format!("{ATTESTATION}.sig"))
        .stdin(std::fs::File::open(site.path().join(ATTESTATION)).unwrap())
        .current_dir(site.path())
        .output()
        .unwrap();
    assert!(verified.status.success());
}

#[test]
fn results_that_are_not_signed_are_refused_on_request() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["run", "toy"]));
    assert_success(&site.labpress(&["build", "--locked"]));
    check(
        &site,
        &LOCKED,
        str![[r#"
$ labpress build --locked --require-signature
[stderr]
error: the results of this post are not signed
 --> _posts/2026-01-02-toy.md
hint: run `labpress attest _posts/2026-01-02-toy.md` and commit experiments/signatures/

nothing was written because of 1 error
[exit status 1]

"#]],
    );
    check(
        &site,
        &["verify", "--signatures"],
        str![[r#"
$ labpress verify --signatures
POST                      RECORDS    SIGNATURE
_posts/2026-01-02-toy.md  4 records  not signed
[stderr]
error: no post has a signature
hint: authors sign with `labpress attest`
[exit status 1]

"#]],
    );
}

#[test]
fn records_that_changed_appeared_or_disappeared_are_named() {
    let (site, _) = signed();
    // Another run under the same name, valid by its own digest: only the signature tells.
    let other = Site::with_toy();
    assert_success(&other.labpress(&["run", "toy"]));
    let fast = record(&site, "fast-s0");
    let forged = std::fs::read_to_string(record(&other, "fast-s0")).unwrap();
    assert_ne!(forged, std::fs::read_to_string(&fast).unwrap(), "times differ");
    std::fs::write(&fast, forged).unwrap();
    check(
        &site,
        &LOCKED,
        str![[r#"
$ labpress build --locked --require-signature
[stderr]
error: the record `experiments/toy/runs/fast-s0-[DIGEST].json` is not the one that was signed
 --> _posts/2026-01-02-toy.md
hint: restore it from git; if the change is meant, check the results and run `labpress attest _posts/2026-01-02-toy.md`

nothing was written because of 1 error
[exit status 1]

"#]],
    );

    site.replace("experiments/toy/experiment.yml", "seeds: 2", "seeds: 3");
    site.replace("experiments/toy/experiment.yml", "  slow: {}\n", "");
    assert_success(&site.labpress(&["run", "toy"]));
    check(
        &site,
        &["verify", "--signatures"],
        str![[r#"
$ labpress verify --signatures
POST                      RECORDS    SIGNATURE
_posts/2026-01-02-toy.md  3 records  INVALID
[stderr]
error: the record `experiments/toy/runs/fast-s0-[DIGEST].json` is not the one that was signed
 --> _posts/2026-01-02-toy.md
hint: restore it from git; if the change is meant, check the results and run `labpress attest _posts/2026-01-02-toy.md`

error: the record `experiments/toy/runs/fast-s2-[DIGEST].json` was not signed with this post
 --> _posts/2026-01-02-toy.md
hint: remove the record if it is not yours; if the change is meant, check the results and run `labpress attest _posts/2026-01-02-toy.md`

error: the record `experiments/toy/runs/slow-s0-[DIGEST].json` was signed and the post no longer shows it
 --> _posts/2026-01-02-toy.md
hint: restore it, or the experiment, from git; if the change is meant, check the results and run `labpress attest _posts/2026-01-02-toy.md`

error: the record `experiments/toy/runs/slow-s1-[DIGEST].json` was signed and the post no longer shows it
 --> _posts/2026-01-02-toy.md
hint: restore it, or the experiment, from git; if the change is meant, check the results and run `labpress attest _posts/2026-01-02-toy.md`

`labpress verify` failed because of 4 errors
[exit status 1]

"#]],
    );
}

#[test]
fn altered_lists_and_signatures_of_other_posts_are_refused() {
    let (site, key) = signed();
    let attestation = site.read(ATTESTATION);
    site.write(ATTESTATION, &attestation.replace("2026-01-02", "2026-01-03"));
    check(
        &site,
        &LOCKED,
        str![[r#"
$ labpress build --locked --require-signature
[stderr]
error: `experiments/signatures/2026-01-02-toy.md.json` is not what was signed: one of the two was altered
 --> _posts/2026-01-02-toy.md
hint: restore both files from git, or run `labpress attest _posts/2026-01-02-toy.md` again

nothing was written because of 1 error
[exit status 1]

"#]],
    );

    site.write(ATTESTATION, &attestation);
    site.write("_posts/2026-01-03-other.md", &site.read(POST));
    assert_success(&site.labpress(&["attest", "2026-01-03-other", "--key", &key]));
    for ending in ["json", "json.sig"] {
        let of_other = site.read(&format!("experiments/signatures/2026-01-03-other.md.{ending}"));
        site.write(&format!("experiments/signatures/2026-01-02-toy.md.{ending}"), &of_other);
    }
    check(
        &site,
        &["verify", "--signatures"],
        str![[r#"
$ labpress verify --signatures
POST                        RECORDS    SIGNATURE
_posts/2026-01-02-toy.md    4 records  INVALID
_posts/2026-01-03-other.md  4 records  signed by a@example.org
[stderr]
error: `experiments/signatures/2026-01-02-toy.md.json` is the signature of `_posts/2026-01-03-other.md`
 --> _posts/2026-01-02-toy.md
hint: run `labpress attest _posts/2026-01-02-toy.md`

`labpress verify` failed because of 1 error
[exit status 1]

"#]],
    );
}

#[test]
fn unknown_and_expired_signers_are_refused() {
    let (site, key) = signed();
    let line = site.read(SIGNERS);
    let (_, public) = line.split_once(" namespaces").unwrap();
    site.write(SIGNERS, &format!("a@example.org valid-before=\"20200101\",namespaces{public}"));
    check(
        &site,
        &LOCKED,
        str![[r#"
$ labpress build --locked --require-signature
[stderr]
error: the key that signed this post has expired: verify time NOW > valid-before 2020-01-01T00:00:00
 --> _posts/2026-01-02-toy.md
hint: sign again with `labpress attest _posts/2026-01-02-toy.md --key FILE` and a key that is valid, or extend `valid-before` in the file of allowed signers

nothing was written because of 1 error
[exit status 1]

"#]],
    );

    let other = self::key(&site, "other");
    assert_success(&site.labpress(&["attest", "--key", &other]));
    check(
        &site,
        &["verify", "--signatures"],
        str![[r#"
$ labpress verify --signatures
POST                      RECORDS    SIGNATURE
_posts/2026-01-02-toy.md  4 records  INVALID
[stderr]
error: the signer is unknown: `experiments/allowed_signers` does not allow ED25519 key SHA256:PRINT
 --> _posts/2026-01-02-toy.md
hint: if you trust the key, add the line `NAME namespaces="labpress" KEY` to it

`labpress verify` failed because of 1 error
[exit status 1]

"#]],
    );

    // A reader need not trust the list in the repository.
    site.write("mine", &line);
    check(
        &site,
        &["verify", "--signatures=mine"],
        str![[r#"
$ labpress verify --signatures=mine
POST                      RECORDS    SIGNATURE
_posts/2026-01-02-toy.md  4 records  INVALID
[stderr]
error: the signer is unknown: `mine` does not allow ED25519 key SHA256:PRINT
 --> _posts/2026-01-02-toy.md
hint: if you trust the key, add the line `NAME namespaces="labpress" KEY` to it

`labpress verify` failed because of 1 error
[exit status 1]

"#]],
    );
    assert_success(&site.labpress(&["attest", "--key", &key]));
    let mine = site.path().join("mine");
    let mine = format!("--require-signature={}", mine.display());
    assert_success(&site.labpress(&["build", "--locked", &mine]));
}

#[test]
fn without_a_key_or_ssh_keygen_the_message_says_what_to_do() {
    let site = Site::with_toy();
    assert_success(&site.labpress(&["run", "toy"]));
    check(
        &site,
        &["attest", "--key", "nowhere"],
        str![[r#"
$ labpress attest --key nowhere
[stderr]
error: cannot sign with `nowhere`: Couldn't load public key nowhere: No such file or directory
hint: pass the private key, or the public key of one in the agent, with `--key FILE`
[exit status 1]

"#]],
    );
    let mut command = site.command(&["attest"]);
    command.env("HOME", site.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let text = support::said_by(&site, &mut command);
    assert!(
        text.contains("error: there is no SSH key to sign with\nhint: pass one with"),
        "{text}"
    );
    let mut command = site.command(&["attest", "--key", "nowhere"]);
    command.env("PATH", site.path());
    let text = support::said_by(&site, &mut command);
    assert!(text.contains("error: signatures need the program `ssh-keygen`, which"), "{text}");
}
