"""Fitting and judging the parameters of fair value: on rows of weekends, on nights, on tapes."""
