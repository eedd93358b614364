//! The rules of `labpress check`, by name.

/// A rule. Its name is the same in the report, on the command line and in `_config.yml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A link leads to a page or a file of the site that is not there.
    Link,
    /// A link leads to a part of a page that is not there.
    Anchor,
    /// A page shows or loads a file that is not there.
    File,
    /// An address of the site lacks `baseurl`.
    BasePath,
    /// A link to another site is dead.
    External,
    /// A key of front matter is misspelt, or its value is.
    Key,
    /// A feed, a sitemap or a data file cannot be read.
    Feed,
    /// The HTML of a page is not well formed.
    Markup,
    /// The Nu Html Checker reports an error.
    Validator,
    /// Tags that differ only in how they are written.
    Tag,
    /// A page that no other page links to.
    Orphan,
    /// A picture without an alternative text.
    Alt,
    /// Headings that skip a level, are empty, or are of the first level twice.
    Heading,
    /// A line of code that does not fit on a page.
    LongLine,
    /// A block of code in a language that is not known.
    Language,
    /// A number in prose that looks like a result and is typed.
    Number,
}

impl Rule {
    /// All rules, in the order of [`Rule`].
    pub const ALL: [Rule; 16] = [
        Rule::Link,
        Rule::Anchor,
        Rule::File,
        Rule::BasePath,
        Rule::External,
        Rule::Key,
        Rule::Feed,
        Rule::Markup,
        Rule::Validator,
        Rule::Tag,
        Rule::Orphan,
        Rule::Alt,
        Rule::Heading,
        Rule::LongLine,
        Rule::Language,
        Rule::Number,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Link => "link",
            Rule::Anchor => "anchor",
            Rule::File => "file",
            Rule::BasePath => "base-path",
            Rule::External => "external",
            Rule::Key => "key",
            Rule::Feed => "feed",
            Rule::Markup => "markup",
            Rule::Validator => "validator",
            Rule::Tag => "tag",
            Rule::Orphan => "orphan",
            Rule::Alt => "alt",
            Rule::Heading => "heading",
            Rule::LongLine => "long-line",
            Rule::Language => "language",
            Rule::Number => "number",
        }
    }

    /// The rule with this name.
    pub fn named(name: &str) -> Option<Rule> {
        Rule::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// Whether something is broken. The other rules are advice: what they find is a warning.
    pub fn is_error(self) -> bool {
        self <= Rule::Validator
    }
}
