"""Pictures made for the tests: their right result is known without looking."""

import io

from PIL import Image

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 30), (30, 30, 220), (250, 250, 250)


def quadrants(width, height, mode="RGB"):
    """Red, green / blue, white."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(GREEN, (width // 2, 0, width, height))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    image.paste(WHITE, (width // 2, height // 2, width, height))
    return image.convert(mode)


def encoded(image, format="JPEG", **options):
    output = io.BytesIO()
    if format == "JPEG":
        options.setdefault("quality", 95)
    image.save(output, format, **options)
    return output.getvalue()


def photo(width, height, format="JPEG", **options):
    return encoded(quadrants(width, height), format, **options)


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def near(one, other, tolerance=30):
    """Whether two colours look alike."""
    return all(abs(a - b) <= tolerance for a, b in zip(one[:3], other[:3], strict=True))


def corners(image):
    """The colours well inside the four corners: top left, top right, bottom left, bottom right."""
    width, height = image.size
    rgb = image.convert("RGB")
    x, y = max(1, width // 10), max(1, height // 10)
    places = ((x, y), (width - 1 - x, y), (x, height - 1 - y), (width - 1 - x, height - 1 - y))
    return [rgb.getpixel(place) for place in places]


def animation(format, durations, size=(60, 40), loop=0):
    """Frames of rising brightness."""
    colors = [((20 + 25 * n) % 256, 3 * n % 256, 20) for n in range(len(durations))]
    frames = [Image.new("RGB", size, color) for color in colors]
    options = {} if loop is None else {"loop": loop}
    return encoded(
        frames[0], format, save_all=True, append_images=frames[1:], duration=durations, **options
    )
