"""Which status of an import may follow which. A mother's and a window's are computed, never stored: rules.status, rules.plan."""

from people.rules.transitions import Transitions

IMPORT_JOB = Transitions(
    {
        "waiting": {
            "running": "a worker takes it up",
            "failed": "it could not be taken up",
        },
        "running": {
            "done": "all of it is in, or all of it was tried",
            "refused": "there are problems",
            "failed": "something broke",
        },
        "done": {},
        "refused": {},
        "failed": {},
    }
)
