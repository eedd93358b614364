#!/usr/bin/env python3
"""kramdown's own test cases, run through this package: passed, and what the others are about.

    git clone --depth 1 https://github.com/gettalong/kramdown /tmp/kramdown
    cargo build --package kramdown --example html
    python3 crates/kramdown/tests/cases/testcases.py /tmp/kramdown/test/testcases [--list] [--show NAME]

A case passes when the HTML means the same: tags with their attributes, and texts, but for white space between blocks;
a code block is its language and its text, whatever is around it. A case's `.options` are given where labpress has the
option; those that it lacks are named in the report. Nothing of kramdown is in this repository.
"""
import argparse
import html
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

BINARY = os.path.join(os.path.dirname(__file__), '../../../../target/debug/examples/html')
BLOCKS = set('address article aside blockquote body center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 '
             'h4 h5 h6 header hr html iframe li main math nav noscript ol option p pre script section select style table '
             'tbody td tfoot th thead tr ul video br meta link object param !--'.split())
VOID = set('area base br col embed hr img input link meta param source track wbr'.split())


class Tokens(HTMLParser):
    """The tags and texts of some HTML, in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tokens = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = sorted((name, (value or '').strip()) for name, value in attributes)
        self.tokens.append(('<', tag, tuple(attributes)))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.tokens.append(('>', tag))

    def handle_endtag(self, tag):
        if tag not in VOID:
            self.tokens.append(('>', tag))

    def handle_data(self, text):
        if self.tokens and self.tokens[-1][0] == 'T':
            text = self.tokens.pop()[1] + text
        self.tokens.append(('T', text))

    def handle_comment(self, text):
        self.tokens.append(('!', text.strip()))

    def handle_decl(self, text):
        self.tokens.append(('!', text))

    def handle_pi(self, text):
        self.tokens.append(('!', text))


PRE = r'<pre(?P<pre>[^>]*)>\s?<code(?P<code>[^>]*)>(?P<text>.*?)</code></pre>'
WRAPPED = re.compile(r'<div(?P<attributes>[^>]*)>\s*<div class="highlight">\s*' + PRE + r'\s*</div>\s*</div>', re.S)
BARE = re.compile(r'(?P<attributes>)' + PRE, re.S)


def one_code(match):
    """A code block without its wrappers and colours."""
    everything = ' '.join(match[part] or '' for part in ('attributes', 'pre', 'code'))
    classes = ' '.join(re.findall(r'class="([^"]*)"', everything)).split()
    classes = sorted(set(classes) - {'highlighter-rouge', 'highlight', 'language-plaintext'})
    others = sorted(set(re.findall(r'(?<![\w-])(?!class=)[\w-]+="[^"]*"', everything)))
    text = html.unescape(re.sub(r'</?span[^>]*>', '', match['text'])).strip('\n')
    return '<pre class="%s" %s>%s</pre>' % (' '.join(classes), ' '.join(others), html.escape(text))


def meaning(text):
    """What some HTML means: tokens without white space that does not show."""
    text = re.sub(r'(<code[^>]* class="[^"]*?) ?highlighter-rouge"', r'\1"', text)
    text = re.sub(r'(<code[^>]* class=")language-plaintext ?', r'\1', text).replace(' class=""', '')
    tokens, means, preformatted = Tokens(BARE.sub(one_code, WRAPPED.sub(one_code, text))).tokens, [], 0
    for at, token in enumerate(tokens):
        if token[0] == 'T' and not preformatted:
            text = re.sub(r'\s+', ' ', token[1])
            before, after = tokens[at - 1] if at else ('<', 'body'), tokens[at + 1] if at + 1 < len(tokens) else ('<', 'body')
            if before[0] == '!' or before[1] in BLOCKS:
                text = text.lstrip()
            if after[0] == '!' or after[1] in BLOCKS:
                text = text.rstrip()
            token = ('T', text)
        if token[0] in '<>' and token[1] in ('pre', 'script', 'style', 'textarea'):
            preformatted += 1 if token[0] == '<' else -1
        if token != ('T', ''):
            means.append(token)
    return means


def options(name, folder):
    """The options of a case as arguments, and those that are not known here."""
    path = name + '.options'
    if not os.path.exists(path):
        path = os.path.join(os.path.dirname(name), 'options')
    given, outer = {'auto_ids': 'false'}, []
    if os.path.exists(path):
        given = {}
        for line in open(path, encoding='utf8'):
            match = re.match(r'( *):?([\w]+): *(.*)', line)
            if match:
                outer = outer[:len(match[1]) // 2] + [match[2]]
                given['.'.join(outer)] = match[3].strip().strip('"\'').lstrip(':')
        given = {name: value for name, value in given.items() if not any(other.startswith(name + '.') for other in given)}
    # Highlighting is left out of the comparison, so that it does not matter which program does it.
    for option in ('syntax_highlighter', 'enable_coderay', 'coderay_wrap', 'coderay_line_numbers', 'coderay_css'):
        given.pop(option, None)
    return dict(given, input='kramdown')


def run(name, folder):
    """Whether the case passes, its two HTMLs, and the options that are not known here."""
    text = open(name + '.text', encoding='utf8').read()
    expected = open(name + '.html', encoding='utf8').read()
    arguments, unknown = [], []
    for option, value in options(name, folder).items():
        argument = '%s=%s' % (option, value)
        done = subprocess.run([BINARY, argument], input='', capture_output=True, text=True)
        if done.returncode == 0:
            arguments.append(argument)
        else:
            unknown.append(option)
    made = subprocess.run([BINARY] + arguments, input=text, capture_output=True, text=True, check=True).stdout
    return meaning(made) == meaning(expected), made, expected, unknown


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder')
    parser.add_argument('--list', action='store_true', help='name the cases that fail')
    parser.add_argument('--show', help='both outputs of the case with this name')
    asked = parser.parse_args()
    names = sorted(os.path.join(root, file[:-5]) for root, _, files in os.walk(asked.folder) for file in files
                   if file.endswith('.text') and file[:-5] + '.html' in files)
    passed, failed = 0, []
    for name in names:
        short = os.path.relpath(name, asked.folder)
        if asked.show and asked.show != short:
            continue
        is_right, made, expected, unknown = run(name, asked.folder)
        passed += is_right
        if not is_right:
            failed.append((short, unknown))
        if asked.show:
            print(open(name + '.text').read(), '\n---- expected\n' + expected, '\n---- made\n' + made, unknown)
    print('%d of %d cases pass' % (passed, len(names)))
    if asked.list:
        for short, unknown in failed:
            print('  %s%s' % (short, ' (without option %s)' % ', '.join(unknown) if unknown else ''))
    return 0


if __name__ == '__main__':
    sys.exit(main())
