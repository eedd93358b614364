//! Character references: `&amp;`, `&#38;`, `&#x26;`.

use crate::scan::{count, name_length};

/// The character of the reference at the start of the text, and the length of the reference.
pub(super) fn reference(text: &str) -> Option<(char, usize)> {
    let inside = text.strip_prefix('&')?;
    let (character, length) = if let Some(number) = inside.strip_prefix('#') {
        numbered(number).map(|(character, length)| (character, length + 1))?
    } else {
        let length = count(inside, |byte| byte.is_ascii_alphanumeric());
        (named(&inside[..length])?, length)
    };
    inside[length..].starts_with(';').then_some((character, length + 2))
}

/// The text with references replaced by their characters.
pub(super) fn decoded(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        let (character, length) = reference(&rest[at..]).unwrap_or(('&', 1));
        decoded.push(character);
        rest = &rest[at + length..];
    }
    decoded.push_str(rest);
    decoded
}

/// The text as HTML: what would be markup is escaped, references are kept.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>']) {
        escaped.push_str(&rest[..at]);
        let length = match rest.as_bytes()[at] {
            b'<' => {
                escaped.push_str("&lt;");
                1
            }
            b'>' => {
                escaped.push_str("&gt;");
                1
            }
            // Browsers may know more names than kramdown.
            _ => {
                if let Some(length) = reference(&rest[at..])
                    .map(|(_, length)| length)
                    .or_else(|| named_length(&rest[at..]))
                {
                    escaped.push_str(&rest[at..at + length]);
                    length
                } else {
                    escaped.push_str("&amp;");
                    1
                }
            }
        };
        rest = &rest[at + length..];
    }
    escaped + rest
}

/// The length of a reference by name, known or unknown.
fn named_length(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('&')?;
    let length = name_length(inside);
    (length > 0 && inside[length..].starts_with(';')).then_some(length + 2)
}

fn numbered(text: &str) -> Option<(char, usize)> {
    let (digits, radix, before) = match text.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16, 1),
        None => (text, 10, 0),
    };
    let length = count(digits, |byte| char::from(byte).is_digit(radix));
    let number = u32::from_str_radix(&digits[..length], radix).ok()?;
    // A character that is not allowed in a document becomes the replacement character.
    Some((char::from_u32(number).filter(|&c| c != '\0').unwrap_or('\u{fffd}'), before + length))
}

fn named(name: &str) -> Option<char> {
    NAMES.binary_search_by_key(&name, |&(known, _)| known).ok().map(|at| NAMES[at].1)
}

/// The names that kramdown knows: those of HTML 4, and `apos`. Sorted.
#[rustfmt::skip]
const NAMES: [(&str, char); 254] = [
    ("AElig", 'Æ'), ("Aacute", 'Á'), ("Acirc", 'Â'), ("Agrave", 'À'), ("Alpha", 'Α'), ("Aring", 'Å'), ("Atilde", 'Ã'),
    ("Auml", 'Ä'), ("Beta", 'Β'), ("Ccedil", 'Ç'), ("Chi", 'Χ'), ("Dagger", '\u{2021}'), ("Delta", 'Δ'), ("ETH", 'Ð'),
    ("Eacute", 'É'), ("Ecirc", 'Ê'), ("Egrave", 'È'), ("Epsilon", 'Ε'), ("Eta", 'Η'), ("Euml", 'Ë'), ("Gamma", 'Γ'),
    ("Iacute", 'Í'), ("Icirc", 'Î'), ("Igrave", 'Ì'), ("Iota", 'Ι'), ("Iuml", 'Ï'), ("Kappa", 'Κ'), ("Lambda", 'Λ'),
    ("Mu", 'Μ'), ("Ntilde", 'Ñ'), ("Nu", 'Ν'), ("OElig", 'Œ'), ("Oacute", 'Ó'), ("Ocirc", 'Ô'), ("Ograve", 'Ò'),
    ("Omega", 'Ω'), ("Omicron", 'Ο'), ("Oslash", 'Ø'), ("Otilde", 'Õ'), ("Ouml", 'Ö'), ("Phi", 'Φ'), ("Pi", 'Π'),
    ("Prime", '\u{2033}'), ("Psi", 'Ψ'), ("Rho", 'Ρ'), ("Scaron", 'Š'), ("Sigma", 'Σ'), ("THORN", 'Þ'), ("Tau", 'Τ'),
    ("Theta", 'Θ'), ("Uacute", 'Ú'), ("Ucirc", 'Û'), ("Ugrave", 'Ù'), ("Upsilon", 'Υ'), ("Uuml", 'Ü'), ("Xi", 'Ξ'),
    ("Yacute", 'Ý'), ("Yuml", 'Ÿ'), ("Zeta", 'Ζ'), ("aacute", 'á'), ("acirc", 'â'), ("acute", '´'), ("aelig", 'æ'),
    ("agrave", 'à'), ("alefsym", 'ℵ'), ("alpha", 'α'), ("amp", '&'), ("and", '∧'), ("ang", '∠'), ("apos", '\''),
    ("aring", 'å'), ("asymp", '≈'), ("atilde", 'ã'), ("auml", 'ä'), ("bdquo", '\u{201e}'), ("beta", 'β'),
    ("brvbar", '¦'), ("bull", '\u{2022}'), ("cap", '∩'), ("ccedil", 'ç'), ("cedil", '¸'), ("cent", '¢'), ("chi", 'χ'),
    ("circ", 'ˆ'), ("clubs", '♣'), ("cong", '≅'), ("copy", '©'), ("crarr", '↵'), ("cup", '∪'), ("curren", '¤'),
    ("dArr", '⇓'), ("dagger", '\u{2020}'), ("darr", '↓'), ("deg", '°'), ("delta", 'δ'), ("diams", '♦'),
    ("divide", '÷'), ("eacute", 'é'), ("ecirc", 'ê'), ("egrave", 'è'), ("empty", '∅'), ("emsp", '\u{2003}'),
    ("ensp", '\u{2002}'), ("epsilon", 'ε'), ("equiv", '≡'), ("eta", 'η'), ("eth", 'ð'), ("euml", 'ë'), ("euro", '€'),
    ("exist", '∃'), ("fnof", 'ƒ'), ("forall", '∀'), ("frac12", '½'), ("frac14", '¼'), ("frac34", '¾'),
    ("frasl", '\u{2044}'), ("gamma", 'γ'), ("ge", '≥'), ("gt", '>'), ("hArr", '⇔'), ("harr", '↔'), ("hearts", '♥'),
    ("hellip", '\u{2026}'), ("iacute", 'í'), ("icirc", 'î'), ("iexcl", '¡'), ("igrave", 'ì'), ("image", 'ℑ'),
    ("infin", '∞'), ("int", '∫'), ("iota", 'ι'), ("iquest", '¿'), ("isin", '∈'), ("iuml", 'ï'), ("kappa", 'κ'),
    ("lArr", '⇐'), ("lambda", 'λ'), ("lang", '〉'), ("laquo", '«'), ("larr", '←'), ("lceil", '⌉'),
    ("ldquo", '\u{201c}'), ("le", '≤'), ("lfloor", '⌊'), ("lowast", '∗'), ("loz", '◊'), ("lrm", '\u{200e}'),
    ("lsaquo", '\u{2039}'), ("lsquo", '\u{2018}'), ("lt", '<'), ("macr", '¯'), ("mdash", '\u{2014}'), ("micro", 'µ'),
    ("middot", '·'), ("minus", '−'), ("mu", 'μ'), ("nabla", '∇'), ("nbsp", '\u{a0}'), ("ndash", '\u{2013}'),
    ("ne", '≠'), ("ni", '∋'), ("not", '¬'), ("notin", '∉'), ("nsub", '⊄'), ("ntilde", 'ñ'), ("nu", 'ν'),
    ("oacute", 'ó'), ("ocirc", 'ô'), ("oelig", 'œ'), ("ograve", 'ò'), ("oline", '\u{203e}'), ("omega", 'ω'),
    ("omicron", 'ο'), ("oplus", '⊕'), ("or", '∨'), ("ordf", 'ª'), ("ordm", 'º'), ("oslash", 'ø'), ("otilde", 'õ'),
    ("otimes", '⊗'), ("ouml", 'ö'), ("para", '¶'), ("part", '∂'), ("permil", '\u{2030}'), ("perp", '⊥'), ("phi", 'φ'),
    ("pi", 'π'), ("piv", 'ϖ'), ("plusmn", '±'), ("pound", '£'), ("prime", '\u{2032}'), ("prod", '∏'), ("prop", '∝'),
    ("psi", 'ψ'), ("quot", '"'), ("rArr", '⇒'), ("radic", '√'), ("rang", '〈'), ("raquo", '»'), ("rarr", '→'),
    ("rceil", '⌈'), ("rdquo", '\u{201d}'), ("real", 'ℜ'), ("reg", '®'), ("rfloor", '⌋'), ("rho", 'ρ'),
    ("rlm", '\u{200f}'), ("rsaquo", '\u{203a}'), ("rsquo", '\u{2019}'), ("sbquo", '\u{201a}'), ("scaron", 'š'),
    ("sdot", '⋅'), ("sect", '§'), ("shy", '\u{ad}'), ("sigma", 'σ'), ("sigmaf", 'ς'), ("sim", '∼'), ("spades", '♠'),
    ("sub", '⊂'), ("sube", '⊆'), ("sum", '∑'), ("sup", '⊃'), ("sup1", '¹'), ("sup2", '²'), ("sup3", '³'),
    ("supe", '⊇'), ("szlig", 'ß'), ("tau", 'τ'), ("there4", '∴'), ("theta", 'θ'), ("thetasym", 'ϑ'),
    ("thinsp", '\u{2009}'), ("thorn", 'þ'), ("tilde", '˜'), ("times", '×'), ("trade", '™'), ("uArr", '⇑'),
    ("uacute", 'ú'), ("uarr", '↑'), ("ucirc", 'û'), ("ugrave", 'ù'), ("uml", '¨'), ("upsih", 'ϒ'), ("upsilon", 'υ'),
    ("uuml", 'ü'), ("vellip", '⋮'), ("weierp", '℘'), ("xi", 'ξ'), ("yacute", 'ý'), ("yen", '¥'), ("yuml", 'ÿ'),
    ("zeta", 'ζ'), ("zwj", '\u{200d}'), ("zwnj", '\u{200c}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_named_or_numbered() {
        assert_eq!(reference("&eacute;x"), Some(('é', 8)));
        assert_eq!(reference("&#65;"), Some(('A', 5)));
        assert_eq!(reference("&#x41;"), Some(('A', 6)));
        for text in ["&foo;", "&amp", "&;", "&#;", "& amp;"] {
            assert_eq!(reference(text), None, "{text}");
        }
    }

    #[test]
    fn escaping_leaves_references_alone() {
        assert_eq!(escaped("a < b &amp; c & d"), "a &lt; b &amp; c &amp; d");
        assert_eq!(decoded("a?b=1&amp;c&d"), "a?b=1&c&d");
    }

    #[test]
    fn names_are_sorted() {
        assert!(NAMES.is_sorted());
    }
}
