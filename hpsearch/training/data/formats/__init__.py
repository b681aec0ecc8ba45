"""The forms that people's images lie in: a module a form, with `recognizes` and `read`; choice.py asks them all."""
