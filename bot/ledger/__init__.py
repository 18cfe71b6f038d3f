"""Double-entry books and their storage: what happened, kept so that nothing is lost or doubled.

``bot.ledger.accounts`` and ``bot.ledger.books`` are pure; ``bot.ledger.db`` and
``bot.ledger.store`` do I/O and pull in SQLAlchemy, so they are imported where they are used.
"""
