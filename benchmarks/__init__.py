"""How fast it is, always beside a rival in the same run: ``script/bench``. Never imported by the application."""
