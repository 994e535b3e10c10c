"""What the page says: the name, invitations, progress, refusals.

Plain text goes in, HTML comes out: what was not written here (names of files, cards, errors) passes
through ``escape``.
"""

from html import escape

from impasto.studio.running import Progress

NAME = "Impasto Studio"

_STROKE = (
    '<svg class="imp-stroke" viewBox="0 0 220 18" aria-hidden="true" preserveAspectRatio="none">'
    '<path d="M3 12 C 34 3, 58 5, 92 8 S 160 14, 217 5 C 176 16, 120 17, 84 14 S 30 13, 3 12 Z"/>'
    "</svg>"
)

_PALETTE = (
    '<svg class="imp-mark" viewBox="0 0 64 64" aria-hidden="true">'
    '<path class="imp-board" d="M33 6C17 5 5 17 6 33c1 15 12 25 26 25 7 0 9-4 7-9-2-6 1-10 8-10'
    'h6c4 0 6-3 5-8C56 16 47 7 33 6Z"/>'
    '<circle class="imp-ultramarine" cx="20" cy="22" r="5.2"/>'
    '<circle class="imp-vermilion" cx="35" cy="16" r="5.2"/>'
    '<circle class="imp-ochre" cx="47" cy="26" r="4.6"/>'
    '<circle class="imp-viridian" cx="17" cy="38" r="4.8"/></svg>'
)


def header() -> str:
    """The name and what the place is for."""
    return (
        f'<header class="imp-header">{_PALETTE}<div><h1>Impasto<span>Studio</span></h1>'
        f"{_STROKE}</div><p>Photographs become paintings. Everything happens on this machine; "
        "nothing is sent anywhere.</p></header>"
    )


def footer(folder: str | None) -> str:
    """Where paintings go.

    Args:
        folder: That keeps them; None where none does.
    """
    kept = (
        f"Paintings are kept in <b>{escape(folder)}</b>."
        if folder
        else "Paintings are kept until the studio closes: download those you like."
    )
    return f'<footer class="imp-footer">{kept}</footer>'


def heading(number: int, title: str, hint: str = "") -> str:
    """The name of one step on the way to a painting."""
    small = f"<small>{escape(hint)}</small>" if hint else ""
    return f'<h2 class="imp-step"><i>{number}</i>{escape(title)}{small}</h2>'


def invitation(title: str, text: str) -> str:
    """What stands on the easel before there is a picture."""
    return (
        f'<div class="imp-empty">{_PALETTE}<h3>{escape(title)}</h3>{_STROKE}'
        f"<p>{escape(text)}</p></div>"
    )


def chosen(who: str, what: str = "") -> str:
    """Which painter is chosen.

    Args:
        who: The painter.
        what: Title and year of the painting.
    """
    small = f"<small>{escape(what)}</small>" if what else ""
    return f'<p class="imp-chosen">In the manner of <b>{escape(who)}</b>{small}</p>'


def busy(news: Progress) -> str:
    """How far a work is, as a bar."""
    if news.share is None:
        bar, now = '<i class="imp-unknown"></i>', ""
    else:
        percent = round(100 * news.share)
        bar, now = f'<i style="width:{percent}%"></i>', f' aria-valuenow="{percent}"'
    return (
        f'<div class="imp-status imp-busy" role="status"><span>{escape(news.words)}</span>'
        f'<div class="imp-bar" role="progressbar" aria-label="progress" aria-valuemin="0" '
        f'aria-valuemax="100"{now}>{bar}</div></div>'
    )


def done(text: str) -> str:
    """That a work is done, and what is to be said about it."""
    return f'<div class="imp-status imp-done" role="status">{escape(text)}</div>'


def refused(sentence: str) -> str:
    """What was wrong, in the command line's own words."""
    return f'<div class="imp-status imp-refused" role="alert">{escape(sentence)}</div>'
