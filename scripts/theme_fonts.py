#!/usr/bin/env python3
"""Makes the fonts of the built-in theme, `src/theme/files/assets/theme/fonts/`, from Adobe's Source families and STIX.

Needs fonttools and brotli (pip), the unpacked packages @fontsource-variable/source-serif-4, source-sans-3 and
source-code-pro (npm) in the folders SERIF, SANS and MONO, and STIXMath-Regular.otf (Debian: fonts-stix) as MATH:

    scripts/theme_fonts.py SERIF SANS MONO MATH

A font has the characters of English only, so that a page stays small; `-latin1` and `-ext` have those of other languages
in Latin script, and a browser loads them where a page needs them; so it does `math`, with what formulas usually have, and
`math-more`, with the rest. Their licence reserves the name of the originals, so
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
MATH = """20-7E A0 AC B1 B7 D7 2C6 2DC 302-304 307 393-394 398 39B 3A3 3A6 3A9 3B1-3C9 3F5 2016 2026 2032 203E 20D7 210E 2113
    2190-2192 21A6 21D2 2200 2202-2203 2207-2208 220F 2211-2212 2217-2218 221A 221D-221E 2223 2225 2229-222B 223C 2248 2260-2261
    2264-2265 226A-226B 2282 2286 2295 2297 2299 22A4 22C5 22EE-22EF 22F1 2308-230B 27E8-27E9 1D434-1D467 1D6FC-1D71B"""
MATH_MORE = """F7 131 237 300-301 306 308 30A 30C 338 391-392 395-397 399-39A 39C-3A2 3A4-3A5 3A7-3A8 3D1 3D5-3D6 3F0-3F1 2020-2022
    2033-2034 20D6 2102 210B-210D 210F-2112 2115 2118-211D 2124 2130-2133 2193-219A 21AA 21BC-21BE 21C0 21C4 21CC 21D0-21D1
    21D3-21D5 2201 2204-2206 2209-220D 2210 2213-2216 2219 221F-2222 2224 2227-2228 222C-222D 2234-2235 2240 2243 2245 224D 2250
    2254 225C 2262 2266-2267 2270-2273 227A-227B 2283-2285 2287 228A 2293-2294 2296 2298 22A2-22A3 22A5 22A8 22C0-22C4 22C6 22F0
    23DE-23DF 25A1 25B3 25B7 25CB 27F5-27FA 2A00-2A02 2A7D-2A7E 1D400-1D433 1D468-1D4CF 1D504-1D56B 1D6A4-1D6FB"""


def characters(ranges):
    for part in ranges.split():
        first, _, last = part.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


def css(ranges):
    return ", ".join(f"U+{part}" for part in ranges.split())


def write(source, name, family, ranges, features, weights=None):
    made = io.BytesIO()
    font = TTFont(source, recalcTimestamp=False)
    (instancer.instantiateVariableFont(font, {"wght": weights}) if weights else font).save(made)
    # Glyphs that lost all their variations are left out only when the font is read again.
    font = TTFont(made, recalcTimestamp=False)
    options = subset.Options(flavor="woff2", hinting=False, layout_features=features, name_IDs=[0, 1, 2, 4, 6, 13, 14], drop_tables=["FFTM"])
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


def main(serif, sans, mono, math):
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
    write(math, "math", "Labpress Math", MATH, ["ssty"])
    write(math, "math-more", "Labpress Math", MATH_MORE, ["ssty"])


if __name__ == "__main__":
    main(*sys.argv[1:])
