use super::*;
use crate::config::{LiquidOptions, TemplateLimits};
use crate::text::Located;
use crate::value::of_yaml;

const VARIABLES: &str = "
page: {title: Hello World, tags: [b, a, C], date: 2026-01-31 18:30:00 +0000, empty: '', price: \
                         2.50, n: 7}
site:
  title: S
  posts: [{title: One, year: 2025, tags: [x]}, {title: Two, year: 2026, tags: [x, y]}, {title: \
                         Three, year: 2026}]
  authors: {ann: {name: Ann}, bob: {name: Bob}}
";

/// A tag that the tests add.
struct Shout;

impl Tag for Shout {
    fn render(&self, call: &Call<'_, '_>, expanded: &mut Expanded) -> Result<String, Diagnostic> {
        if call.arguments.is_empty() {
            return Err(Diagnostic::new(call.place.clone(), "nothing to shout"));
        }
        expanded.experiments.insert(call.page.to_owned());
        let page = (call.variable)("page");
        let number = crate::value::entry(&page, "n").and_then(Value::as_u64).unwrap_or_default();
        Ok(format!("{}{number}!", call.arguments))
    }

    fn is_for_literals(&self, _name: &str) -> bool {
        true
    }
}

fn expanded(text: &str) -> Result<String, String> {
    expanded_in(text, Dialect::Kramdown)
}

fn expanded_in(text: &str, dialect: Dialect) -> Result<String, String> {
    expanded_within(text, dialect, TemplateLimits::default())
}

fn expanded_within(text: &str, dialect: Dialect, limits: TemplateLimits) -> Result<String, String> {
    expanded_by(text, dialect, limits, Reach::Everywhere).map(|expanded| expanded.text)
}

fn expanded_by(
    text: &str,
    dialect: Dialect,
    limits: TemplateLimits,
    reach: Reach,
) -> Result<Expanded, String> {
    let inputs = Inputs::default().with("beside.md", "B{{ include.x }}");
    let tags = [("video", "video.html"), ("note", "note.html"), ("table", "note.html")];
    let tags = tags.map(|(tag, file)| (tag.to_owned(), file.to_owned()));
    let options = LiquidOptions { tags: BTreeMap::from(tags), limits, ..LiquidOptions::default() };
    let includes = [
        ("_includes/note.html", "[{{ include.text }}|{{ page.title }}|{{ include.missing }}]"),
        ("_includes/self.html", "{% include self.html %}"),
        ("_includes/broken.html", "a\n{% if a %}"),
    ];
    let environment = Environment {
        includes: Includes::new(includes),
        tags: &Tags::default().with(["shout"], &Shout),
        url: "https://h.org",
        base_url: "/blog",
        zone: &TimeZone::UTC,
        post_urls: BTreeMap::from([("2026-01-31-hello".to_owned(), "/hello/".to_owned())]),
        urls: BTreeMap::from([("about.md".to_owned(), "/about/".to_owned())]),
        markdown: &|text| format!("<p>{text}</p>\n"),
        inputs: &inputs,
        options: &options,
        now: Date::parse("2026-05-06 07:08:09 +0000", &TimeZone::UTC),
        dialect,
        highlight: true,
    };
    let yaml: serde_yaml::Value = serde_yaml::from_str(VARIABLES).expect("valid YAML");
    let value = of_yaml(&yaml);
    let variables = ["page", "site"]
        .map(|name| (name, crate::value::entry(&value, name).expect("it is there").clone()));
    let body = Located { path: "a.md", text, lines_above: 3 };
    expand(body, &variables, &environment, reach)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[track_caller]
fn check_prose(text: &str, expected: &str) {
    let limits = TemplateLimits::default();
    let expanded = expanded_by(text, Dialect::CommonMark, limits, Reach::Prose);
    assert_eq!(expanded.map(|expanded| expanded.text).as_deref(), Ok(expected));
}

#[test]
fn code_and_formulas_have_no_liquid_unless_the_site_asks_for_it() {
    let code = "`f\"{{x}}\"` $\\frac{{a}}{{b}}$ \\(x^{{2}}\\) `{% nope %}`";
    check_prose(&format!("{code} {{{{ page.n }}}}"), &format!("{code} 7"));
    let block = "```jinja\n{{ x }} {% if %}\n```\n\n    {{ y }}\n";
    check_prose(&format!("{block}{{{{ page.n }}}}"), &format!("{block}7"));
}

#[test]
fn raw_and_tags_for_literals_work_in_code() {
    check_prose("`{% raw %}{{ x }}{% endraw %}`", "`{{ x }}`");
    check_prose("```\n{% raw %}{{ x }}{% endraw %}\n```\n", "```\n{{ x }}\n```\n");
    check_prose("{% raw %}`{{ x }}`{% endraw %} `{% raw %}`", "`{{ x }}` `{% raw %}`");
    check_prose("`{% shout a %}` $x_{% shout b %}$", "`a7!` $x_b7!$");
    check_prose("```\n{% shout a %}\n```\n", "```\n{% shout a %}\n```\n");
}

#[test]
fn a_variable_that_vanishes_from_code_is_a_warning() {
    let limits = TemplateLimits::default();
    let text = "`f\"{{x}}\"` {{ x }} $$\\frac{{page.n}}{{b}}$$";
    let expanded = expanded_by(text, Dialect::Kramdown, limits, Reach::Everywhere);
    let warnings = expanded.expect("there are no errors").warnings;
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let warning = |name: &str, column: usize| {
        format!(
            "warning: unknown variable `{name}` in code or a formula: the braces are left out\n --> \
             a.md:4:{column}\nhint: to show them, write the code or the formula between `{{% raw %}}` \
             and `{{% endraw %}}`"
        )
    };
    assert_eq!(warnings, [warning("x", 4), warning("b", 37)]);
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(expanded(text).as_deref(), Ok(expected));
}

#[track_caller]
fn check_errors(text: &str, expected: &str) {
    assert_eq!(expanded(text).as_deref().map_err(String::as_str), Err(expected));
}

#[test]
fn values_are_inserted() {
    check(
        "{{ page.title }} {{ page['title'] }} {{ page.tags[0] }} {{page.tags[-1]}} {{ \
         page.tags.size }}",
        "Hello World Hello World b C 3",
    );
    check("{{ 'a' }}{{ \"b\" }}{{ 3 }}{{ 2.5 }}{{ true }}{{ page.price }}", "ab32.5true2.5");
}

#[test]
fn missing_values_are_empty_at_every_depth() {
    check("[{{ nothing }}{{ page.x.y.z }}{{ site.posts[9].title }}{{ page.title.x }}]", "[]");
    check("{% for post in site.posts %}{{ post.missing.deep }}.{% endfor %}", "...");
    check("{% if nothing.at.all == 'x' %}a{% else %}b{% endif %}", "b");
}

#[test]
fn unknown_filters_return_their_input() {
    check("{{ page.title | no_such_filter: 1, 'x' | upcase }}", "HELLO WORLD");
}

#[test]
fn filters_for_strings() {
    check("{{ 'a,b,,' | split: ',' | join: '-' }}", "a-b");
    check(
        "{{ 'hello WORLD' | capitalize }} {{ 'x' | append: 'y' | prepend: 'w' }}",
        "Hello world wxy",
    );
    check(
        "{{ 'The quick brown fox' | truncate: 10 }} {{ 'a b c d' | truncatewords: 2 }}",
        "The qui... a b...",
    );
    check(
        "{{ '<b>\"x\" & y</b>' | escape }} {{ '<b>x</b>' | strip_html }}",
        "&lt;b&gt;&quot;x&quot; &amp; y&lt;/b&gt; x",
    );
    check(
        "{{ 'What is C++?' | slugify }} {{ 'a b&c' | cgi_escape }} {{ 'a%20b' | url_decode }}",
        "what-is-c a+b%26c a b",
    );
    check(
        "{{ 'abcdef' | slice: 1, 3 }} {{ 'abc' | slice: -2, 2 }} {{ 'one two' | number_of_words }}",
        "bcd bc 2",
    );
    check(
        "{{ nothing | default: 'd' }} {{ page.empty | default: 'e' }} {{ false | default: 'f' }}",
        "d e f",
    );
    check("{{ 'x' | markdownify }}", "<p>x</p>\n");
}

#[test]
fn filters_for_numbers() {
    check(
        "{{ 7 | divided_by: 2 }} {{ 7 | divided_by: 2.0 }} {{ -7 | divided_by: 2 }} {{ -7 | \
         modulo: 3 }}",
        "3 3.5 -4 2",
    );
    check(
        "{{ '3' | plus: 4 }} {{ 3 | times: 1.5 }} {{ 2.345 | round: 2 }} {{ 2.5 | ceil }} {{ \
         page.n | minus: 10 }}",
        "7 4.5 2.35 3 -3",
    );
    check("{{ 9223372036854775807 | plus: 1 }}", "9.223372036854776e+18");
}

#[test]
fn filters_for_lists() {
    check("{{ page.tags | sort | join }} {{ page.tags | sort_natural | join }}", "C a b a b C");
    check(
        "{{ site.posts | where: 'year', 2026 | map: 'title' | array_to_sentence_string }}",
        "Two and Three",
    );
    check(
        "{{ site.posts | where: 'tags', 'x' | size }} {{ site.posts | where_exp: 'p', 'p.year > \
         2025 and p.tags' | size }}",
        "2 1",
    );
    check(
        "{% assign g = site.posts | group_by: 'year' %}{% for y in g %}{{ y.name }}:{{ y.size }} \
         {% endfor %}",
        "2025:1 2026:2 ",
    );
    check(
        "{{ site.posts | sort: 'title' | map: 'title' | join: ',' }} {{ site.posts | find: \
         'title', 'Two' | jsonify }}",
        "One,Three,Two {\"title\":\"Two\",\"year\":2026,\"tags\":[\"x\",\"y\"]}",
    );
}

#[test]
fn filters_for_dates_and_urls() {
    check(
        "{{ page.date | date: '%-d.%-m.%Y' }} {{ page.date | date_to_string }} {{ page.date | \
         date_to_xmlschema }}",
        "31.1.2026 31 Jan 2026 2026-01-31T18:30:00+00:00",
    );
    check(
        "{{ page.date | date_to_long_string: 'ordinal', 'US' }} {{ 'no date' | date: '%Y' }}",
        "January 31st, 2026 no date",
    );
    check(
        "{{ '/a/' | relative_url }} {{ 'a' | absolute_url }} {{ 'https://x.y/' | relative_url }}",
        "/blog/a/ https://h.org/blog/a https://x.y/",
    );
}

#[test]
fn conditions() {
    check("{% if page.tags contains 'a' and page.n > 3 %}yes{% endif %}", "yes");
    check(
        "{% if page.n>=7 %}1{% elsif true %}2{% else %}3{% endif %}{% unless page.n == 7 %}4{% \
         else %}5{% endunless %}",
        "15",
    );
    check(
        "{% if page.empty == empty %}e{% endif %}{% if page.empty %}t{% endif %}{% if page.title \
         == blank %}b{% endif %}",
        "et",
    );
    // `and` and `or` have the same precedence and associate to the right: false and (true or true).
    check("{% if false and true or true %}yes{% else %}no{% endif %}", "no");
    check("{% case page.n %}{% when 1, 7 %}a{% when 2 or 3 %}b{% else %}c{% endcase %}", "a");
}

#[test]
fn loops() {
    check("{% for i in (1..4) %}{{ i }}{% if forloop.last %}.{% endif %}{% endfor %}", "1234.");
    check(
        "{% for t in page.tags reversed limit:2 offset:1 %}{{ forloop.index }}{{ t }}{% endfor %}",
        "1C2a",
    );
    check(
        "{% for i in (1..9) %}{% if i == 2 %}{% continue %}{% elsif i == 4 %}{% break %}{% endif \
         %}{{ i }}{% endfor %}",
        "13",
    );
    check("{% for x in nothing %}a{% else %}none{% endfor %}", "none");
    check("{% for a in site.authors %}{{ a[0] }}={{ a[1].name }} {% endfor %}", "ann=Ann bob=Bob ");
    check(
        "{% for i in (1..4) %}{% cycle 'a', 'b' %}{% endfor %} {% increment n %}{% increment n \
         %}{% decrement m %}",
        "abab 01-1",
    );
    check(
        "{% tablerow i in (1..3) cols:2 %}{{ i }}{% endtablerow %}",
        "<tr class=\"row1\">\n<td class=\"col1\">1</td><td class=\"col2\">2</td></tr>\n\
         <tr class=\"row2\"><td class=\"col1\">3</td></tr>\n",
    );
}

#[test]
fn assignments_in_a_loop_outlive_it() {
    check(
        "{% for i in (1..3) %}{% assign last = i %}{% endfor %}{{ last }}{% capture c %}<{{ last \
         }}>{% endcapture %}{{ c }}",
        "3<3>",
    );
}

#[test]
fn white_space_control_trims() {
    check("a \n {%- assign x = 1 -%} \n b {{- x -}} c", "ab1c");
}

#[test]
fn raw_text_and_comments() {
    check(
        "{% raw %}{{ x }} {% value a.b %}{% endraw %}|{% comment %}{% nonsense %}{{{% endcomment %}|",
        "{{ x }} {% value a.b %}||",
    );
}

#[test]
fn code_is_rendered_as_in_jekyll() {
    check(
        "{% highlight Rust %}\n\na < 1\n\nb\n{% endhighlight %}",
        "\n<figure class=\"highlight\"><pre><code class=\"language-rust\" data-lang=\"rust\">\
         <span class=\"n\">a</span> <span class=\"o\">&lt;</span> <span class=\"mi\">1</span>\n\n\
         <span class=\"n\">b</span></code></pre></figure>\n",
    );
    check(
        "{% highlight c++11 linenos=table mark_lines=\"2 3\" %}\na\nb{% endhighlight %}",
        "\n<figure class=\"highlight\"><pre><code class=\"language-c--11\" \
         data-lang=\"c++11\"><table \
         class=\"rouge-table\"><tbody><tr><td class=\"gutter gl\"><pre class=\"lineno\">1\n2\n\
         </pre></td><td \
         class=\"code\"><pre>a\n<span class=\"hll\">b</span>\n\
         </pre></td></tr></tbody></table></code></pre></figure>\n",
    );
    check_errors(
        "{% highlight python, linenos %}{% endhighlight %}",
        "error: invalid tag `highlight`\n --> a.md:4:1\n\
         hint: write it as `{% highlight python linenos %}`",
    );
}

#[test]
fn code_is_fenced_in_common_mark() {
    let expected = "\n\n````rust\nlet a = \"```\";\n````\n\n";
    let text = "{% highlight rust linenos %}\nlet a = \"```\";\n{% endhighlight %}";
    assert_eq!(expanded_in(text, Dialect::CommonMark).as_deref(), Ok(expected));
}

#[test]
fn includes_see_their_parameters_and_the_page() {
    check(
        "{% include note.html text=page.tags[1] %}{% include note.html text=\"a b\" other='c' %}",
        "[a|Hello World|][a b|Hello World|]",
    );
    check("{% assign f = 'note' %}{% include {{ f }}.html text=1 %}", "[1|Hello World|]");
}

#[test]
fn links_to_posts_and_files() {
    check("{% post_url 2026-01-31-hello %} {% link about.md %}", "/blog/hello/ /blog/about/");
}

#[test]
fn all_syntax_errors_are_reported_with_line_and_column() {
    check_errors(
        "é {% zzz %}\n{% for a in b %}\n  {% rwa %}\n{{ x",
        "error: unknown tag `zzz`\n --> a.md:4:3\n\
         hint: expected one of `assign`, `break`, `capture`, `case`, \
         `comment`, `continue`, `cycle`, `decrement`, `echo`, `for`, `gist`, `highlight`, `if`, \
         `ifchanged`, \
         `include`, `include_cached`, `include_relative`, `increment`, `link`, `liquid`, `note`, \
         `post_url`, `raw`, \
         `shout`, `table`, `tablerow`, `unless`, `video`. For the tag of a plugin, write an \
         include and name it in \
         `_config.yml`: `liquid: {tags: {zzz: zzz.html}}`\n\
         error: the block `for` is not closed\n --> a.md:5:1\nhint: add `{% endfor %}`\n\
         error: unknown tag `rwa`\n --> a.md:6:3\n\
         hint: did you mean `raw`? For the tag of a plugin, write an include \
         and name it in `_config.yml`: `liquid: {tags: {rwa: rwa.html}}`\n\
         error: `{{` is not closed by `}}`\n --> a.md:7:1\n\
         hint: write literal braces between `{% raw %}` and `{% endraw %}`",
    );
}

#[test]
fn an_unclosed_block_does_not_affect_its_parent() {
    check_errors(
        "{% for a in b %}{% if c %}{% endfor %}{% endif %}",
        "error: the block `if` is not closed\n --> a.md:4:17\nhint: add `{% endif %}`\n\
         error: `endif` outside its block\n --> a.md:4:39",
    );
}

#[test]
fn the_end_of_an_unknown_block_is_not_reported_again() {
    check_errors(
        "{% iff x %}{% endiff %}",
        "error: unknown tag `iff`\n --> a.md:4:1\n\
         hint: did you mean `if`? For the tag of a plugin, write an include and name \
         it in `_config.yml`: `liquid: {tags: {iff: iff.html}}`",
    );
}

#[test]
fn all_errors_in_rendering_are_reported() {
    check_errors(
        "{% include nte.html %}\n{{ 1 | divided_by: 0 }}\n{% post_url 2026-01-31-helo %}\n\
         {% include broken.html %}",
        "error: the block `if` is not closed\n --> _includes/broken.html:2:1\n\
         hint: add `{% endif %}`\n\
         error: there is no `nte.html` in `_includes`\n --> a.md:4:1\n\
         hint: did you mean `note.html`?\n\
         error: cannot apply `divided_by`: division by zero\n --> a.md:5:1\n\
         error: there is no post `2026-01-31-helo`\n --> a.md:6:1\n\
         hint: did you mean `2026-01-31-hello`?",
    );
}

#[test]
fn a_file_that_includes_itself_is_an_error() {
    check_errors(
        "{% include self.html %}",
        "error: includes nest deeper than 40 levels\n --> _includes/self.html:1:1\n\
         hint: check whether a file includes itself",
    );
}

#[test]
fn a_tag_of_the_site_sees_its_arguments_and_variables() {
    check("a {% shout hey %}", "a hey7!");
    let errors = expanded("line\nsee ü {% shout %}").expect_err("it has no arguments");
    assert!(errors.starts_with("error: nothing to shout\n --> a.md:5:"), "{errors}");
}

#[test]
fn a_tag_of_the_site_is_not_a_block() {
    let errors = expanded("{% shout a %}b{% endshout %}").expect_err("it has an end");
    assert!(errors.contains("the tag `shout` is not a block\n --> a.md:4:1"), "{errors}");
}

#[test]
fn tags_in_comments_and_raw_text_are_ignored() {
    let text = "{% raw %}{% value raw.x %}{% endraw %}{% comment %}{% table e %}{% endcomment \
                %}{%- chart d curves -%}{% if a %}";
    let names: Vec<&str> = tags(text).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["chart", "if"]);
}

#[test]
fn a_typed_marker_is_dropped() {
    check("a\u{FDD0}0\u{FDD1}b", "a0b");
}

#[test]
fn hostile_templates_finish_quickly() {
    for text in [
        "{% if a %}".repeat(5_000),
        "{{".repeat(20_000),
        format!("{{{{ a{} }}}}", "[b".repeat(20_000)),
        format!("{{% if {} %}}{{% endif %}}", "a and ".repeat(20_000)),
        "{% for i in (1..99999) %}{% for j in (1..99999) %}aaaaaaaaaaaaaaaa{% endfor %}{% endfor %}".to_owned(),
        "{% for i in (1..99999) %}{% for j in (1..99999) %}{% endfor %}{% endfor %}".to_owned(),
        "{{ 99999999999999999999999999 | times: 99999999999999999999 }}".to_owned(),
        "{{ 'é' | slice: 1, 9 }}{{ 'a' | truncate: -5 }}{{ -9223372036854775808 | abs | \
         divided_by: -1 }}".to_owned(),
    ] {
        let limits = TemplateLimits { steps: 1_000_000, ..TemplateLimits::default() };
        let _ = expanded_within(&text, Dialect::Kramdown, limits);
    }
}

proptest::proptest! {
    #[test]
    fn any_text_expands_or_is_refused(text in "(\\PC|\\{%|%\\}|\\{\\{|\\}\\}|if |for |in \
                                               |end|raw |\\| |x|\"|'|\\[|-|\\n){0,60}") {
        let _ = expanded(&text);
    }
}

#[test]
fn blocks_with_only_white_space_render_nothing() {
    check(
        "[{% if true %} {% assign a = 1 %}\n {% endif %}][{% for i in (1..2) %} {% endfor %}]",
        "[][]",
    );
    check(
        "[{% if true %} {% increment n %} {% endif %}][{% capture c %} {% endcapture %}{{ c }}]",
        "[ 0 ][ ]",
    );
}

#[test]
fn values_are_printed_as_in_ruby() {
    check(
        "{{ site.authors.ann }}|{{ page.tags }}|{{ (1..3) }}|{{ 1.0 }}|{{ 0.00001 }}",
        "{\"name\"=>\"Ann\"}|baC|1..3|1.0|1.0e-05",
    );
    check(
        "{{ page.tags | inspect }} {{ nil | inspect }}",
        "[&quot;b&quot;, &quot;a&quot;, &quot;C&quot;] nil",
    );
}

#[test]
fn conditions_are_parsed_as_leniently_as_in_jekyll() {
    check(
        "{% if (page.title == 'Hello World') and page.title contains 'W' %}a{% endif %}{% if \
         page.n==7 or false %}b{% endif %}",
        "ab",
    );
    check(
        "{% if page.title == 'Hello and World' or page.n == 7 %}a{% endif %}{% if page.n && x \
         %}b{% endif %}",
        "ab",
    );
    check_errors(
        "{% if page.n = 7 %}{% endif %}",
        "error: unknown operator `=`\n --> a.md:4:1\n\
         hint: expected one of `==`, `!=`, `<`, `<=`, `>`, `>=`, `contains`; for \
         `not`, use `unless`",
    );
}

#[test]
fn expressions_ignore_invalid_parts() {
    check(
        "{{ 'a' 'b' | append : 'c' , }}|{{ | upcase }}|{{ 'a' || upcase }}|{{ \"unclosed }}",
        "ac||A|",
    );
    check_errors(
        "{{ 'a' | append 'b' }}",
        "error: cannot apply `append`: it requires 1 argument, `append: \"…\"`\n --> a.md:4:1",
    );
}

#[test]
fn loops_can_continue_where_the_last_one_ended() {
    check(
        "{% for i in page.tags limit:1 %}{{ i }}{% endfor %}{% for i in page.tags \
         offset:continue %}[{{ i }}]{% endfor %}",
        "b[a][C]",
    );
    check(
        "{% for i in (1..2) %}{% for j in (1..2) %}{{ forloop.parentloop.index }}{{ \
         forloop.index }} {% endfor %}{% endfor %}",
        "11 12 21 22 ",
    );
    check("{% for i in (1..4) limit:2 reversed %}{{ i }}{% endfor %}", "12");
}

#[test]
fn every_matching_when_is_rendered() {
    check(
        "{% case page.n %}{% when 7 %}a{% when 6, 7 %}b{% else %}c{% endcase %}{% case 1 %}{% \
         when 2 %}{% else %}d{% endcase %}",
        "abd",
    );
}

#[test]
fn tags_can_be_mapped_to_includes() {
    check("{% note a \"b c\" text=page.n %}", "[7|Hello World|]");
    check_errors(
        "{% video x %}",
        "error: there is no `video.html` in `_includes`\n --> a.md:4:1\n\
         hint: did you mean `note.html`?",
    );
}

#[test]
fn mapped_tags_override_built_in_ones() {
    check("{% table text=page.n %}", "[7|Hello World|]");
    check("{% table text=page.n %}x{% endtable %}", "[7|Hello World|]");
}

#[test]
fn files_next_to_the_page_can_be_included() {
    check("{% include_relative beside.md x=\"q\\\"r\" %}", "Bq\"r");
}

#[test]
fn a_post_is_found_in_any_spelling_of_its_date() {
    check(
        "{% post_url 2026-1-31-hello %}{% post_url /deep/2026-01-31-hello %}",
        "/blog/hello//blog/hello/",
    );
}

#[test]
fn dates_are_parsed_and_formatted_in_many_forms() {
    check(
        "{{ 'January 2nd, 2020 5:06 PM' | date: '%F %R' }} {{ '2 Jan 2020' | date: '%F' }} {{ \
         '1/2/2020' | date: '%F' }}",
        "2020-01-02 17:06 2020-01-02 2020-02-01",
    );
    check(
        "{{ 1577934245 | date: '%c' }} {{ 'now' | date: '%Y' }} {{ 'x' | date: '%Y' }}",
        "Thu Jan  2 03:04:05 2020 2026 x",
    );
    check(
        "{{ '2020-01-02 03:04:05 +0300' | date: '%-d %e %^b %10Y %_5S %L %z %:z %j %u %s %Q' }}",
        "2  2 JAN 0000002020     5 000 +0300 +03:00 002 4 1577923445 %Q",
    );
}

#[test]
fn the_lines_of_a_liquid_tag_are_tags() {
    check("{% liquid\n assign x = 3\n if x == 3\n echo x\n endif %}{% # nothing %}.", "3.");
}

/// A few short templates that produce huge output or take a lot of work; each must quickly reach a
/// limit.
#[test]
fn values_that_double_are_refused_before_they_are_created() {
    let limits = TemplateLimits { steps: 1_000_000, bytes: 1 << 20 };
    let large = "error: a string or list exceeds 1 MiB\n --> a.md\n\
                 hint: check for nested loops, or raise \
                 `limits: {template-bytes: …}` in `_config.yml`";
    let start = "{% assign a = \"xxxxxxxxxx\" %}{% assign e = '' | split: '' %}{% assign l = \
                 'x,y' | split: ',' %}";
    for step in [
        "assign a = a | append: a",
        "assign a = a | prepend: a",
        "assign a = a | replace: 'x', a",
        "assign a = a | replace: '', a",
        "capture a %}{{ a }}{{ a }}{% endcapture",
        "assign l = l | concat: l",
        "assign l = l | push: l",
        "assign l = l | unshift: l",
        "assign l = e | push: l | push: l",
        "assign l = l | group_by: 'x'",
        "assign a = l | join: a %}{% assign l = a | split: 'x'",
    ] {
        let body = format!("{start}{{% for i in (1..1000) %}}{{% {step} %}}{{% endfor %}}");
        assert_eq!(
            expanded_within(&body, Dialect::Kramdown, limits),
            Err(large.to_owned()),
            "{step}"
        );
    }
}

#[test]
fn filters_and_comparisons_cost_steps_by_input_size() {
    let limits = TemplateLimits { steps: 50_000, ..TemplateLimits::default() };
    let steps = "error: the template exceeds 50000 steps\n --> a.md\n\
                 hint: check for nested loops, or raise \
                 `limits: {template-steps: …}` in `_config.yml`";
    let start = "{% assign c = 'xy' %}{% for i in (1..16) %}{% assign c = c | append: c %}{% \
                 endfor %}\
        {% assign l = c | slice: 0, 4000 | split: 'y' %}";
    for step in [
        "assign b = c | upcase | size",
        "assign b = c | split: 'x' | size",
        "if c contains 'z' %}{% endif",
        "if c == c %}{% endif",
        "if l == l %}{% endif",
        "assign b = l | uniq | size",
        "assign b = l | sort | size",
        "assign b = l | reverse | size",
        "assign b = l | where_exp: 'x', 'x == 3'",
    ] {
        let body = format!("{start}{{% for i in (1..100000) %}}{{% {step} %}}{{% endfor %}}");
        assert_eq!(
            expanded_within(&body, Dialect::Kramdown, limits),
            Err(steps.to_owned()),
            "{step}"
        );
    }
}

/// Pages of a large blog: every post under each of its tags, with a loop over all posts for each
/// tag, and the text of every post for a search.
#[test]
fn a_large_blog_fits_the_default_limits() {
    let words = "word ".repeat(4000);
    let post = |number: usize| {
        let tags: Vec<String> =
            (0..3).map(|tag| format!("tag{}", (number * 7 + tag) % 400)).collect();
        format!(
            "{{title: Post {number}, url: /{number}/, tags: [{}], content: &c{number} {words}}}",
            tags.join(", ")
        )
    };
    let posts: Vec<String> = (0..500).map(post).collect();
    let tags: Vec<String> = (0..400).map(|tag| format!("tag{tag}")).collect();
    let yaml = format!("{{posts: [{}], tags: [{}]}}", posts.join(", "), tags.join(", "));
    let site = of_yaml(&serde_yaml::from_str(&yaml).expect("valid YAML"));
    let inputs = Inputs::default();
    let options = LiquidOptions::default();
    let environment = Environment {
        includes: Includes::default(),
        tags: &Tags::default().with(["shout"], &Shout),
        url: "",
        base_url: "",
        zone: &TimeZone::UTC,
        post_urls: BTreeMap::new(),
        urls: BTreeMap::new(),
        markdown: &str::to_owned,
        inputs: &inputs,
        options: &options,
        now: None,
        dialect: Dialect::Kramdown,
        highlight: true,
    };
    let text = "{% for tag in site.tags %}<h2>{{ tag | escape }}</h2>{% for post in site.posts %}\
        {% if post.tags contains tag %}<a href=\"{{ post.url | relative_url }}\">{{ post.title | \
                escape }}</a>{% endif %}\
        {% endfor %}{% endfor %}\
        {% for post in site.posts %}{{ post.content | strip_html | jsonify }}{% endfor %}";
    let expanded = expand(
        Located { path: "tags.html", text, lines_above: 0 },
        &[("site", site)],
        &environment,
        Reach::Everywhere,
    );
    let links = expanded.expect("it fits").text.matches("<a ").count();
    assert_eq!(links, 1500);
}
