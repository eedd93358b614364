//! SQL.

use std::sync::OnceLock;

use crate::lexer::engine::{Language, State, is, words};

pub(super) static SQL: Language = Language {
    names: &["sql", "mysql", "postgresql", "plsql", "postgres"],
    ignores_case: true,
    machine: OnceLock::new(),
    states: &[
        State(
            "code",
            &[
                is(r"\s+", ""),
                is(r"--.*", "c1"),
                is(r"/\*", "cm").enter("comment"),
                is("'", "s1").enter("string"),
                is("\"", "nv").enter("quoted name"),
                is(r"`[^`\n]*`?", "nv"),
                words(r"\i\w*", WORDS),
                is(r"\i[\w$]*", "n"),
                is(r"\d+\.\d*([eE][+-]?\d+)?|\.\d+|\d+[eE][+-]?\d+", "mf"),
                is(r"\d+", "mi"),
                is(r"[-+*/<>=~!@#%^&|?]+", "o"),
                is(r"[;:()\[\],.{}]+", "p"),
            ],
        ),
        State(
            "comment",
            &[is(r"/\*", "cm").enter("comment"), is(r"\*/", "cm").leave(), is(r"[^*/]+|.", "cm")],
        ),
        State(
            "string",
            &[is("''", "se"), is(r"\\.", "se"), is("'", "s1").leave(), is(r"[^'\\]+|.", "s1")],
        ),
        State("quoted name", &[is(r"\\.", "se"), is("\"", "nv").leave(), is(r#"[^"\\]+|."#, "nv")]),
    ],
};

const WORDS: &[(&str, &str)] = &[
    (
        "nb",
        "bigint bit blob bool boolean char character date datetime dec decimal double float int \
         integer longblob longtext mediumint number numeric nvarchar real serial smallint text \
         timestamp tinyint tinytext varchar varchar2",
    ),
    (
        "k",
        "abort absolute access action add admin after aggregate alias all allocate alter \
         analyse analyze and any are array as asc asensitive assertion assignment asymmetric at \
         atomic authorization avg backward before begin between bitvar both breadth by cache call \
         called cardinality cascade cascaded case cast catalog catalog_name chain characteristics \
         check checked checkpoint class close cluster coalesce cobol collate collation column \
         comment commit committed completion condition connect connection constraint constraints \
         constructor contains continue convert copy corresponding count create createdb \
         createuser cross cube current current_date current_path current_role current_time \
         current_timestamp current_user cursor cycle data database day deallocate \
         declare default defaults deferrable deferred define defined definer delete delimiter \
         delimiters depth deref desc describe descriptor destroy destructor deterministic \
         diagnostics dictionary disconnect dispatch distinct do domain drop dynamic each else \
         encoding encrypted end equals escape every except exception exclusive exec \
         execute existing exists explain external extract false fetch final first for \
         force foreign fortran forward found free freeze from full function general \
         generated get global go goto grant granted group grouping handler having hierarchy hold \
         host hour identity if ignore ilike immediate immutable implementation implicit in include \
         increment index indicator infix inherits initialize initially inner inout input \
         insensitive insert instance instantiable instead intersect interval into invoker is \
         isnull isolation iterate join key lancompiler language large last lateral leading left \
         length less level like limit listen load local localtime localtimestamp location locator \
         lock lower map match max maxvalue merge message method min minute minvalue mod mode \
         modifies modify module month more move multiset mumps name names national natural \
         nchar nclob new next no nocreatedb nocreateuser none not nothing notify notnull null \
         nullable nullif object of off offset oids old on only open operation operator option \
         options or order ordinality out outer output overlaps overlay overriding owner pad \
         parameter parameters partial pascal password path pendant placing pli \
         position postfix precision prefix preorder prepare preserve primary prior \
         privileges procedural procedure public read reads recheck recursive ref references \
         referencing reindex relative rename repeatable replace reset restart restrict result \
         return returns revoke right role rollback rollup routine row rows rule \
         savepoint scale schema scope scroll search second section security select self sensitive \
         sequence serializable session session_user set setof sets share show similar simple size \
         some source space specific specifictype sql sqlcode sqlerror sqlexception sqlstate \
         sqlwarning stable start state statement static statistics stdin stdout storage strict \
         structure style sublist substring sum symmetric sysid system system_user table \
         temp template temporary terminate than then timezone_hour timezone_minute to toast \
         trailing transaction transform transforms translate translation treat trigger \
         trim true truncate trusted type uncommitted under unencrypted union unique unknown unlisten \
         unnamed unnest until update upper usage user using vacuum valid validator values variable \
         varying verbose version view volatile when whenever where with without work write year \
         zone",
    ),
];
