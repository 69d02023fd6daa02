"""The table of CI's numbers, and what becomes of each kind of error."""

import pytest

from localcloud.ci.errors import NUMBERS, from_image, from_pic_operations, from_rule, refusal
from localcloud.imaging import ImageError
from shared.pic_operations import PicOperations, PicOperationsError
from shared.rules import RuleError, parse


@pytest.mark.parametrize("number", NUMBERS)
def test_every_number_has_a_code_a_status_and_words(number):
    error = refusal(number, "this is allowed")
    assert error.errno == number < 0
    assert error.code.isalpha()
    assert 400 <= error.status < 600
    assert error.message == "this is allowed"
    assert refusal(number).message == NUMBERS[number].meaning


def test_an_unknown_number_is_still_an_answer():
    error = refusal(-99999, "odd")
    assert (error.code, error.status, error.errno) == ("InvalidImageSource", 400, -99999)


@pytest.mark.parametrize(
    ("download", "persistent"), [(-105, -60967), (-106, -60998), (-167, -60996), (-441, -62999)]
)
def test_persistent_processing_has_numbers_of_its_own(download, persistent):
    assert refusal(download).errno == download
    assert refusal(download, persistent=True).errno == persistent


def test_a_parameter_that_does_not_fit_the_picture():
    error = ImageError(-60998, "a font is needed")
    assert from_image(error).errno == -106
    assert from_image(error, persistent=True).errno == -60998


def test_a_rule_error_names_field_part_and_what_is_allowed():
    with pytest.raises(RuleError) as caught:
        parse("imageMogr2/rotate/361")
    error = from_rule(caught.value, persistent=True, where="rules[2].rule")
    assert (error.code, error.errno) == ("InvalidPicOperations", -60998)
    assert all(part in error.message for part in ("rules[2].rule", "361", "360"))


def test_a_header_error_keeps_its_number():
    with pytest.raises(PicOperationsError) as caught:
        PicOperations.from_header('{"rules": [{}, {}, {}, {}, {}, {}]}')
    assert from_pic_operations(caught.value).errno == -60997
