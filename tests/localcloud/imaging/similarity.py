"""How alike two pictures are: the structural similarity of Wang and others, 2004."""

import cv2
import numpy as np


def ssim(one, other):
    """The mean over all places and channels, 1 for equal pictures.

    Arrays of uint8 and one shape; a Gaussian window of 11x11 with a deviation of 1.5, and only
    places where it lies inside of the picture.
    """
    assert one.shape == other.shape, (one.shape, other.shape)
    x, y = one.astype(np.float64), other.astype(np.float64)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_x, mean_y = _window(x), _window(y)
    variance_x = _window(x * x) - mean_x**2
    variance_y = _window(y * y) - mean_y**2
    covariance = _window(x * y) - mean_x * mean_y
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below = (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float((above / below)[5:-5, 5:-5].mean())


def _window(array):
    return cv2.GaussianBlur(array, (11, 11), 1.5)
