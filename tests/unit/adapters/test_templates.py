"""Test the welcome templates: languages, harmless names, and errors at the start for broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.adapters.templates import JinjaWelcome, greeting_name
from topics.events import Contact, Owner

OWNER = Owner(id="anna", name="Anna", email="anna@acme.example")
KEY = "welcome:k"


def contact(**fields: str) -> Contact:
    return Contact.model_validate({"email": "jo@customer.example", **fields})


def written(folder: Path, *, language: str = "en", **files: str) -> Path:
    (folder / language).mkdir()
    texts = {"subject_txt": "Hi", "body_txt": "Hello {{ name }}\n", **files}
    for name, text in texts.items():
        (folder / language / name.replace("_", ".")).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("en", "Welcome, Jo"),
        ("de", "Willkommen, Jo"),
        ("de-CH-1996", "Willkommen, Jo"),
        ("FR", "Bienvenue, Jo"),
        ("es-MX", "Le damos la bienvenida, Jo"),
        ("ja", "Welcome, Jo"),
        (None, "Welcome, Jo"),
    ],
)
def test_the_nearest_language_is_taken(language: str | None, subject: str) -> None:
    welcome = JinjaWelcome(sender="hello@acme.example")
    fields = {} if language is None else {"language": language}

    assert welcome.render(key=KEY, contact=contact(first_name="Jo", **fields), owner=OWNER).subject == subject


def test_a_mail_names_the_owner_and_has_the_same_id_each_time() -> None:
    welcome = JinjaWelcome(sender="Acme <hello@acme.example>")

    first, again = (welcome.render(key=KEY, contact=contact(name="Jo Doe"), owner=OWNER) for _ in range(2))
    other = welcome.render(key="welcome:other", contact=contact(), owner=OWNER)

    assert first == again
    assert first.message_id.endswith("@acme.example>")
    assert first.message_id != other.message_id
    assert (first.to, first.reply_to) == ("jo@customer.example", "anna@acme.example")
    assert first.text.startswith("Hello Jo Doe,\n\nthank you for getting in touch. Anna will look after you")
    assert first.html is not None
    assert "<p>Hello Jo Doe,</p>" in first.html
    assert other.text.startswith("Hello,\n")


def test_markup_and_line_ends_in_values_do_nothing(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        subject_txt="Hi {{ contact.name }}",
        body_txt="Hi {{ contact.name }}!{{ contact.city }}",
        body_html="<p>{{ contact.name }}</p>",
    )
    welcome = JinjaWelcome(sender="hello@acme.example", folder=folder)

    mail = welcome.render(
        key=KEY, contact=contact(name="<b>Jo</b>\r\nBcc: eve@evil.example {{ 7 * 7 }}"), owner=OWNER
    )

    assert mail.subject == "Hi <b>Jo</b> Bcc: eve@evil.example {{ 7 * 7 }}"
    assert mail.text == "Hi <b>Jo</b> Bcc: eve@evil.example {{ 7 * 7 }}!"
    assert mail.html == "<p>&lt;b&gt;Jo&lt;/b&gt; Bcc: eve@evil.example {{ 7 * 7 }}</p>"


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Jo", "Jo"),
        ("  J. R.  R. Tolkien ", "J. R. R. Tolkien"),
        ("O'Brien-Łukasz", "O'Brien-Łukasz"),
        ("Win money at https://evil.example", ""),
        ("evil.example", ""),
        ("eve@evil", ""),
        ("<b>Jo</b>", ""),
        ("Jo " * 30, ""),
    ],
)
def test_a_name_that_reads_like_an_address_is_not_greeted(name: str, greeting: str) -> None:
    assert greeting_name(contact(name=name)) == greeting


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"body_txt": "Hello\n{{ name"}, r"en/body\.txt, line 2: unexpected end of template"),
        ({"body_txt": "Hello\n\n{{ nmae }}"}, r"en/body\.txt, line 3: 'nmae' is undefined"),
        ({"body_html": "<p>\n{{ contact.nmae }}"}, r"en/body\.html, line 2: .*no attribute 'nmae'"),
        ({"subject_txt": "{% include 'nothing' %}"}, r"en/subject\.txt, line 1: 'nothing' not found"),
        ({"body_txt": "{{ contact.name.upper() }}"}, r"en/body\.txt, line 1: .*None"),
        ({"body_txt": "{{ ''.__class__.__mro__ }}"}, r"en/body\.txt, line 1: .*unsafe"),
        ({"subject_txt": "{{ contact.city }}"}, r"en/subject\.txt writes an empty subject"),
    ],
)
def test_a_broken_template_is_one_sentence_at_the_start(
    tmp_path: Path, files: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence) as raised:
        JinjaWelcome(sender="hello@acme.example", folder=written(tmp_path, **files))

    assert "\n" not in str(raised.value)


def test_a_folder_without_the_fallback_language_or_a_needed_file_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path, language="fr")

    with pytest.raises(ValueError, match="has no language 'en'; it has: fr"):
        JinjaWelcome(sender="hello@acme.example", folder=folder)
    with pytest.raises(ValueError, match="cannot be read as a folder of templates: No such file"):
        JinjaWelcome(sender="hello@acme.example", folder=tmp_path / "nowhere")
    (folder / "fr" / "body.txt").unlink()
    with pytest.raises(ValueError, match=r"fr/body\.txt is missing"):
        JinjaWelcome(sender="hello@acme.example", folder=folder, language="fr")
