"""Texts that some layer or other takes for one another, or stumbles over."""

from typing import Final

TWINS: Final = (
    *(
        "/Straße",
        "/straße",
        "/STRASSE",
        "/strasse",
        "/cafe",
        "/café",
        "/CAFÉ",
        "/ﬁ",
        "/fi",
        "/İ",
        "/i",
        "/\N{LATIN SMALL LETTER DOTLESS I}",
    ),
    *("/caf\N{LATIN SMALL LETTER E WITH ACUTE}!", "/cafe\N{COMBINING ACUTE ACCENT}!"),
    *(
        "/😀",
        "/😁",
        "/👩\N{ZERO WIDTH JOINER}💻",
        "/👩💻",
        "/a",
        "/a ",
        "/a  ",
        " /a",
        "/a\N{NO-BREAK SPACE}",
        "/a\N{ZERO WIDTH SPACE}",
    ),
    *("/it's", '/say "hi"', '""', "''", "/back\\slash", "/back\\\\slash", "\\N", "\\", "/a,b", "/a|b", "/%s", "/{}"),
    *("/tab\there", "/tab here", "/line\nbreak", "/line\r\nbreak", "/line\rbreak", "/end\n", "/\x1f", "/\x7f"),
    *("", " ", "(not set)", "(other)", "(Not Set)", "NULL", "null", "'; DROP TABLE report_custom; --"),
)
