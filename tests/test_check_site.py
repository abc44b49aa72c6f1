"""What must not be published is found, with its page and its name; what may be is left alone."""

import shutil

import check_site
import pytest

import book

PICTURE = '<img src="a.svg" alt="A line that rises">'
CAPTION = "<figcaption>Figure 1 A line</figcaption>"
GOOD = (
    f'<figure id="fig-a">{PICTURE}{CAPTION}</figure><a href="b.html#there">b</a><a href="https://example.org/x">x</a>'
    '<div class="pst-scrollable-table-container"><table><tr><td>1</td></tr></table></div>'
)


def site(folder, body):
    folder.mkdir(exist_ok=True)
    (folder / "a.svg").write_text("<svg/>", encoding="utf-8")
    (folder / "b.html").write_text('<article><h1 id="there">b</h1></article>', encoding="utf-8")
    (folder / "a.html").write_text(f"<article>{body}</article>", encoding="utf-8")
    return folder


def test_a_good_site_has_no_fault(tmp_path):
    assert check_site.faults(site(tmp_path, GOOD)) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="c.html">c</a>', "a.html: dead link, c.html: no such file"),
        ('<a href="b.html#gone">c</a>', "a.html: dead link, b.html#gone: no such anchor"),
        ('<a href="#gone">c</a>', "a.html: dead link, #gone: no such anchor"),
        (f'<figure id="fig-a">{PICTURE}</figure>', "a.html: figure fig-a: no number"),
        (
            f'<figure id="fig-a">{PICTURE}<figcaption>A line</figcaption></figure>',
            "a.html: figure fig-a: no number",
        ),
        (f'<figure id="fig-a">{CAPTION}</figure>', "a.html: figure fig-a: no picture"),
        ('<img src="a.svg">', "a.html: picture a.svg: no text alternative"),
        ('<img src="a.svg" alt=" ">', "a.html: picture a.svg: no text alternative"),
        ('<img src="c.svg" alt="c">', "a.html: picture c.svg: no such file"),
        (
            f'<picture><source srcset="c.svg">{PICTURE}</picture>',
            "a.html: picture c.svg: no such file",
        ),
        (
            '<table id="t"><tr><td>1</td></tr></table>',
            "a.html: table 't': not in a frame that scrolls, so wider than a phone",
        ),
    ],
)
def test_a_fault_is_told_with_its_page_and_its_name(tmp_path, body, fault):
    assert check_site.faults(site(tmp_path, GOOD.replace("fig-a", "fig-b") + body)) == [fault]


def test_a_book_with_a_fault_does_not_take_the_place_of_the_last_good_one(tmp_path, monkeypatch, capsys):
    for name, path in {"BUILD": "", "HTML": "html", "PREVIOUS": "html.previous", "NEXT": "html.next"}.items():
        monkeypatch.setattr(book, name, tmp_path / path)
    monkeypatch.setattr(book, "ROOT", tmp_path)
    monkeypatch.setattr(book, "made_from", lambda: "today")
    site(tmp_path / "html", GOOD)
    bad = site(tmp_path / "rendered", '<a href="c.html">c</a>')
    (bad / "book").mkdir()
    (bad / book.FRONT).write_text("<head><title>The book</title></head>", encoding="utf-8")
    monkeypatch.setattr(book, "render", lambda lock: bad)
    assert book.main() == 1
    assert "a.html: dead link, c.html: no such file" in capsys.readouterr().err
    assert GOOD in (tmp_path / "html" / "a.html").read_text(encoding="utf-8")
    shutil.copy(tmp_path / "html" / "a.html", bad)
    assert book.main() == 0
