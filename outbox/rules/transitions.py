"""Which status of a message may follow which (quality.md, Delivery; domain.md section 7)."""

from people.rules.transitions import Transitions

MESSAGE = Transitions(
    {
        "queued": {
            "claimed": "a worker leases it",
            "held": "it waits for a person's word",
            "cancelled": "it is wanted no more",
            "expired": "its use is over",
            "sent": "the carrier says that it had it after all",
        },
        "held": {
            "queued": "it may go",
            "cancelled": "it is wanted no more",
            "expired": "its use is over",
        },
        "claimed": {
            "handing_over": "it is about to go",
            "queued": "its worker died",
            "cancelled": "it is wanted no more",
            "sent": "the carrier says that it had it after all",
        },
        "handing_over": {
            "sent": "the carrier took it",
            "queued": "the carrier is away, or never had it",
            "cancelled": "asked again, it is wanted no more",
            "expired": "asked again, its use is over",
            "failed": "the carrier refused it, or it was tried too often",
            "needs_a_person": "nobody can know whether it went",
        },
        "sent": {"delivered": "the carrier says it arrived", "failed": "the carrier says it did not arrive"},
        "needs_a_person": {
            "queued": "a person sends it again",
            "sent": "the carrier says that it had it after all",
            "cancelled": "a person dismisses it",
        },
        "failed": {
            "queued": "a person sends it again",
            "delivered": "the carrier says it arrived after all",
            "cancelled": "a person dismisses it",
        },
        "delivered": {},
        "cancelled": {},
        "expired": {},
    }
)

# Those that a change of plan or a loss takes out; one in a carrier's hands is asked again there before it goes.
WAITING = ("queued", "held", "claimed")
# Those that a person may send again or dismiss.
STUCK = ("needs_a_person", "failed")
# Those that a worker holds.
LEASED = ("claimed", "handing_over")
