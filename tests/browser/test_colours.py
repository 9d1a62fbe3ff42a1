"""Text can be read on its ground in both colour schemes: WCAG AA, computed from the style sheet."""

import re
from pathlib import Path

import pytest

STYLE = (Path(__file__).parents[2] / "templates/static/myapp.css").read_text()
ON_GROUNDS = [
    *((text, ground) for text in ("text", "text-soft") for ground in ("ground", "surface", "raised", "calm-ground")),
    *((text, ground) for text in ("accent", "good", "bad") for ground in ("ground", "surface")),
    *((text, f"{text}-ground") for text in ("good", "warn", "bad", "accent")),
    *(("text", f"{kind}-ground") for kind in ("good", "warn", "bad", "accent")),
    ("text-soft", "accent-ground"),
    ("text", "line"),
    ("accent", "bad-ground"),
    ("accent-text", "accent"),
    ("accent-text", "accent-strong"),
]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(scheme: int) -> None:
    colours = colours_of(scheme)
    contrasts = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in ON_GROUNDS}
    assert {pair: round(ratio, 2) for pair, ratio in contrasts.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_fields_and_focus_stand_out_from_their_ground(scheme: int) -> None:
    colours = colours_of(scheme)
    for ground in ("surface", "ground"):
        assert contrast(colours["field-line"], colours[ground]) >= 3
        assert contrast(colours["accent"], colours[ground]) >= 3


def colours_of(scheme: int) -> dict[str, str]:
    """Return the colours by name: those of the first `:root` (light), or of the second (dark)."""
    roots = re.findall(r":root \{(.*?)\}", STYLE, flags=re.DOTALL)
    return dict(re.findall(r"--([\w-]+): #(\w{6})", roots[scheme]))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
