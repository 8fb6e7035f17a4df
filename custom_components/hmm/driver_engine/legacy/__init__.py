"""Runs drivers that were written for HMM-Local, unmodified.

Nothing outside this package knows that HMM-Local ever existed, but for the steps that
import from a running one: its drivers come out as classes of ``driver_api``.
"""
