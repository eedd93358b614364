//! The differences between labpress and Jekyll as one value, selected by `templates`.
//!
//! `templates: liquid` means that layouts were written for Jekyll, and selects everything else that
//! such a blog relies on.

/// A language for layouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateLanguage {
    /// Tera, the default.
    Tera,
    /// Liquid, for blogs from Jekyll.
    Liquid,
}

/// How a site is built where labpress and Jekyll differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a difference of its own")]
pub struct Compat {
    /// The language of layouts, and of pages that are templates.
    pub templates: TemplateLanguage,
    /// Whether errors that Jekyll ignores are only warnings.
    pub is_lenient: bool,
    /// The default folder that the site is written to.
    pub destination: &'static str,
    /// The default address of the second and later pages of the index.
    pub paginate_path: &'static str,
    /// Folders at the root that are not read: those of other tools and of built sites.
    pub excludes: &'static [&'static str],
    /// Whether `site.time` is the time of the build. That makes every build different, so a site of
    /// labpress has the date of its newest post instead.
    pub reads_clock: bool,
    /// Whether tags, feed and sitemap are generated for every site, not only if it lists the
    /// plugins that generate them.
    pub generates_pages: bool,
    /// Whether plugins change finished pages.
    pub has_plugins: bool,
    /// Whether the index is selected by the rules of `jekyll-paginate`.
    pub paginates_as_jekyll: bool,
    /// Whether `site` and pages have the keys that labpress's own themes read.
    pub has_theme_keys: bool,
    /// Whether a site without layouts gets those of the built-in theme.
    pub has_built_in_theme: bool,
    /// Whether blocks of code and tables can be scrolled by keyboard.
    pub has_keyboard_stops: bool,
    /// Whether the addresses of tags and the like have words for `+`, `#` and `&`, so that `c++` is
    /// not at the address of `c`.
    pub spells_out_slugs: bool,
    /// Whether posts may use what labpress adds to Markdown.
    pub extends_markdown: bool,
    /// Whether formulas are rendered by default. Otherwise they are left to a script of the theme.
    pub renders_math: bool,
    /// Whether only `\n\n` is a blank line, so that a file with Windows line ends has none.
    pub needs_unix_blank_lines: bool,
}

impl Compat {
    /// A site written for labpress.
    pub(crate) const LABPRESS: Compat = Compat {
        templates: TemplateLanguage::Tera,
        is_lenient: false,
        destination: "public",
        paginate_path: "/page/:num/",
        excludes: &["public", "target", "vendor", "_site"],
        reads_clock: false,
        generates_pages: true,
        has_plugins: false,
        paginates_as_jekyll: false,
        has_theme_keys: true,
        has_built_in_theme: true,
        has_keyboard_stops: true,
        spells_out_slugs: true,
        extends_markdown: true,
        renders_math: true,
        needs_unix_blank_lines: false,
    };
    /// A blog from Jekyll, which may have its own folder `public` or `vendor`.
    pub(crate) const JEKYLL: Compat = Compat {
        templates: TemplateLanguage::Liquid,
        is_lenient: true,
        destination: "_site",
        paginate_path: "/page:num",
        excludes: &["_site"],
        reads_clock: true,
        generates_pages: false,
        has_plugins: true,
        paginates_as_jekyll: true,
        has_theme_keys: false,
        has_built_in_theme: false,
        has_keyboard_stops: false,
        spells_out_slugs: false,
        extends_markdown: false,
        renders_math: false,
        needs_unix_blank_lines: true,
    };

    /// The value for `templates`; `None` if that is unknown.
    pub fn of(templates: Option<&str>) -> Option<&'static Compat> {
        match templates {
            None | Some("tera") => Some(&Compat::LABPRESS),
            Some("liquid") => Some(&Compat::JEKYLL),
            Some(_) => None,
        }
    }
}
