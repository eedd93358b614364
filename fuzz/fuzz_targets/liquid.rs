//! Any text is some Liquid or is refused, in bounded time.

#![no_main]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use labpress::text::Located;
use labpress::config::LiquidOptions;
use labpress::liquid::{Environment, Includes, Tags, expand};
use labpress::markdown::Dialect;
use labpress::time::Date;
use labpress::inputs::Inputs;
use labpress::value::{Value, entry, of_yaml};
use libfuzzer_sys::fuzz_target;

const VARIABLES: &str = "
page: {title: Hello, tags: [b, a, C], date: 2026-01-31 18:30:00 +0000, n: 7, x: 2.5, nested: [[1, [2]], {a: {b: c}}]}
site: {posts: [{title: One, year: 2025, tags: [x]}, {title: Two, year: '10'}, {title: Three}], map: {a: 1, b: [2]}}
";

fuzz_target!(|text: &str| {
    let (tags, inputs) = (Tags::default(), Inputs::default().with("beside.md", "{{ include.x }}{% break %}"));
    let options = LiquidOptions { tags: BTreeMap::from([("note".to_owned(), "a.html".to_owned())]), ..LiquidOptions::default() };
    let environment = Environment {
        includes: Includes::new([("_includes/a.html", "{{ include.content }}{% include b.html x=include.words %}"),
            ("_includes/b.html", "{% for i in include.x %}{{ i | append: page.n }}{% endfor %}")]),
        tags: &tags,
        url: "https://h.org",
        base_url: "/blog",
        zone: &TimeZone::UTC,
        post_urls: BTreeMap::from([("2026-01-31-hello".to_owned(), "/hello/".to_owned())]),
        urls: BTreeMap::from([("about.md".to_owned(), "/about/".to_owned())]),
        markdown: &|text| format!("<p>{text}</p>"),
        inputs: &inputs,
        options: &options,
        now: Date::parse("2026-05-06", &TimeZone::UTC),
        dialect: Dialect::Kramdown,
        highlight: false,
    };
    let value = of_yaml(&yaml());
    let variables: Vec<(&str, Value)> =
        ["page", "site"].iter().filter_map(|name| Some((*name, entry(&value, name)?.clone()))).collect();
    let start = Instant::now();
    let _ = expand(Located { path: "a.md", text, lines_above: 0 }, &variables, &environment);
    // Steps and bytes are bounded, whatever the text says.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?} for {} bytes", start.elapsed(), text.len());
});

fn yaml() -> serde_yaml::Value {
    serde_yaml::from_str(VARIABLES).expect("it is YAML")
}
