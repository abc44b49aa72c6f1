"""The one stylesheet keeps every rule that some page, or what a script makes, can use."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
import stylesheet
import tinycss2


def test_classes_in_the_markup_of_a_script_are_known_whatever_quotes_stand_before():
    script = (
        """const quote = /"/; const box = '<div class="tip"><b class="arrow"></b><b class="tip-words"></b></div>';"""
    )
    assert {"tip", "arrow", "tip-words"} <= stylesheet.words_in(script)


def test_a_rule_is_kept_where_its_classes_are_known_and_left_out_where_not():
    rules = tinycss2.parse_stylesheet(".a, .b .c { color: red } .d:not(.e) { color: blue }", skip_whitespace=True)
    assert stylesheet.pruned(rules, {"a", "d"}) == ".a{color: red}\n.d:not(.e){color: blue}"
