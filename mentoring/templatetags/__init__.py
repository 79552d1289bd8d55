"""Template tags of the programme: pictures drawn on the server. They never read the database."""
