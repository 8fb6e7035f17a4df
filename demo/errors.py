"""What ends the demo with one message."""


class DemoError(Exception):
    """Something went wrong; the text says what happened and what to do."""
