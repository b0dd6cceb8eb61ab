"""An architecture as one SVG: the VPC on the left, what tasks reach on the right, an arrow for each permission."""

from collections.abc import Collection, Iterator
from html import escape

from scripts.gate.report.architecture import Architecture, Arrow, Box

WIDTH = 1180
VPC_LEFT, VPC_WIDTH = 16, 440
CARD_LEFT, CARD_WIDTH = 820, WIDTH - 820 - 16
INNER_LEFT, INNER_WIDTH = VPC_LEFT + 100, VPC_WIDTH - 200
TOP = 92
ROW = 30  # Between two arrows that end at one box.
LINE = 17  # Between two lines of text.
LABEL = 44  # Characters that fit between the VPC and the boxes.
COLOURS = {"task": ("--first", "--second"), "fargate": ("--third",)}
HEAD = "M0 0 L8 4 L0 8 z"


def draw(architecture: Architecture, opened: Collection[str] = ()) -> str:
    """The SVG element, with classes that the page's style colours. Boxes named in `opened` are red."""
    colours = dict(_coloured(architecture.inside))
    subnets = TOP + 34
    public_height, inner_top = 58, subnets + 58 + 44
    ends = {id(box): sum(arrow.target is box for arrow in architecture.arrows) for box in architecture.services}
    cards, right_bottom = _stacked(architecture.services, TOP, gap=14, least=ROW, ends=ends)
    _, bottom = _stacked(architecture.inside, inner_top, gap=46, least=0, ends={})
    # The boxes inside the VPC spread over the height of the column beside it.
    gap = 46 + max(0, right_bottom - 40 - bottom) / max(len(architecture.inside), 1)
    inner, bottom = _stacked(architecture.inside, inner_top, gap=gap, least=0, ends={})
    bottom = max(bottom - gap + 56, right_bottom - 14)
    height = bottom + 30
    parts = [
        f'<svg class="picture" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="picture-title">',
        "<title id='picture-title'>What this plan builds, drawn from the plan</title>",
        "<defs>",
        *(_head(name) for name in ("--first", "--second", "--third", "--soft")),
        "</defs>",
        f'<rect class="vpc" x="{VPC_LEFT}" y="{TOP}" width="{VPC_WIDTH}" height="{bottom - TOP}" rx="14"/>',
        _text(VPC_LEFT + 14, TOP + 22, architecture.vpc, "name"),
    ]
    parts += _zones(architecture, subnets, public_height, bottom)
    parts += _way_out(architecture, inner_top)
    parts += _arrows(architecture, inner, cards, colours)
    for box, (y, box_height) in _pairs(architecture.inside, inner):
        parts += _card(box, INNER_LEFT, y, INNER_WIDTH, box_height, _red(box, opened) or colours.get(id(box), "--soft"))
    for box, (y, box_height) in _pairs(architecture.services, cards):
        parts += _card(box, CARD_LEFT, y, CARD_WIDTH, box_height, _red(box, opened) or "--line")
    return "\n".join([*parts, "</svg>"])


def _red(box: Box, opened: Collection[str]) -> str:
    return "--bad" if any(name in opened for name in (box.title, *box.names, *box.lines[:1])) else ""


Place = tuple[float, float]


def _coloured(boxes: list[Box]) -> Iterator[tuple[int, str]]:
    used: dict[str, int] = {}
    for box in boxes:
        choices = COLOURS.get(box.kind, ("--soft",))
        yield id(box), choices[used.get(box.kind, 0) % len(choices)]
        used[box.kind] = used.get(box.kind, 0) + 1


def _stacked(
    boxes: list[Box], top: float, *, gap: float, least: int, ends: dict[int, int]
) -> tuple[dict[int, Place], float]:
    """Where each box of a column stands: (y, height) by box, and where the column ends."""
    found: dict[int, Place] = {}
    y = top
    for box in boxes:
        text = 30 + LINE * len(box.lines)
        height = max(text, least * ends.get(id(box), 0) + 16)
        found[id(box)] = (y, height)
        y += height + gap
    return found, y


def _pairs(boxes: list[Box], places: dict[int, Place]) -> Iterator[tuple[Box, Place]]:
    return ((box, places[id(box)]) for box in boxes)


def _zones(architecture: Architecture, top: float, public_height: float, bottom: float) -> Iterator[str]:
    """A column for each availability zone: its public subnet with the NAT gateway, below it the private one."""
    width = (VPC_WIDTH - 28 - 8 * (len(architecture.zones) - 1)) / max(len(architecture.zones), 1)
    for number, zone in enumerate(architecture.zones):
        x = VPC_LEFT + 14 + number * (width + 8)
        for kind, y, height in (("public", top, public_height), ("private", top + public_height + 10, 0.0)):
            of_kind = [(cidr, nat) for one, cidr, nat in zone.subnets if one == kind]
            if not of_kind:
                continue
            height = height or bottom - y - 12
            yield f'<rect class="subnet {kind}" x="{x:.0f}" y="{y}" width="{width:.0f}" height="{height}" rx="8"/>'
            cidr = _short(", ".join(cidr for cidr, _ in of_kind), width / 6.4)
            yield _text(x + 8, y + 17, f"{kind} {cidr}", "small")
            if any(nat for _, nat in of_kind):
                yield f'<rect class="nat" x="{x + 8:.0f}" y="{y + 26}" width="44" height="22" rx="11"/>'
                yield _text(x + 30, y + 41, "NAT", "small middle")
            if kind == "private":
                yield _text(x + 8, y + height - 10, zone.name, "small")


def _way_out(architecture: Architecture, inner_top: float) -> Iterator[str]:
    """Up through NAT and the internet gateway to what lies outside."""
    x = VPC_LEFT + VPC_WIDTH - 46
    yield f'<rect class="box" x="{VPC_LEFT}" y="10" width="{VPC_WIDTH}" height="38" rx="19"/>'
    yield _text(VPC_LEFT + VPC_WIDTH / 2, 34, f"Internet: {_short(architecture.outside, 44)}", "middle")
    if architecture.has_gateway:
        yield f'<path class="arrow" stroke="var(--soft)" marker-end="url(#head--soft)" d="M{x} {inner_top - 12} V52"/>'
        ports = ", ".join(architecture.ports) or "nothing"
        by = "NAT, then the internet gateway" if architecture.has_nat else "the internet gateway"
        yield _text(x - 8, 72, f"out: TCP {ports} by {by}", "label end")
        yield _text(x - 8, 86, _way_in(architecture.ingress), "label end")
    for number, name in enumerate(architecture.endpoints[:4]):
        y = TOP + 22 + number * 20
        yield _text(VPC_LEFT + VPC_WIDTH + 12, y, f"endpoint {name}", "label")
        yield f'<circle class="endpoint" cx="{VPC_LEFT + VPC_WIDTH}" cy="{y - 4}" r="6"/>'


def _way_in(rules: int) -> str:
    return f"in: {rules} rule{'' if rules == 1 else 's'}" if rules else "in: nothing"


def _arrows(
    architecture: Architecture, inner: dict[int, Place], cards: dict[int, Place], colours: dict[int, str]
) -> Iterator[str]:
    seen: dict[int, int] = {}
    for arrow in sorted(architecture.arrows, key=lambda arrow: inner[id(arrow.source)]):
        colour = colours.get(id(arrow.source), "--soft")
        start_y = inner[id(arrow.source)][0] + inner[id(arrow.source)][1] / 2
        if id(arrow.target) in inner:
            yield from _down(arrow, inner, colour)
            continue
        y, height = cards[id(arrow.target)]
        number = seen[id(arrow.target)] = seen.get(id(arrow.target), 0) + 1
        count = sum(one.target is arrow.target for one in architecture.arrows)
        end_y = y + height / 2 + (number - (count + 1) / 2) * ROW + 8
        start_x, end_x = INNER_LEFT + INNER_WIDTH, CARD_LEFT - 6
        bend = VPC_LEFT + VPC_WIDTH + 60
        path = (
            f"M{start_x} {start_y:.0f} C{bend} {start_y:.0f} {bend - 60} {end_y:.0f} {bend + 40} {end_y:.0f} H{end_x}"
        )
        yield _line(path, colour, arrow)
        yield _text(end_x - 8, end_y - 5, _label(arrow), "label end")


def _down(arrow: Arrow, inner: dict[int, Place], colour: str) -> Iterator[str]:
    """From the agent to the flow runs that it starts, along the left side."""
    (y, height), (end, end_height) = inner[id(arrow.source)], inner[id(arrow.target)]
    x = INNER_LEFT + 20
    path = f"M{x} {y + height:.0f} V{end - 3:.0f}" if end > y else f"M{x} {y:.0f} V{end + end_height + 3:.0f}"
    yield _line(path, colour, arrow)
    yield _text(x + 10, (y + height + end) / 2 + 4, _label(arrow), "label")


def _line(path: str, colour: str, arrow: Arrow) -> str:
    every = escape(f"{arrow.source.title}: {', '.join(arrow.actions)}")
    return (
        f'<path class="arrow" stroke="var({colour})" marker-end="url(#head{colour})" d="{path}">'
        f"<title>{every}</title></path>"
    )


def _label(arrow: Arrow) -> str:
    """As many actions as fit; the tooltip of the line has them all."""
    shown: list[str] = []
    for action in arrow.actions:
        rest = len(arrow.actions) - len(shown)
        more = f" and {rest} more" if rest > 1 else ""
        if shown and len(f"{arrow.by}: {', '.join([*shown, action])}{more}") > LABEL:
            return f"{arrow.by}: {', '.join(shown)} and {rest} more"
        shown.append(action)
    return f"{arrow.by}: {', '.join(shown)}"


def _card(box: Box, x: float, y: float, width: float, height: float, colour: str) -> Iterator[str]:
    yield (
        f'<rect class="box" style="stroke: var({colour})" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" rx="8"/>'
    )
    yield _text(x + 12, y + 21, _short(box.title, width / 8), "name")
    for number, line in enumerate(box.lines, start=1):
        yield _text(x + 12, y + 21 + number * LINE, _short(line, width / 6.6), "small")


def _head(colour: str) -> str:
    return (
        f'<marker id="head{colour}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="{HEAD}" fill="var({colour})"/></marker>'
    )


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}">{escape(words)}</text>'


def _short(words: str, most: float) -> str:
    return words if len(words) <= most else f"{words[: int(most) - 1]}…"
