"""hpsearch finds the best fully connected or convolutional network that fits a weight budget."""

from hpsearch.version import __version__

__all__ = ["__version__"]
