//! Limits for programs in Sass: endless loops, and endless recursion of functions and mixins.
//!
//! The compiler has none. So a call is inserted at the start of each body of a loop, function or
//! mixin, to count steps and check the remaining stack. This gives the place of the usual mistakes;
//! the limits of the compiling process catch everything else.

use std::cell::Cell;

use grass::sass_value::{ArgumentResult, Value};
use grass::{Builtin, Visitor};

/// How many iterations of loops and calls of functions and mixins one style sheet may take.
const MAX_STEPS: u32 = 1_000_000;
/// The stack of the compiler. Only the used part of it takes memory.
const STACK: usize = 64 << 20;
/// How much of it calls may use, some thousand deep. The innermost call needs room, and selectors
/// grow with depth.
const MAX_USED: usize = STACK / 4;
/// Inserted after the brace that opens a body. It produces no CSS.
const STEP: &str = "@if labpress-step(0){}";

thread_local! {
    static STEPS: Cell<u32> = const { Cell::new(0) };
    static STACK_START: Cell<usize> = const { Cell::new(0) };
}

/// Adds the counting function to the options.
pub(super) fn counting(options: grass::Options<'_>) -> grass::Options<'_> {
    options.add_custom_fn("labpress-step", Builtin::new(step))
}

/// Runs the compiler in a thread with a large stack. `None` if it panics.
pub(super) fn run<T: Send>(compile: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let in_thread = || {
            STACK_START.set(address());
            compile()
        };
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, in_thread);
        thread.ok()?.join().ok()
    })
}

/// The approximate address of the top of the stack.
#[inline(never)]
fn address() -> usize {
    let here = 0_u8;
    (&raw const here).addr()
}

fn step(mut arguments: ArgumentResult, _: &mut Visitor<'_>) -> grass::Result<Value> {
    STEPS.set(STEPS.get() + 1);
    let message = if STEPS.get() > MAX_STEPS {
        format!("loops and calls take more than {MAX_STEPS} steps")
    } else if STACK_START.get().abs_diff(address()) > MAX_USED {
        "this calls itself too often".to_owned()
    } else {
        return Ok(Value::False);
    };
    // The argument is only there for its position.
    match arguments.get_positional(0) {
        Some(argument) => Err((message, argument.span).into()),
        None => Ok(Value::False),
    }
}

/// Inserts a step into the body of each loop, function and mixin of a style sheet in the syntax
/// with braces.
pub(super) fn stepping(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len() + 64);
    let (mut at, mut copied) = (0, 0);
    let mut is_head = false;
    while at < bytes.len() {
        let rest = &text[at..];
        match bytes[at] {
            b'/' if rest.starts_with("/*") => at += rest.find("*/").unwrap_or(rest.len()),
            b'/' if rest.starts_with("//") => at += rest.find('\n').unwrap_or(rest.len()),
            quote @ (b'"' | b'\'') => at += string_length(&bytes[at..], quote),
            b'@' => {
                is_head = begins_body(&rest[1..]);
                at += 1;
            }
            b'#' if rest.starts_with("#{") && is_head => {
                at += rest.find('}').map_or(rest.len(), |end| end + 1);
            }
            b'{' if is_head => {
                at += 1;
                out.push_str(&text[copied..at]);
                out.push_str(STEP);
                copied = at;
                is_head = false;
            }
            b';' | b'}' => {
                is_head = false;
                at += 1;
            }
            // `at` must stay on a character boundary.
            _ => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    out.push_str(&text[copied..]);
    out
}

/// The length of a string including its quotes, or up to the end of the line if it is not closed.
fn string_length(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'\n' => return at,
            byte if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
        while at < bytes.len() && bytes[at] & 0xC0 == 0x80 {
            at += 1;
        }
    }
    bytes.len()
}

fn begins_body(word: &str) -> bool {
    let ends = |rest: &str| rest.starts_with(|c: char| c.is_whitespace() || c == '(');
    ["while", "for", "each", "function", "mixin"]
        .iter()
        .any(|name| word.strip_prefix(name).is_some_and(ends))
}

/// Maps a column to the line before steps were inserted. A step itself maps to where it was
/// inserted.
pub(super) fn column_before(line: &str, column: usize) -> usize {
    let starts = line
        .match_indices(STEP)
        .map(|(at, _)| line[..at].chars().count())
        .filter(|start| *start < column);
    starts.fold(column, |before, start| before - STEP.len().min(column - start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_loops_functions_and_mixins_get_a_step() {
        let steps = stepping(
            "@function f($x: '{') { }\n@each $x in #{$y} {a{}}\n@media x { // @while {\n\
             } /* @for { */",
        );
        let expected = format!(
            "@function f($x: '{{') {{{STEP} }}\n@each $x in #{{$y}} {{{STEP}a{{}}}}\n\
             @media x {{ // @while {{\n}} /* @for {{ */"
        );
        assert_eq!(steps, expected);
        assert_eq!(stepping("a { b: 'é\n } @mixinx y {} \"\\"), "a { b: 'é\n } @mixinx y {} \"\\");
    }
}
