//! Tags that refer to other files or come from plugins: `include` and its variants, `post_url`,
//! `link`, `gist`, and those that the configuration maps to an include.

use std::collections::BTreeMap;
use std::fmt::Write;

use tera::Map;
use tera::value::Key;

use super::expression::{Operand, expression, fragments, operand, parameters};
use super::parse::{self, Custom, Include};
use super::render::{Flow, Run};
use super::scope::Frame;
use super::token::Literals;
use super::{Call, Read, unknown_tag};
use crate::diagnostic::{Diagnostic, nearest};
use crate::html::escaped;
use crate::text::Located;
use crate::url::relative_url;
use crate::value::{self, Value, as_text};

/// How deep includes may nest.
const MAX_INCLUDES: usize = 40;

impl Run<'_, '_> {
    pub(super) fn include(
        &mut self,
        body: Located<'_>,
        include: &Include<'_>,
        out: &mut String,
    ) -> Flow {
        let name = self.interpolated(body, include.file, include.at);
        let name = name.trim().trim_matches(['"', '\'']).trim_start_matches("./");
        let given: Map = include
            .parameters
            .iter()
            .map(|(name, value)| {
                (Key::from((*name).to_owned()), self.scope.operand(value).into_owned())
            })
            .collect();
        if include.is_relative {
            self.include_relative(body, name, given, include.at, out)
        } else {
            self.include_named(body, name, given, include.at, out)
        }
    }

    /// Renders a file of `_includes`.
    fn include_named(
        &mut self,
        body: Located<'_>,
        name: &str,
        given: Map,
        at: usize,
        out: &mut String,
    ) -> Flow {
        let environment = self.environment;
        let Some(include) = environment.includes.0.get(name) else {
            let diagnostic =
                Diagnostic::new(body.place(at), format!("there is no `{name}` in `_includes`"));
            self.errors.push(match nearest(name, environment.includes.names()) {
                Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                None => diagnostic.hint(format!("add `_includes/{name}`")),
            });
            return Flow::On;
        };
        self.scope.note(Read::File(include.body.path.to_owned()));
        self.run_included(body, include.body, include.parsed(), given, at, out)
    }

    /// Renders a file in the folder of the page, or in a subfolder.
    fn include_relative(
        &mut self,
        body: Located<'_>,
        name: &str,
        given: Map,
        at: usize,
        out: &mut String,
    ) -> Flow {
        let folder = self.page_path.rfind('/').map_or("", |slash| &self.page_path[..=slash]);
        let path = format!("{folder}{name}");
        let Some(text) = self
            .environment
            .inputs
            .text(&path)
            .filter(|_| !name.split('/').any(|part| part == ".."))
        else {
            let message = format!("there is no `{name}` in the folder of `{}`", self.page_path);
            self.errors
                .push(Diagnostic::new(body.place(at), message).hint(format!("add `{path}`")));
            return Flow::On;
        };
        let included = Located { path: &path, text, lines_above: 0 };
        self.scope.note(Read::File(path.clone()));
        self.run_included(body, included, &parse::parse(text, Literals::NONE), given, at, out)
    }

    fn run_included(
        &mut self,
        body: Located<'_>,
        included: Located<'_>,
        parsed: &parse::Parsed<'_>,
        given: Map,
        at: usize,
        out: &mut String,
    ) -> Flow {
        if self.includes >= MAX_INCLUDES {
            let message = format!("includes nest deeper than {MAX_INCLUDES} levels");
            self.errors.push(
                Diagnostic::new(body.place(at), message)
                    .hint("check whether a file includes itself"),
            );
            return Flow::On;
        }
        let errors = super::errors(parsed, included, self.environment);
        if !errors.is_empty() {
            self.errors.extend(errors);
            return Flow::On;
        }
        self.scope.push(Frame::Variable("include".to_owned(), Value::from(given)));
        self.includes += 1;
        let flow = self.nodes(included, &parsed.nodes, out);
        self.includes -= 1;
        self.scope.pop();
        flow
    }

    /// A tag of the site's [`Tags`](super::Tags), or one that the configuration maps to an include.
    /// An include sees `include.arguments`, the text after the tag's name; `include.words`, its
    /// words without quotes; each `name=value` by its name; and, for a block, `include.content`.
    pub(super) fn custom(
        &mut self,
        body: Located<'_>,
        custom: &Custom<'_>,
        out: &mut String,
    ) -> Flow {
        let Custom { tag, arguments, body: inside, at, arguments_at } = custom;
        let (environment, at) = (self.environment, *at);
        let Some(file) = environment.options.tags.get(*tag) else {
            match environment.tags.get(tag) {
                Some(known) => {
                    let content = inside.as_ref().map(|inside| {
                        let mut content = String::new();
                        self.nodes(body, inside, &mut content);
                        content
                    });
                    let call = Call {
                        name: tag,
                        arguments,
                        place: body.place(*arguments_at),
                        content: content.as_deref(),
                        page: self.page_path,
                        variable: &|name| self.scope.whole(name).into_owned(),
                        environment,
                    };
                    match known.render(&call, &mut self.expanded) {
                        Ok(text) => out.push_str(&text),
                        Err(error) => self.errors.push(error),
                    }
                }
                None => self.errors.push(unknown_tag(tag, body.place(at), environment)),
            }
            return Flow::On;
        };
        let arguments = self.interpolated(body, arguments, at);
        let mut given = Map::new();
        let words = fragments(&arguments).map(|word| match operand(word) {
            Operand::Literal(value) if value.as_str().is_some() => value,
            _ => Value::from(word),
        });
        value::set(&mut given, "arguments", arguments.as_str());
        value::set(&mut given, "words", words.collect::<Vec<_>>());
        let named = arguments.find('=').and_then(|equals| {
            let start = arguments[..equals]
                .trim_end()
                .rfind(char::is_whitespace)
                .map_or(0, |space| space + 1);
            parameters(&arguments[start..]).ok()
        });
        for (name, value) in named.unwrap_or_default() {
            let value = self.scope.operand(&value).into_owned();
            given.insert(Key::from(name.to_owned()), value);
        }
        if let Some(inside) = inside {
            let mut content = String::new();
            self.nodes(body, inside, &mut content);
            value::set(&mut given, "content", content);
        }
        self.include_named(body, file, given, at, out)
    }

    /// The URL of a post by its file name without extension.
    pub(super) fn post_url(&mut self, body: Located<'_>, name: &str, at: usize, out: &mut String) {
        let name = name.trim_matches('/');
        self.scope.note(Read::PostUrl(name.to_owned()));
        let addresses = &self.environment.post_urls;
        let url = self.environment.post_url(name);
        self.address(
            body,
            name,
            url,
            addresses,
            ("post", "write its file name without extension, such as `2026-01-31-title`"),
            at,
            out,
        );
    }

    /// The URL of a file of the site by its path.
    pub(super) fn link(&mut self, body: Located<'_>, path: &str, at: usize, out: &mut String) {
        let path = self.interpolated(body, path, at);
        let path = path.trim().trim_start_matches('/');
        self.scope.note(Read::Url(path.to_owned()));
        let addresses = &self.environment.urls;
        self.address(
            body,
            path,
            self.environment.url_of(path),
            addresses,
            ("file", "write its path from the site's root"),
            at,
            out,
        );
    }

    #[expect(clippy::too_many_arguments, reason = "the message, its place and the output")]
    fn address(
        &mut self,
        body: Located<'_>,
        name: &str,
        url: Option<&str>,
        addresses: &BTreeMap<String, String>,
        (what, hint): (&str, &str),
        at: usize,
        out: &mut String,
    ) {
        if let Some(url) = url {
            out.push_str(&relative_url(self.environment.base_url, url));
            return;
        }
        let diagnostic = Diagnostic::new(body.place(at), format!("there is no {what} `{name}`"));
        self.errors.push(match nearest(name, addresses.keys().map(String::as_str)) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None => diagnostic.hint(hint),
        });
    }

    /// A GitHub gist, as embedded by jekyll-gist, without its fallback for no scripts, which would
    /// need the network.
    pub(super) fn gist(&mut self, arguments: &str, out: &mut String) {
        let mut words = fragments(arguments).map(|word| {
            // A word can be the name of a variable.
            let found = as_text(&self.scope.operand(&operand(word)));
            if found.is_empty() { word.trim_matches(['"', '\'']).to_owned() } else { found }
        });
        let id = words.next().unwrap_or_default();
        let file = words.next().map(|file| format!("?file={file}")).unwrap_or_default();
        let _ = write!(
            out,
            "<script src=\"https://gist.github.com/{}.js{}\"> </script>",
            escaped(&id),
            escaped(&file)
        );
    }

    /// A tag's argument, in which outputs, `{{ … }}`, are allowed.
    pub(super) fn interpolated(&mut self, body: Located<'_>, argument: &str, at: usize) -> String {
        let mut written = String::with_capacity(argument.len());
        let mut rest = argument;
        while let Some((before, inside)) = rest.split_once("{{") {
            let (inside, after) = inside.split_once("}}").unwrap_or((inside, ""));
            written.push_str(before);
            let value = self.expression(body, &expression(inside), at);
            value::write_text(&mut written, &value);
            rest = after;
        }
        written.push_str(rest);
        written
    }
}

/// The date and title in a post's name, `2026-1-2-title` or `folder/2026-01-02-title`.
pub(super) fn dated(name: &str) -> Option<([u32; 3], &str)> {
    let name = name.rsplit('/').next().unwrap_or(name);
    let mut parts = name.splitn(4, '-');
    let mut number = || parts.next()?.parse::<u32>().ok();
    let date = [number()?, number()?, number()?];
    Some((date, parts.next()?))
}
