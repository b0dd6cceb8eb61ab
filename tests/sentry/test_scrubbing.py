"""What leaves with an event: nothing that was computed from data or secrets."""

import pytest

from scripts.sentry.scrubbing import masked, scrubbed, written
from scripts.shared.environments import ROOT

PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqh\nkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"
VARIABLES = {
    "SHOP_PASSWORD": "hunter2-swordfish",
    "PREFECT_API_AUTH_STRING": "admin:correct-horse",
    "SNOWFLAKE_PRIVATE_KEY": PRIVATE_KEY,
    "RESULTS_BUCKET": "harbour-results",
    "PREFECT_LOGGING_LEVEL": "INFO",
}


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("100038 (22018): Numeric value 'Jane Doe' is not recognized", "… (…): Numeric value … is not recognized"),
        ("'utf-8' codec can't decode byte 0xff in position 3", "… codec can't decode byte 0xff in position 3"),
        ("invalid literal for int() with base 10: 'Jane\nDoe'", "invalid literal for int() with base 10: …"),
        ("cannot load {'name': 'Jane', 'amount': 12}", "cannot load …"),
        ("cannot load (17, 'Jane', 12.5) today", "cannot load … today"),
        ("failed for 2 of 3 values: [17, 18", "failed for 2 of 3 values: …"),
        ("line 17;Jane Doe;12.50", "line …"),
        ("line 17,Jane Doe,12.50", "line …"),
        ("the order 4711 of jane@example.com", "the order … of …"),
        ("1 validation error for Order\namount: got Jane", "1 validation error for Order"),
        ("HTTP 404, 3 tries, then 500", "HTTP 404, 3 tries, then 500"),
        ("the token zm9vymfyymf6mtizndu2 expired", "the token … expired"),
        ("", ""),
    ],
)
def test_of_a_librarys_text_what_may_be_a_value_stays_behind(text: str, leaves: str) -> None:
    assert masked(text, {}) == leaves


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("login with hunter2-swordfish failed", "login with $SHOP_PASSWORD failed"),
        ("login with correct-horse failed", "login with $PREFECT_API_AUTH_STRING failed"),
        (f"no key: {PRIVATE_KEY}", "no key: $SNOWFLAKE_PRIVATE_KEY"),
        (f"no key: {PRIVATE_KEY!r}"[:-1].replace("'", ""), "no key: $SNOWFLAKE_PRIVATE_KEY"),
        ("no key: kiG9w0BAQEFAASC", "no key: $SNOWFLAKE_PRIVATE_KEY"),
        ("no bucket harbour-results, INFO", "no bucket $RESULTS_BUCKET, INFO"),
        ("https://jane:swordfish@example.com is down", "…example.com is down"),
        ("AKIA" + "ABCDEFGH23456789 is unknown", "… is unknown"),
    ],
)
def test_a_secret_in_a_text_becomes_its_name_or_nothing(text: str, leaves: str) -> None:
    said = masked(text, VARIABLES)
    assert said == leaves
    assert not [value for value in ("hunter2", "correct", "swordfish", "kiG9", "MIIE", "AKIA") if value in said]


def test_no_text_is_so_long_that_the_process_waits() -> None:
    assert len(masked("a'" * 500_000, VARIABLES)) <= 300


SOURCE = """
def check(row, names):
    if not row:
        raise ValueError(
            f"Data set {names[0]}: got {row!r}; expected "
            "one row. Write the file again."
        )
    assert row, f"got {', '.join(names)}"
    if names == 1:
        raise KeyError("no " + row + " here") from None
    if names == 2:
        raise LookupError("no %s here" % row, row)
    if names == 3:
        raise RuntimeError("no {} here".format(row))
    if names == 4:
        raise names
    return int(row)
"""


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (4, "Data set …: got …; expected one row. Write the file again."),
        (8, "got …"),
        (10, "no … here"),
        (12, "no %s here"),
        (14, "no {} here"),
        (16, ""),
        (17, None),
    ],
)
def test_of_our_own_text_what_stands_in_the_source_leaves(tmp_path, line: int, text: str | None) -> None:
    file = tmp_path / "check.py"
    file.write_text(SOURCE)
    assert written(file, line) == text


def test_a_source_that_cannot_be_read_has_no_text(tmp_path) -> None:
    assert written(tmp_path / "gone.py", 1) == ""


def test_only_what_is_listed_leaves() -> None:
    frame = {
        "abs_path": str(ROOT / "flows" / "x.py"),
        "module": "__prefect_loader_140123__",
        "function": "load",
        "lineno": 1,
        "vars": {"password": "hunter2"},
    }
    error = {"type": "Missing", "module": "__prefect_loader_140123__", "value": "got Jane", "secret": "hunter2"}
    error |= {"mechanism": {"type": "prefect", "data": "hunter2"}, "stacktrace": {"frames": [frame], "x": "hunter2"}}
    event = {"level": "error", "extra": {"argv": "hunter2"}, "breadcrumbs": ["hunter2"], "server_name": ""}
    assert scrubbed(event | {"exception": {"values": [error]}}) == {
        "level": "error",
        "exception": {
            "values": [
                {
                    "type": "Missing",
                    "value": "",
                    "mechanism": {"type": "prefect"},
                    "stacktrace": {
                        "frames": [
                            {
                                "abs_path": str(ROOT / "flows" / "x.py"),
                                "filename": "flows/x.py",
                                "module": "flows.x",
                                "function": "load",
                                "lineno": 1,
                            }
                        ]
                    },
                }
            ]
        },
    }


def test_a_file_that_a_link_leads_to_is_ours_as_on_the_local_stack(tmp_path) -> None:
    (tmp_path / "flows").symlink_to(ROOT / "flows")
    frame = {"abs_path": str(tmp_path / "flows" / "shared" / "errors.py"), "lineno": 1}
    error = {"type": "Missing", "value": "got Jane", "stacktrace": {"frames": [frame]}}
    [left] = scrubbed({"exception": {"values": [error]}})["exception"]["values"]
    assert left["stacktrace"]["frames"][0]["filename"] == "flows/shared/errors.py"
