"""Consent: the page on which a user allows an application to read the address book."""

from collections.abc import Mapping
from html import escape

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Allow access? - Maximizer sandbox</title>
<style>
body {{ font-family: system-ui, sans-serif; max-width: 28rem; margin: 4rem auto; padding: 0 1rem }}
button {{ font: inherit; padding: .5rem 1.5rem; margin-right: .5rem }}
</style>
</head>
<body>
<h1>{title}</h1>
{content}
</body>
</html>
"""


def consent_page(application: str, alias: str, asked: Mapping[str, str]) -> str:
    """The page with its two buttons; what was asked goes along in hidden fields."""
    hidden = "\n".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in asked.items()
        if name != "decision"
    )
    content = f"""<p><strong>{escape(application)}</strong> wants to read and change the data of
<strong>{escape(alias)}</strong> on your behalf.</p>
<form method="post">
{hidden}
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</form>"""
    return _PAGE.format(title="Allow access?", content=content)


def error_page(message: str) -> str:
    """The page for a request that must not be answered by a redirect."""
    return _PAGE.format(
        title="This request cannot be answered", content=f"<p>{escape(message)}</p>"
    )
