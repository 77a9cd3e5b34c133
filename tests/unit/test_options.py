"""The options of a run: checked when they are made, and unharmed by the journey through an upload's metadata."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import OptionsError
from orchard.options import DEFAULT_VARIANCE, ENGINES, RunOptions, parse_share

any_options = st.builds(
    lambda kept, engine, split, model, limit: RunOptions(
        **kept, engine=engine, fit_split=split, model=model, max_rejected=limit
    ),
    st.one_of(
        st.just({}),
        st.integers(1, 1280).map(lambda k: {"components": k}),
        st.floats(0, 1, exclude_min=True).map(lambda v: {"variance": v}),
    ),
    st.sampled_from(ENGINES),
    st.one_of(st.none(), st.text(max_size=20)),
    st.one_of(st.none(), st.text("0123456789abcdef", min_size=12, max_size=12)),
    st.floats(0, 1),
)


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
        {"max_rejected": -0.01},
        {"max_rejected": 1.01},
        {"max_rejected": float("nan")},
    ],
)
def test_values_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(OptionsError):
        RunOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", '{"colour": 1}', '{"components": "many"}', '{"variance": [1]}', '{"max_rejected": "5%"}']
)
def test_metadata_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(OptionsError, match="cannot be read"):
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
    with pytest.raises(OptionsError, match="is no share"):
        parse_share(text)


def test_a_number_of_percent_without_the_sign_is_refused() -> None:
    with pytest.raises(OptionsError, match="A share of 5 cannot be rejected"):
        RunOptions(max_rejected=parse_share("5"))
