#!/usr/bin/env python3
"""Makes the fonts of the built-in theme, `src/theme/files/assets/theme/fonts/`, from Adobe's Source families.

Needs fonttools and brotli (pip), and the unpacked packages @fontsource-variable/source-serif-4, source-sans-3 and
source-code-pro (npm) in the folders SERIF, SANS and MONO:

    scripts/theme_fonts.py SERIF SANS MONO

A font has the characters of English only, so that a page stays small; `-latin1` and `-ext` have those of other languages
in Latin script, and a browser loads them where a page needs them. Their licence reserves the name of the originals, so
the subsets have names of their own.
"""

import io
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

OUT = Path(__file__).parent.parent / "src/theme/files/assets/theme/fonts"
COMMON = "20-7E A0 2013-2014 2018-2019 201C-201D 2026"
TEXT = COMMON + " A7 A9 B0 B1 B5 B7 D7 2010-2012 2022 2190-2193 2212"
CODE = COMMON + " B7 2190 2192 2500 2502 2514 251C"
LATIN1 = "A1-A6 A8 AA-AF B2-B4 B6 B8-D6 D8-FF 131 152-153 201A 201E 2020-2021 2030 2039 203A 20AC 2122 2215"
EXT = "100-130 132-151 154-17F 218-21B 1E9E"


def characters(ranges):
    for part in ranges.split():
        first, _, last = part.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


def write(source, name, family, ranges, features, weights):
    made = io.BytesIO()
    instancer.instantiateVariableFont(TTFont(source), {"wght": weights}).save(made)
    # Glyphs that lost all their variations are left out only when the font is read again.
    font = TTFont(made)
    options = subset.Options(flavor="woff2", hinting=False, layout_features=features, name_IDs=[0, 1, 2, 4, 6, 13, 14])
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters(ranges))
    subsetter.subset(font)
    for record in font["name"].names:
        if record.nameID in (1, 4):
            record.string = family
        if record.nameID == 6:
            record.string = family.replace(" ", "")
    font.flavor = "woff2"
    font.save(OUT / f"{name}.woff2")
    print(f"{(OUT / f'{name}.woff2').stat().st_size:6} {name}.woff2")


def main(serif, sans, mono):
    def file(folder, script, style="normal"):
        (found,) = Path(folder).glob(f"**/*-{script}-wght-{style}.woff2")
        return found

    def family(folder, name, title, style, ranges, features, weights):
        write(file(folder, "latin", style), name, title, ranges, features, weights)
        write(file(folder, "latin", style), f"{name}-latin1", title, LATIN1, features, weights)
        write(file(folder, "latin-ext", style), f"{name}-ext", title, EXT, features, weights)

    family(serif, "serif", "Labpress Serif", "normal", TEXT, ["kern", "liga"], (400, 600))
    family(serif, "serif-italic", "Labpress Serif", "italic", COMMON, [], 400)
    family(sans, "sans", "Labpress Sans", "normal", TEXT, ["tnum"], (400, 600))
    write(file(mono, "latin"), "mono", "Labpress Mono", CODE, [], 425)


if __name__ == "__main__":
    main(*sys.argv[1:])
