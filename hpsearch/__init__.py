"""hpsearch finds the best fully connected or convolutional network that fits a weight budget."""

__version__ = "0.1.0"
