"""The options of a run: checked when they are made, and unharmed by the journey through an upload's metadata."""

import json
from contextlib import suppress
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import OptionsError
from orchard.options import DEFAULT_VARIANCE, ENGINES, TRUNCATED, RunOptions, parse_duration, parse_share

any_options = st.builds(
    lambda kept, **others: RunOptions(**kept, **others),
    st.one_of(
        st.just({}),
        st.integers(1, 1280).map(lambda k: {"components": k}),
        st.floats(0, 1, exclude_min=True).map(lambda v: {"variance": v}),
    ),
    engine=st.sampled_from(ENGINES),
    fit_split=st.one_of(st.none(), st.text("éàTraining 1-_中", min_size=1, max_size=20).filter(str.strip)),
    model=st.one_of(st.none(), st.text("0123456789abcdef", min_size=12, max_size=12)),
    limit=st.none() | st.integers(1),
    only_label=st.none() | st.lists(st.text("éàKiwi 1-_中\u200d\xa0", max_size=20), min_size=1, max_size=3),
    max_rejected=st.floats(0, 1),
    truncated=st.sampled_from(TRUNCATED),
    max_usd=st.none() | st.floats(0, 100_000, exclude_min=True),
    fresh=st.booleans(),
    keep=st.none() | st.integers(1, 7200),
)


@pytest.mark.parametrize(
    "encoding", ["shift_jis", "cp932", "GBK", "big5", "euc-kr", "cp866", "latin1", "utf-8", "shift_jis_2004"]
)
def test_names_may_be_in_any_encoding_that_has_ascii_in_it(encoding: str) -> None:
    assert RunOptions.from_metadata(RunOptions(encoding=encoding).to_metadata()).encoding == encoding


@given(any_options)
def test_options_survive_the_journey_as_ascii(options: RunOptions) -> None:
    text = options.to_metadata()
    assert text.isascii()
    assert "\n" not in text
    assert RunOptions.from_metadata(text) == options


@pytest.mark.parametrize("text", [None, ""])
def test_an_upload_without_options_runs_with_the_defaults(text: str | None) -> None:
    assert RunOptions.from_metadata(text) == RunOptions(variance=DEFAULT_VARIANCE, engine="onnxruntime")


def test_components_and_variance_exclude_each_other() -> None:
    with pytest.raises(OptionsError, match="not both"):
        RunOptions(components=5, variance=0.5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"components": 0},
        {"components": 1281},
        {"variance": 0.0},
        {"variance": 1.01},
        {"engine": "torch"},
        {"truncated": "grey"},
        {"limit": 0},
        {"limit": -1},
        {"limit": 2.0},
        {"keep": 0},
        {"keep": 7201},
        {"keep": "30m"},
        {"keep": True},
        {"only_label": ()},
        {"only_label": "Kiwi"},
        {"only_label": ("a\nb",)},
        {"only_label": ("a/b",)},
        {"only_label": ("\ud800",)},
        {"only_label": ("x" * 256,)},
        {"only_label": ("Kiwi", 1)},
        {"only_label": (["Kiwi"],)},
        {"max_rejected": -0.01},
        {"max_rejected": 1.01},
        {"max_rejected": float("nan")},
        {"max_usd": 0},
        {"fresh": "yes"},
        {"fresh": 1},
        {"max_usd": float("inf")},
        {"max_usd": True},
        {"encoding": "klingon"},
        {"encoding": "utf-16"},
        {"encoding": "rot13"},
        *({"encoding": name} for name in ("punycode", "idna", "utf-7", "hz", "unicode_escape", "raw_unicode_escape")),
        {"encoding": "a\0b"},
        {"encoding": "\ud800"},
        {"encoding": ["gbk"]},
    ],
)
def test_values_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(OptionsError):
        RunOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", "[1]", "7", "null", "NaN", "true", '"components"', '{"colour": 1}', '{"components": 1} x'),
        *("[" * 7000, '{"components": ' + "[" * 2000, '{"components": ' + "9" * 5000 + "}", "x" * 8193),
        '{"components": 5, "components": 7}',
    ],
    ids=lambda text: text[:20],
)
def test_metadata_that_is_no_object_of_options_is_refused(text: str) -> None:
    with pytest.raises(OptionsError, match="cannot be read") as refused:
        RunOptions.from_metadata(text)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"components": 10.5}', "The option components cannot be 10.5: it takes a whole number from 1 to 1280"),
        ('{"components": true}', "The option components cannot be true: it takes a whole number"),
        ('{"components": "many"}', 'The option components cannot be "many": it takes a whole number'),
        ('{"components": -1e400}', "The option components cannot be -Infinity: it takes a whole number"),
        ('{"variance": true}', "The option variance cannot be true: it takes a number above 0 and at most 1"),
        ('{"variance": [0.5]}', "The option variance cannot be [0.5]: it takes a number"),
        ('{"variance": NaN}', "The option variance cannot be NaN: it takes a number"),
        ('{"variance": 1e400}', "The option variance cannot be Infinity: it takes a number"),
        (f'{{"variance": {10**400}}}', "it takes a number above 0"),
        ('{"fit_split": 5}', "The option fit_split cannot be 5: it takes the name of a split"),
        ('{"fit_split": ""}', 'The option fit_split cannot be "": it takes the name of a split'),
        (r'{"fit_split": "a\u001b[2J"}', r'The option fit_split cannot be "a\u001b[2J": it takes the name of a split'),
        (r'{"fit_split": "a\ud800"}', r'The option fit_split cannot be "a\ud800": it takes the name of a split'),
        (r'{"fit_split": "a\u202egnp"}', r'The option fit_split cannot be "a\u202egnp"'),
        (f'{{"fit_split": "{"x" * 300}"}}', "it takes the name of a split"),
        ('{"engine": ["onnxruntime"]}', 'The option engine cannot be ["onnxruntime"]: it takes onnxruntime or'),
        ('{"model": {"id": "x"}}', 'The option model cannot be {"id": "x"}: it takes the id of a published model'),
        ('{"model": "../../runs/x"}', 'The option model cannot be "../../runs/x"'),
        (
            '{"max_rejected": "5%"}',
            'The option max_rejected cannot be "5%": it takes a share from 0 to 1, such as 0.05',
        ),
        ('{"node_size": 4}', "The option node_size cannot be 4: it takes xlarge, 2xlarge, 4xlarge"),
        ('{"core_nodes": 2.0}', "The option core_nodes cannot be 2.0: it takes a whole number from 0 to 50"),
        ('{"core_nodes": 1000}', "A cluster cannot have 1000 core nodes: choose 0 to 50"),
        ('{"max_usd": -5}', "The option max_usd cannot be -5: it takes US dollars, above 0 and at most 100,000"),
        ('{"spot_nodes": false}', "The option spot_nodes cannot be false"),
        ('{"Components": 5}', 'there is no option "Components"; there are components, variance, engine'),
        (r'{"\u001b[31m": 5}', r'there is no option "\u001b[31m"'),
    ],
)
def test_a_refusal_names_the_option_what_it_got_and_what_it_takes(text: str, told: str) -> None:
    with pytest.raises(OptionsError) as refused:
        RunOptions.from_metadata(text)
    assert told in str(refused.value)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 400


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from([*ENGINES, "Training", "xlarge", 1, 0.5]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
option_names = st.sampled_from([field.name for field in fields(RunOptions)])


@given(json_values | st.dictionaries(option_names | st.text(max_size=5), json_values, max_size=5))
def test_any_json_gives_valid_options_or_an_error_for_the_user(value: object) -> None:
    with suppress(OptionsError):
        options = RunOptions.from_metadata(json.dumps(value))
        assert RunOptions.from_metadata(options.to_metadata()) == options


@given(st.text(max_size=200))
def test_any_text_gives_valid_options_or_an_error_for_the_user(text: str) -> None:
    with suppress(OptionsError):
        RunOptions.from_metadata(text)


@pytest.mark.parametrize(
    ("text", "share"),
    [("5%", 0.05), ("0.05", 0.05), ("0", 0), ("100%", 1), ("1", 1), (" 12.5 % ", 0.125), (".5", 0.5), ("7%", 0.07)],
)
def test_a_share_is_read_as_people_write_it(text: str, share: float) -> None:
    assert parse_share(text) == share


@given(st.floats(0, 1))
def test_a_share_is_read_as_it_is_passed_on(share: float) -> None:
    assert parse_share(str(share)) == share


@pytest.mark.parametrize("text", ["", "%", "five", "-1%", "5%%", "nan", "inf", "1e9999", "0x1", "٥%", "1_0%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(OptionsError, match="is not a share"):
        parse_share(text)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("200%", "a share is at most 100%"),
        ("5", "a share is at most 100%; 5 in a hundred are 5%"),
        ("12.50", "a share is at most 100%; 12.5 in a hundred are 12.5%"),
        ("1000", "a share is at most 100%"),
    ],
)
def test_more_than_all_is_no_share_and_a_percent_sign_may_be_missing(text: str, cause: str) -> None:
    with pytest.raises(OptionsError, match=f"'{text}' is more than all") as raised:
        parse_share(text)
    assert raised.value.cause == cause


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("90s", 90), ("2h", 7200), (" 5 m ", 300), ("0s", 0)])
def test_a_duration_has_a_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "-1m", "1.5h", "30 minutes", "1d", "1" * 10 + "s", "30m\n30m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(OptionsError, match="write it like 30m, 90s or 1h"):
        parse_duration(text)
