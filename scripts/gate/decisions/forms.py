"""The forms that say what a value may be, as the decision tables write them.

true, 5, "{title}-*"            this value; names in braces are facts of the plan, * is any text without a space
[a, b]                          one of these
absent                          null, empty or not there
unset                           not set by our code: whatever AWS or the provider makes of it
{min: 1, max: 9}                a number, or a text of digits, within bounds
{given: alerts.email}           what the environment's tfvars say there, or `default`
{from: aws_vpc.id}              unknown until apply, and made from this attribute of a resource of this plan
{words: "a b"}                  a list of words, joined by spaces
{document: …}                   JSON or YAML text, or a block: exactly these keys, each in one of these forms
{each: [{…}, …]}                a list; the first entry whose first key fits an item says the item's other keys
{rule: …}, {harmless: …}        inside a document: judged elsewhere, or without harm
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from scripts.gate.reading.documents import load_json
from scripts.gate.reading.facts import facts
from scripts.gate.reading.plan import UNKNOWN, Plan

EMPTY: tuple[Any, ...] = (None, "", [], {})
ABSENT, UNSET = "absent", "unset"
Fits = Callable[[Any], bool]
Shape = Callable[[Any], str]  # Where a value differs, without any part of it; empty if it does not.


def is_absent(value: Any) -> bool:
    """Null, empty or not there. False and 0 are values."""
    return value is None or (isinstance(value, str | list | dict) and not value)


@dataclass(frozen=True)
class Form:
    """What a value may be. `fits` judges one that is known; None stands for an absent one.

    `unset`: it may also be what AWS makes of it. `sources`: what an unknown one may come from, `aws_vpc.id`. `whole`: a
    list is judged as a whole, not item by item. `differs` says where a document differs: it may hold a secret, so it is
    never shown.
    """

    fits: Fits
    text: str
    unset: bool = False
    sources: tuple[str, ...] = ()
    whole: bool = False
    differs: Shape | None = None


SIMPLE = {ABSENT: Form(is_absent, "nothing"), UNSET: Form(is_absent, "nothing set", unset=True)}


class FormError(ValueError):
    """A form that no table may hold."""


class Forms:
    """Makes forms for one plan: with its facts and what its environment's file says."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.facts = facts(plan)

    def form(self, told: Any) -> Form:
        """The form of what a table says.

        Raises:
            FormError: it says something that is none of the forms.
        """
        if isinstance(told, list):
            return _any_of([self.form(one) for one in told])
        if isinstance(told, dict):
            return self._special(told)
        if isinstance(told, str):
            return SIMPLE.get(told) or self._text(told)
        return Form(lambda value: type(value) is type(told) and value == told, json.dumps(told))

    def _text(self, told: str) -> Form:
        try:
            filled = told.format(**self.facts)
        except (KeyError, IndexError, ValueError):
            raise FormError(f'got "{told}"; expected names in braces among {", ".join(self.facts)}') from None
        if "*" not in filled:
            return Form(lambda value: not isinstance(value, list | dict) and _as_text(value) == filled, filled)
        pattern = re.compile(re.escape(filled).replace(r"\*", r"\S*"))
        return Form(lambda value: isinstance(value, str) and bool(pattern.fullmatch(value)), filled)

    def _special(self, told: dict[str, Any]) -> Form:
        keys = set(told)
        if keys == {"min", "max"}:
            return self._range(*(float(self._text(str(told[key])).text) for key in ("min", "max")))
        if keys in ({"given"}, {"given", "default"}):
            return self._given(told["given"], told.get("default"))
        if keys == {"from"}:
            sources = told["from"] if isinstance(told["from"], list) else [told["from"]]
            return Form(lambda _: False, f"from {' or '.join(sources)} of this plan", sources=tuple(sources))
        if keys == {"words"}:
            words = self.form(told["words"])
            joined: Fits = lambda value: isinstance(value, list) and words.fits(" ".join(map(str, value)))  # noqa: E731
            return Form(joined, words.text, whole=True)
        if keys in ({"document"}, {"each"}):
            shape = self._shape(told["document"]) if "document" in told else self._each(told["each"])
            differs: Shape = lambda value: shape(_read(value))  # noqa: E731
            return Form(lambda value: not differs(value), "as the table has it", whole=True, differs=differs)
        if keys in ({"rule"}, {"harmless"}):
            return Form(lambda _: True, "anything")
        raise FormError(f"got a form with {', '.join(sorted(map(str, keys)))}; expected one of those in forms.py")

    def _range(self, low: float, high: float) -> Form:
        def fits(value: Any) -> bool:
            if isinstance(value, str) and re.fullmatch(r"\d+", value):
                value = int(value)
            return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high

        return Form(fits, f"{low:g} to {high:g}")

    def _given(self, path: str, default: Any) -> Form:
        name, *inner = path.split(".")
        value = self.plan.setting(name)
        for step in inner:
            value = value.get(step) if isinstance(value, dict) else None
        given = default if value is None else value
        options = given if isinstance(given, list) else [given]
        shown = ", ".join(map(str, options)) if given not in EMPTY else "nothing"
        return Form(lambda one: given not in EMPTY and one in options, f"{shown} ({path} of the tfvars)")

    def _shape(self, told: Any) -> Shape:
        """How a value differs from this: of an object exactly these keys, of a list each item in any order."""
        if isinstance(told, dict) and not _is_special(told):
            return self._object(told)
        # In a document a list holds exactly these items, unless it is a choice.
        if isinstance(told, list) and not any(one in (ABSENT, UNSET) for one in told):
            return _items([self._shape(one) for one in told])
        form = self.form(told)
        return form.differs or (lambda value: "" if form.fits(value) else f", which should be {form.text}")

    def _object(self, told: dict[str, Any]) -> Shape:
        shapes = {key: self._shape(one) for key, one in told.items()}

        def differs(value: Any) -> str:
            if not isinstance(value, dict):
                return ", which should be an object"
            # In an applied block the provider writes what nobody set as 0, false or empty.
            if extra := [key for key, one in value.items() if one and key not in shapes]:
                return f".{extra[0]}, which should not be there"
            found = ((key, shape(value.get(key))) for key, shape in shapes.items())
            return next((f".{key}{how}" for key, how in found if how), "")

        return differs

    def _each(self, told: list[dict[str, Any]]) -> Shape:
        choices = [(next(iter(one)), self.form(next(iter(one.values()))).fits, self._object(one)) for one in told]

        def differs(value: Any) -> str:
            items = [] if value is None else value
            if not isinstance(items, list):
                return ", which should be a list"
            return next((f"[{number}]{how}" for number, item in enumerate(items) if (how := of(item))), "")

        def of(item: Any) -> str:
            if not isinstance(item, dict):
                return ", which should be an object"
            known = (whole(item) for key, chosen, whole in choices if chosen(item.get(key)))
            return next(known, f", which should have another {choices[0][0]}")

        return differs


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _any_of(forms: list[Form]) -> Form:
    fits = [form.fits for form in forms]
    return Form(
        fits=lambda value: any(one(value) for one in fits),
        text=" or ".join(form.text for form in forms),
        unset=any(form.unset for form in forms),
        sources=tuple(source for form in forms for source in form.sources),
        whole=any(form.whole for form in forms),
        differs=next((form.differs for form in forms if form.differs), None),
    )


def _items(shapes: list[Shape]) -> Shape:
    """As many items as shapes, each of another shape; sets have no order in a plan."""

    def differs(value: Any) -> str:
        if not isinstance(value, list) or len(value) != len(shapes):
            count = len(value) if isinstance(value, list) else "no list"
            return f" with {count} items, which should be {len(shapes)}"
        waiting = list(shapes)
        for number, item in enumerate(value):
            found = next((shape for shape in waiting if not shape(item)), None)
            if found is None:
                return f"[{number}]{waiting[0](item)}"
            waiting.remove(found)
        return ""

    return differs


def _read(value: Any) -> Any:
    """Text as the JSON or YAML that it is; UNKNOWN, which fits no shape, if it is neither."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith(("{", "[")):
        try:
            return load_json(value)
        except ValueError:
            return UNKNOWN
    try:
        return yaml.load(value, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe.
    except yaml.YAMLError:
        return UNKNOWN


def _is_special(told: dict[str, Any]) -> bool:
    single = {"given", "from", "words", "document", "each", "rule", "harmless"}
    return set(told) in ({"min", "max"}, {"given", "default"}) or (len(told) == 1 and set(told) <= single)
