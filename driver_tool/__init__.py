"""The command line for authors of drivers: validate, try, record, replay, test."""


class ToolError(Exception):
    """A command cannot be carried out; the message is for the author."""
