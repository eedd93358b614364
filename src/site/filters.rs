//! Filters for layouts in addition to Tera's own: dates, URLs, and Jekyll's filters without
//! arguments.

use tera::{Error, Kwargs, State, Tera, TeraResult};

use crate::config::Config;
use crate::markdown;
use crate::slug;
use crate::time::Date;
use crate::value::{self, Value};
use kramdown::embed::Embeds;

/// Registers all filters.
pub(super) fn register(tera: &mut Tera, config: &Config) {
    // Tera's own `safe` copies the string.
    tera.register_filter("safe", |value: Value, _: Kwargs, _: &State<'_>| value.mark_safe());

    let zone = config.zone.clone();
    tera.register_filter(
        "date",
        move |text: &str, kwargs: Kwargs, _: &State<'_>| -> TeraResult<String> {
            let format = kwargs.get::<&str>("format")?.unwrap_or("%Y-%m-%d");
            let date = Date::parse(text, &zone)
                .ok_or_else(|| Error::message(format!("`{text}` is not a date")))?;
            date.format(format)
                .ok_or_else(|| Error::message(format!("`{format}` is not a date format")))
        },
    );
    let zone = config.zone.clone();
    tera.register_filter(
        "date_to_xmlschema",
        move |text: &str, _: Kwargs, _: &State<'_>| -> TeraResult<String> {
            let date = Date::parse(text, &zone)
                .ok_or_else(|| Error::message(format!("`{text}` is not a date")))?;
            Ok(date.to_xml_schema())
        },
    );

    let base_url = config.base_url.clone();
    tera.register_filter("relative_url", move |url: &str, _: Kwargs, _: &State<'_>| {
        crate::url::relative_url(&base_url, url)
    });
    let (site, base_url) = (config.url.clone(), config.base_url.clone());
    tera.register_filter("absolute_url", move |url: &str, _: Kwargs, _: &State<'_>| {
        crate::url::absolute_url(&site, &base_url, url)
    });
    tera.register_filter("slugify", |text: &str, _: Kwargs, _: &State<'_>| slug::slugify(text));
    tera.register_filter("urlencode", |text: &str, _: Kwargs, _: &State<'_>| {
        slug::percent_encoded(text)
    });

    tera.register_filter("for_language", for_language);
    tera.register_filter("url_encode", |text: &str, _: Kwargs, _: &State<'_>| {
        slug::value_encoded(text)
    });

    let options = super::markdown_options(config);
    tera.register_filter("markdownify", move |text: &str, _: Kwargs, _: &State<'_>| {
        Value::safe_string(&markdown::render(text, &Embeds::default(), &options).html)
    });
    for name in ["strip_html", "striptags"] {
        tera.register_filter(name, |text: &str, _: Kwargs, _: &State<'_>| {
            crate::html::without_html(text)
        });
    }
    tera.register_filter("unescape", |text: &str, _: Kwargs, _: &State<'_>| {
        crate::html::unescaped(text)
    });
    tera.register_filter("number_of_words", |text: &str, _: Kwargs, _: &State<'_>| {
        text.split_whitespace().count()
    });
    tera.register_filter("xml_escape", |text: &str, _: Kwargs, _: &State<'_>| {
        Value::safe_string(&crate::html::escaped(text))
    });
    for name in ["jsonify", "json_encode"] {
        tera.register_filter(name, |value: Value, _: Kwargs, _: &State<'_>| value::json(&value));
    }
    tera.register_filter(
        "slice",
        |items: &[Value], kwargs: Kwargs, _: &State<'_>| -> TeraResult<Value> {
            let start = kwargs.get::<usize>("start")?.unwrap_or(0).min(items.len());
            let end = kwargs.get::<usize>("end")?.unwrap_or(items.len()).clamp(start, items.len());
            Ok(Value::from(items[start..end].to_vec()))
        },
    );
    tera.register_filter(
        "where",
        |items: &[Value], kwargs: Kwargs, _: &State<'_>| -> TeraResult<Value> {
            let key = kwargs.must_get::<&str>("key")?;
            let wanted = kwargs.must_get::<Value>("value")?;
            let kept = items
                .iter()
                .filter(|item| item.get_from_path(key).is_some_and(|value| *value == wanted));
            Ok(Value::from(kept.cloned().collect::<Vec<Value>>()))
        },
    );
}

/// `strings | for_language(tag="pt-BR")`: of values by language, the one for a tag, for its first
/// part, or for English.
#[expect(clippy::needless_pass_by_value, reason = "Tera's filters take values")]
fn for_language(by_language: Value, kwargs: Kwargs, _: &State<'_>) -> TeraResult<Value> {
    let tag = kwargs.get::<&str>("tag")?.unwrap_or("en");
    let language = tag.split(['-', '_']).next().unwrap_or(tag).to_lowercase();
    let found = [tag, &language, "en"].iter().find_map(|tag| value::entry(&by_language, tag));
    found
        .cloned()
        .ok_or_else(|| Error::message(format!("there is nothing for the language `{tag}` or `en`")))
}
