"""Pages of the development mailbox, and the Content-Security-Policy that each is served under."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html.parser import HTMLParser

from jinja2 import Environment
from markupsafe import Markup

from keywright.outbox.channels.mail.mailbox import StoredMail
from keywright.outbox.channels.mail.render import TEMPLATES, environment

# The mail is a document of its own, without scripts, forms, origin or network; its links open
# in a new tab, which is free of the sandbox.
SANDBOX = "sandbox allow-popups allow-popups-to-escape-sandbox"


class PreviewPages:
    def __init__(self) -> None:
        self._jinja: Environment = environment(autoescape=True)
        self._style = (TEMPLATES / "dev" / "style.css").read_text(encoding="utf-8")
        self.policy = (
            f"default-src 'none'; style-src {source_of(self._style)}; frame-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    def list_page(self, mails: Sequence[StoredMail]) -> str:
        return self._render("dev/mails.jinja", mails=mails)

    def mail_page(self, mail: StoredMail) -> str:
        return self._render("dev/mail.jinja", mail=mail)

    def _render(self, name: str, **values: object) -> str:
        return self._jinja.get_template(name).render(style=Markup(self._style), **values)  # noqa: S704 - our own file


def mail_policy(html: str) -> str:
    """What the mail itself may do: wear its own styles, each by hash, and nothing else."""
    collector = StyleCollector()
    collector.feed(html)
    collector.close()
    sources = " ".join(sorted({source_of(style) for style in collector.styles}))
    styles = f"style-src 'unsafe-hashes' {sources}" if sources else "style-src 'none'"
    return f"{SANDBOX}; default-src 'none'; {styles}; frame-ancestors 'self'"


class StyleCollector(HTMLParser):
    """Finds every `<style>` and `style=` of a document."""

    def __init__(self) -> None:
        super().__init__()
        self.styles: list[str] = []
        self._inside_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.styles += [value for name, value in attrs if name == "style" and value]
        if tag == "style":
            self._inside_style = True
            self.styles.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside_style = self._inside_style and tag != "style"

    def handle_data(self, data: str) -> None:
        if self._inside_style:
            self.styles[-1] += data


def source_of(style: str) -> str:
    """A CSP hash source (CSP Level 3 §2.3.1)."""
    digest = hashlib.sha256(style.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
