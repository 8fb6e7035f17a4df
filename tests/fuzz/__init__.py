"""Feeds every parser with answers that no device or pool should ever give.

    .venv/bin/python -m tests.fuzz                                  all families
    .venv/bin/python -m tests.fuzz --family axeos --inputs 100000
    .venv/bin/python -m tests.fuzz --cost                           worst inputs, timed

Answers of simulators and captured ones are changed, seeded, and go through the drivers
and the sensors without a socket. Counted is what escapes: an exception that is not a
``DriverError``, a bug of a driver, a value outside its range, a state that Home
Assistant refuses, an input that takes too long.
"""
