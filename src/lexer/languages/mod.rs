//! The tables, a file for each language or family.
//!
//! Each says what code consists of and which class Rouge gives to it, also where another class
//! would be more natural: style sheets for Rouge are to give the same colors.

mod assembly;
mod c;
mod csharp;
mod css;
mod data;
mod diff;
mod docker;
mod go;
mod java;
mod javascript;
mod julia;
mod latex;
mod markup;
mod python;
mod r;
mod ruby;
mod rust;
mod scala;
mod shell;
mod sql;
mod yaml;

use super::engine::Language;

/// All languages.
pub(super) static ALL: &[&Language] = &[
    &assembly::NASM,
    &c::C,
    &c::CPP,
    &csharp::CSHARP,
    &css::CSS,
    &data::JSON,
    &data::TOML,
    &diff::DIFF,
    &docker::DOCKERFILE,
    &go::GO,
    &java::JAVA,
    &javascript::JAVASCRIPT,
    &javascript::TYPESCRIPT,
    &julia::JULIA,
    &latex::LATEX,
    &markup::HTML,
    &markup::XML,
    &python::PYTHON,
    &r::R,
    &ruby::RUBY,
    &rust::RUST,
    &scala::SCALA,
    &shell::CONSOLE,
    &shell::SHELL,
    &sql::SQL,
    &yaml::YAML,
];
