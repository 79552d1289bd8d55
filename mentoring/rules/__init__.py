"""Plain Python that decides: dates in, decisions out; it never touches a row, a request or a clock."""
