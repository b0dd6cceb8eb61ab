"""The key of an environment's user, made anew: Snowflake's two slots, and SSM, tell at which step a rotation is.

At each moment the key in SSM is in one of the slots, so a run that starts then connects, and so does one that started
before. Whatever ends a rotation, the next one goes on from what it finds:

    SSM's key in one slot, the other is free      a new key goes into the free one, is tried, then goes to SSM
    the same, and the other has the former key    nothing, until no run can hold the former one; then it may go
    the same, and the other has a key that a      it was never in SSM, so nobody can hold it: a new key takes its place
      rotation has put and SSM never had
    SSM's key in no slot                          it goes into a free one: flows fail until then
    no key in SSM                                 the first one is made, tried and written
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scripts.shared.key_pair import fingerprint, new_key_pair
from scripts.shared.refusal import Refusal
from scripts.warehouse.login import Row
from scripts.warehouse.slots import SLOTS, Slots, read_slots, set_key, unset_key

# From when a key is written to SSM until every task that starts gets it. Tasks read their secrets before they run.
SETTLING = timedelta(minutes=5)


@dataclass(frozen=True)
class Stored:
    """A private key that is or was in SSM, by its public half, and when it was written there."""

    public: str
    written: datetime

    @property
    def fingerprint(self) -> str:
        """As DESC USER shows it."""
        return fingerprint(self.public)


@dataclass(frozen=True)
class Rotation:
    """What a rotation asks and does. `ask` runs a statement as an administrator; `stored` gives the keys that SSM has
    had, the latest first; `write` makes a private key SSM's; `connects` raises Refusal unless the user gets in with the
    private key (none: SSM's); `holders` gives how many tasks may have read SSM before a moment and still run; `longest`
    is how long a run may take.
    """

    user: str
    ask: Callable[[str], list[Row]]
    stored: Callable[[], list[Stored]]
    write: Callable[[str], None]
    connects: Callable[[str | None], None]
    holders: Callable[[datetime], int]
    longest: timedelta
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def rotate(self) -> Iterator[str]:
        """Do what comes next; yields a line for each step that is done.

        Raises:
            Refusal: a step failed, or somebody else changes the keys. The key in SSM is as good as it was.
        """
        slots, stored = read_slots(self.user, self.ask), self.stored()
        held = slots.slot_of(stored[0].fingerprint) if stored else ""
        if stored and not held:
            slot = self._free_slot(slots, stored)
            self.ask(set_key(self.user, slot, stored[0].public, stored[0].fingerprint))
            yield f"{slot}: put {stored[0].fingerprint}, the key in SSM, which was in neither slot."
            self.connects(None)
            yield "The user connects with it."
            return
        if stored and (former := self._former(slots, stored)) and self.now() < (until := self._until(stored)):
            yield f"{held} holds {stored[0].fingerprint}, in SSM since {_minute(stored[0].written)}."
            yield f"{former} holds the former key, as runs may until {_minute(until)}; FINISH=1 ends it. No change."
            return
        slot = self._free_slot(slots, stored)
        private, public = new_key_pair()
        new = fingerprint(public)
        self.ask(set_key(self.user, slot, public, new))
        yield f"{slot}: put {new}, a new key."
        self.connects(private)
        yield "The user connects with it."
        self._require_unchanged(slot, new, stored)
        self.write(private)
        if read_slots(self.user, self.ask).keys[slot] != new:  # By somebody who had looked before that.
            self.ask(set_key(self.user, slot, public, new))
        yield "It is written to SSM. Tasks read it when they start."
        if stored:
            yield f"{held} holds the former key, {stored[0].fingerprint}, for runs under way. FINISH=1 ends it."

    def finish(self) -> Iterator[str]:
        """End the former key, if nothing can hold it any more; yields what was done.

        Raises:
            Refusal: a run may hold it, or what the slot holds is nobody's that is known; exit code 1.
        """
        slots, stored = read_slots(self.user, self.ask), self.stored()
        held = slots.slot_of(stored[0].fingerprint) if stored else ""
        if not held:
            raise Refusal(
                "The key in SSM is in neither slot; expected it in one: `make rotate-key` without FINISH=1.", 1
            )
        [other] = [slot for slot in SLOTS if slot != held]
        if not slots.keys[other]:
            yield f"{other} is empty; {held} holds {stored[0].fingerprint}, the key in SSM. Nothing was changed."
            return
        if self._former(slots, stored):
            self._require_nobody_holds_it(stored)
        else:
            self._require_own(slots, other)
        self.connects(None)  # Before the other way in is closed.
        self.ask(unset_key(self.user, other))
        yield f"{other}: took out {slots.keys[other]}. {held} holds {stored[0].fingerprint}, the key in SSM."

    def _former(self, slots: Slots, stored: list[Stored]) -> str:
        """The slot with a key that was in SSM before; empty if neither has one."""
        return next(
            filter(None, (slots.slot_of(each.fingerprint) for each in stored[1:] if each.public != stored[0].public)),
            "",
        )

    def _until(self, stored: list[Stored]) -> datetime:
        return stored[0].written + SETTLING + self.longest

    def _free_slot(self, slots: Slots, stored: list[Stored]) -> str:
        """The slot for a key: an empty one, else one whose key nobody can hold, else that of a former key."""
        held = slots.slot_of(stored[0].fingerprint) if stored else ""
        others = {slot: key for slot, key in slots.keys.items() if slot != held}
        known = [each.fingerprint for each in stored]
        # The mark names one key only, so a key that has it goes first.
        never_stored = [slots.begun] if slots.begun not in known else []
        for free in (*filter(None, never_stored), "", *known):
            if slot := next((slot for slot, key in others.items() if key == free), ""):
                return slot
        self._require_own(slots, next(iter(others)))
        raise AssertionError("A slot with a rotation's own key was found above.")

    def _require_own(self, slots: Slots, slot: str) -> None:
        if slots.keys[slot] != slots.begun:
            raise Refusal(
                f"{slot} of user {self.user} holds {slots.keys[slot]}, which was never in SSM and no rotation has put "
                f"there; expected it empty. If nobody uses that key: {unset_key(self.user, slot)};", 1
            )  # fmt: skip

    def _require_nobody_holds_it(self, stored: list[Stored]) -> None:
        if self.now() >= (until := self._until(stored)):
            return
        since = stored[0].written + SETTLING
        count = self.holders(since)
        if count or self.now() < since:
            what = f"{count} task{'' if count == 1 else 's'} that started" if count else "tasks that start"
            raise Refusal(
                f"The former key may be in use by {what} before {_minute(since)}; expected none: run it again when "
                f"they have ended, at the latest {_minute(until)}.", 1
            )  # fmt: skip

    def _require_unchanged(self, slot: str, new: str, stored: list[Stored]) -> None:
        """Another rotation at the same time would put its own key into the same slot."""
        if read_slots(self.user, self.ask).keys[slot] != new or self.stored()[:1] != stored[:1]:
            raise Refusal("Somebody else changes the keys of this user now; SSM is unchanged: run it again later.", 1)


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
