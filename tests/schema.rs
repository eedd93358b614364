//! The committed JSON Schemas are those of the types, as `labpress schema` prints them.
//! `SNAPSHOTS=overwrite cargo test --test schema` writes them.

use std::path::Path;

use labpress::data;
use labpress::digest::pretty;
use labpress::experiment::{record, spec};
use snapbox::{Assert, Data, assert::DEFAULT_ACTION_ENV};

#[track_caller]
fn check(name: &str, schema: &serde_json::Value) {
    let path = format!("{}/docs/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let committed = Data::read_from(Path::new(&path), None);
    Assert::new().action_env(DEFAULT_ACTION_ENV).eq(pretty(schema), committed.raw());
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
