"""What ends a command with a message instead of a traceback."""


class ToolError(Exception):
    """A command cannot be carried out; the message is for the author."""
