"""What fits: networks, their layers and what they take of a budget and of a device."""
