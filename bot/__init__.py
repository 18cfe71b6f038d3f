"""pegbot: watches the price of tokenized US stocks against the shares they stand for."""

__version__ = "0.1.0"
