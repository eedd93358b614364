"""Prints the bytes that Pillow makes of the pattern in src/data/resize.rs. Needs numpy and Pillow."""

import numpy
from PIL import Image


def pattern(rows, columns):
    place = numpy.arange(rows * columns)
    pixels = (place // columns * 37 + place % columns * 101 + place * place % 7 * 29) % 256
    return pixels.reshape(rows, columns).astype(numpy.uint8)


for name, (rows, columns), (to_rows, to_columns) in [("SHRUNK", (7, 5), (3, 2)), ("GROWN", (2, 3), (4, 5))]:
    for ending, filter in [("", Image.Resampling.BILINEAR), ("_BICUBIC", Image.Resampling.BICUBIC)]:
        image = Image.fromarray(pattern(rows, columns)).resize((to_columns, to_rows), filter)
        numbers = numpy.asarray(image).flatten().tolist()
        print(f"    const {name}{ending}: [u8; {len(numbers)}] = {numbers};")
