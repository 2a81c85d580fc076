"""Render e-mails from template files."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import FileSystemLoader, StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from actions.ports import Mail
from streams.adapters.addresses import Sender
from topics.events import Contact, Owner
from topics.ids import derive_text

PACKAGED = Path(__file__).parent / "templates"
"""Templates that come with the package: `welcome` and `owner`."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_NOT_A_NAME = re.compile(r"[/\\<>@:]|\w\.[^\W\d_]{2,}")
_LONGEST_NAME = 60


class MailTemplates:
    """One kind of mail in several languages: `<folder>/<language>/{subject.txt, body.txt, body.html}`.

    `body.html` may be absent. All are compiled at the start. Undefined names are errors, HTML is escaped, control
    characters and line ends in values become spaces, and an absent value prints nothing.
    """

    def __init__(self, folder: Path, *, language: str, samples: Sequence[Mapping[str, object]]) -> None:
        """Compile the templates and render every sample with each; readers of other languages get `language`.

        Raise ValueError, one sentence that names the file and the line.
        """
        folders = {each.name.lower(): each for each in _folders(folder)}
        self._languages = {name: _compiled(each) for name, each in folders.items()}
        if language.lower() not in self._languages:
            there = ", ".join(sorted(self._languages)) or "none"
            raise ValueError(f"{folder} has no language {language!r}; it has: {there}")
        self._fallback = self._languages[language.lower()]
        for name, each in folders.items():
            for sample in samples:
                _rehearse(each, self._languages[name], sample)

    def render(self, language: str | None, values: Mapping[str, object]) -> tuple[str, str, str | None]:
        """Return subject, text and HTML in the reader's BCP 47 `language`, the nearest one, or the fallback."""
        return _write(self._nearest(language), values)

    def _nearest(self, language: str | None) -> dict[str, Template]:
        tag = (language or "").lower()
        while tag:
            templates = self._languages.get(tag)
            if templates is not None:
                return templates
            tag = tag.rpartition("-")[0]  # RFC 4647 lookup: de-ch-1996, de-ch, de
        return self._fallback


class JinjaWelcome:
    """A `WelcomeTemplate` from files, which can use `contact`, `owner` and `name` (for the greeting, may be empty)."""

    def __init__(
        self,
        *,
        sender: str,
        folder: Path | None = None,
        language: str = "en",
        unsubscribe: str | None = None,
    ) -> None:
        """Read the templates of `folder`, or the packaged ones. Raise ValueError, one sentence, for a broken one.

        `unsubscribe` is the URL where people leave; `{email}` in it becomes the contact's address.
        """
        self._unsubscribe = unsubscribe
        self._domain = Sender.parse(sender).address.domain
        owner = Owner(id="sample", name="Sample Owner", email="owner@example.com")
        full = Contact.model_validate(dict.fromkeys(_TEXTS, "sample"))
        bare = Contact(email="sample@example.com")
        samples = [_welcome_values(contact, owner) for contact in (full, bare)]
        self._templates = MailTemplates(folder or PACKAGED / "welcome", language=language, samples=samples)

    def render(self, *, key: str, contact: Contact, owner: Owner) -> Mail:
        """Return the welcome mail to `contact.email`. Raise ValueError when the contact has none."""
        if contact.email is None:
            raise ValueError("a contact without e-mail cannot be welcomed")
        subject, text, html = self._templates.render(contact.language, _welcome_values(contact, owner))
        return Mail(
            message_id=message_id(key, self._domain),
            to=contact.email,
            subject=subject,
            text=text,
            html=html,
            reply_to=owner.email,
            unsubscribe=None
            if self._unsubscribe is None
            else self._unsubscribe.replace("{email}", quote(contact.email, safe="@")),
        )


_TEXTS = [name for name, value in Contact.model_fields.items() if value.annotation == (str | None)]


def message_id(key: str, domain: str) -> str:
    """Return the Message-ID of the mail with this idempotency key, the same each time."""
    return f"<{derive_text('mail', key)}@{domain}>"


def greeting_name(contact: Contact) -> str:
    """Return the name to greet with; empty when it looks like an address or is too long for a name.

    Anybody can enter any name in a form. Without this check, our mails would carry a sender's links to strangers.
    """
    name = " ".join((contact.first_name or contact.name or "").split())
    return "" if len(name) > _LONGEST_NAME or _NOT_A_NAME.search(name) else name


def _welcome_values(contact: Contact, owner: Owner) -> dict[str, object]:
    return {"contact": contact, "owner": owner, "name": greeting_name(contact)}


def _printed(value: Any) -> Any:  # noqa: ANN401 - Jinja prints any value
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Quoted):
        return _CONTROL.sub(" ", value) if _CONTROL.search(value) else value
    return value


class Quoted(str):
    """Text of several lines, each beginning with `> `, so that readers cannot take it for ours."""

    __slots__ = ()


def quoted(text: str | None) -> Quoted:
    """Quote a person's text as mail programs do."""
    lines = (text or "").splitlines()
    return Quoted("\n".join("> " + _CONTROL.sub(" ", line) for line in lines))


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] not in "._")
    except OSError as error:
        raise ValueError(f"{folder} cannot be read as a folder of templates: {error.strerror}") from None


def _compiled(folder: Path) -> dict[str, Template]:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html"),
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["quoted"] = quoted
    names = ["subject.txt", "body.txt"] + ["body.html"] * (folder / "body.html").exists()
    for name in names:
        if not (folder / name).is_file():
            raise ValueError(f"{folder / name} is missing; a language needs subject.txt and body.txt")
    try:
        return {name: environment.get_template(name) for name in names}
    except TemplateSyntaxError as error:
        raise ValueError(f"{error.filename}, line {error.lineno}: {error.message}") from None
    except UnicodeDecodeError:
        raise ValueError(f"a template in {folder} is not UTF-8") from None


def _rehearse(folder: Path, templates: dict[str, Template], sample: Mapping[str, object]) -> None:
    try:
        subject, _, _ = _write(templates, sample)
    except Exception as error:  # noqa: BLE001 - code called by a template may raise anything; it becomes a sentence
        frames = traceback.extract_tb(error.__traceback__)
        place = next((f for f in reversed(frames) if Path(f.filename).is_relative_to(folder)), None)
        where = str(folder) if place is None else f"{place.filename}, line {place.lineno}"
        what = error.message if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"
        raise ValueError(f"{where}: {what}") from None
    if not subject:
        raise ValueError(f"{folder / 'subject.txt'} writes an empty subject")


def _write(templates: dict[str, Template], values: Mapping[str, object]) -> tuple[str, str, str | None]:
    subject, text, html = templates["subject.txt"], templates["body.txt"], templates.get("body.html")
    # `Template.render` collects the globals again for each template, which takes as long as writing the text.
    known = {**subject.globals, **values}
    return (
        " ".join(_text(subject, known).split()),
        _text(text, known),
        None if html is None else _text(html, known),
    )


def _text(template: Template, known: dict[str, Any]) -> str:
    environment = template.environment
    try:
        return environment.concat(template.root_render_func(template.new_context(known, shared=True)))
    except Exception:  # noqa: BLE001 - as in `Template.render`, so that the trace names the template's line
        return environment.handle_exception()


__all__ = ["PACKAGED", "JinjaWelcome", "MailTemplates", "greeting_name", "message_id", "quoted"]
