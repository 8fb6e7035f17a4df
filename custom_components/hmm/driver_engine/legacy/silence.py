"""Keeps what drivers of HMM-Local log out of the log: wallets and keys are in it."""

import logging
from types import ModuleType
from typing import override


def silence(module: ModuleType) -> None:
    """Hush the loggers of a module.

    They come back for who sets a level for the loggers of drivers by their name.
    """
    for value in vars(module).values():
        if isinstance(value, logging.Logger) and value.name == module.__name__:
            value.addFilter(_OnlyWhenAsked())


class _OnlyWhenAsked(logging.Filter):
    @override
    def filter(self, record: logging.LogRecord) -> bool:
        above = logging.getLogger(record.name.partition(".")[0])
        return above.level != logging.NOTSET
