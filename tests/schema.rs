//! The committed JSON Schemas are those of the types, as `labpress schema` prints them.

#![expect(clippy::disallowed_methods, reason = "a test reads files and the environment")]

use labpress::data;
use labpress::digest::pretty;
use labpress::experiment::{record, spec};

#[track_caller]
fn check(name: &str, schema: &serde_json::Value) {
    let path = format!("{}/docs/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let present = pretty(schema);
    if std::env::var_os("LABPRESS_UPDATE").is_some() {
        std::fs::write(&path, &present).expect("the folder is part of the repository");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == present,
        "{path} is not current: run `LABPRESS_UPDATE=1 cargo test --test schema`"
    );
}

#[test]
fn the_schema_of_experiments_is_current() {
    check("experiment", &spec::schema());
}

#[test]
fn the_schema_of_records_is_current() {
    check("record", &record::schema());
}

#[test]
fn the_schema_of_data_sets_is_current() {
    check("data", &data::schema());
}
