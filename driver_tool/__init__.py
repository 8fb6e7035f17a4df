"""The command line for authors of drivers: validate, try, record, replay, test."""
