"""Open sessions, ended when the right to have them ends or may have been somebody else's. Starts none."""

from allauth.usersessions.models import UserSession

from people.models import User


def end_all(*, user: User, but_for: str | None = None) -> int:
    """No session of ``user`` is open but the one with key ``but_for``. Returns how many ended."""
    ended = 0
    for session in UserSession.objects.filter(user_id=user.pk).exclude(session_key=but_for or ""):
        session.end()
        ended += 1
    return ended
