"""What the miners should do: pure functions of time, inputs, settings and memory.

Nothing here knows Home Assistant, reads a clock or talks to a device. ``decide`` of a
type turns ``Inputs`` and its own memory into a ``Decision``; ``precedence.settle`` turns
the decisions of all strategies into at most one command per miner.
"""
