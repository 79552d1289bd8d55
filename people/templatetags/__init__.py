"""Template tags of the lowest app: how values become NHS.UK components. They never read the database."""
