"""The mentoring programme: mothers, lay-workers, plans and contacts; it never knows that a trial exists."""
