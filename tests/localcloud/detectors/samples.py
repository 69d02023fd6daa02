"""Files for the detectors' tests, made on the spot."""

import io

import numpy as np
import zxingcpp
from PIL import Image, ImageDraw

from localcloud.imaging import fonts


def page(*lines, size=(760, 240), ink="black", ground="white", text_size=32):
    """A picture with lines of text, 70 px apart."""
    image = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        draw.text((30, 30 + row * 70), line, font=fonts.find(line, text_size), fill=ink)
    return image


def qr(text, side=240, kind=None):
    """A QR code, or another kind of code, as a picture."""
    code = zxingcpp.create_barcode(text, kind or zxingcpp.BarcodeFormat.QRCode)
    pixels = np.asarray(zxingcpp.write_barcode_to_image(code, scale=5))
    return Image.fromarray(pixels).convert("RGB").resize((side, side), Image.Resampling.NEAREST)


def encoded(image, form="PNG", **choices):
    file = io.BytesIO()
    image.save(file, form, **choices)
    return file.getvalue()


def animation(images, form="GIF"):
    return encoded(
        images[0],
        form,
        save_all=True,
        append_images=images[1:],
        duration=100,
        loop=0,
        lossless=True,
    )
