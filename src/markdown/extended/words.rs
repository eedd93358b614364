//! The few words that Markdown itself puts on a page, in the language of the page.

/// The words of a language.
#[derive(Debug)]
pub(super) struct Words {
    /// The kinds of callouts: note, tip, important, warning, caution.
    pub(super) callouts: [&'static str; 5],
    /// Figure, table, equation, listing, section.
    pub(super) labels: [&'static str; 5],
}

/// The words for an HTML language code, such as `de` or `pt-BR`; English for languages without.
pub(super) fn of(language: &str) -> &'static Words {
    let language = language.split(['-', '_']).next().unwrap_or_default();
    let known = ALL.iter().find(|(code, _)| code.eq_ignore_ascii_case(language));
    known.map_or(&ENGLISH, |(_, words)| words)
}

const ENGLISH: Words = Words {
    callouts: ["Note", "Tip", "Important", "Warning", "Caution"],
    labels: ["Figure", "Table", "Equation", "Listing", "Section"],
};

const ALL: [(&str, Words); 10] = [
    (
        "ar",
        Words {
            callouts: ["ملاحظة", "نصيحة", "مهم", "تحذير", "تنبيه"],
            labels: ["الشكل", "الجدول", "المعادلة", "الشيفرة", "القسم"],
        },
    ),
    (
        "de",
        Words {
            callouts: ["Hinweis", "Tipp", "Wichtig", "Warnung", "Vorsicht"],
            labels: ["Abbildung", "Tabelle", "Gleichung", "Listing", "Abschnitt"],
        },
    ),
    (
        "es",
        Words {
            callouts: ["Nota", "Consejo", "Importante", "Advertencia", "Precaución"],
            labels: ["Figura", "Tabla", "Ecuación", "Listado", "Sección"],
        },
    ),
    (
        "fr",
        Words {
            callouts: ["Note", "Conseil", "Important", "Avertissement", "Attention"],
            labels: ["Figure", "Tableau", "Équation", "Listing", "Section"],
        },
    ),
    (
        "it",
        Words {
            callouts: ["Nota", "Suggerimento", "Importante", "Avviso", "Attenzione"],
            labels: ["Figura", "Tabella", "Equazione", "Listato", "Sezione"],
        },
    ),
    (
        "ja",
        Words {
            callouts: ["メモ", "ヒント", "重要", "警告", "注意"],
            labels: ["図", "表", "式", "リスト", "節"],
        },
    ),
    (
        "nl",
        Words {
            callouts: ["Opmerking", "Tip", "Belangrijk", "Waarschuwing", "Let op"],
            labels: ["Figuur", "Tabel", "Vergelijking", "Listing", "Paragraaf"],
        },
    ),
    (
        "pt",
        Words {
            callouts: ["Nota", "Dica", "Importante", "Aviso", "Cuidado"],
            labels: ["Figura", "Tabela", "Equação", "Listagem", "Seção"],
        },
    ),
    (
        "ru",
        Words {
            callouts: ["Примечание", "Совет", "Важно", "Внимание", "Осторожно"],
            labels: ["Рисунок", "Таблица", "Уравнение", "Листинг", "Раздел"],
        },
    ),
    (
        "zh",
        Words {
            callouts: ["注", "提示", "重要", "警告", "小心"],
            labels: ["图", "表", "式", "代码", "节"],
        },
    ),
];
