"""``redis://`` URLs of streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

from cartpath.schema import CartpathError

SCHEMES = ("redis", "rediss")
#: Options of a stream beside those of the adapter: the consumer group, and the field that holds JSON.
STREAM_OPTIONS = ("group", "field")


def is_stream(source: str) -> bool:
    """Whether a source is the URL of a stream.

    Examples
    --------
    >>> is_stream("redis://localhost/events"), is_stream("exports/")
    (True, False)
    """
    return source.partition("://")[0].lower() in SCHEMES and "://" in source


@dataclass(frozen=True)
class Address:
    """Where a stream is.

    Attributes
    ----------
    server : str
        URL of the server and database, with the password if there is one: only for connecting.
    stream : str
    name : str
        The URL without user and password, for people and the manifest.
    """

    server: str
    stream: str
    name: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Read ``redis://[user:password@]HOST[:PORT]/[DB/]STREAM``.

        Raises
        ------
        CartpathError
            If it names no host or no stream.

        Examples
        --------
        >>> Address.of("redis://:secret@shop.example:6380/2/events").name
        'redis://shop.example:6380/2/events'
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or 6379
        except ValueError:
            host, port = None, 0
        words = [unquote(word) for word in parts.path.split("/") if word] if host else []
        if not host or not words:
            raise CartpathError(
                f"cannot read the {url.partition('://')[0]}:// URL of a stream: it names no host or no stream",
                "write redis://HOST:PORT/[DB/]STREAM",
            )
        database = int(words.pop(0)) if len(words) > 1 and words[0].isdecimal() else 0
        stream, secret = "/".join(words), parts.netloc.rpartition("@")[0]
        shown = f"[{host}]" if ":" in host else host
        server = f"{parts.scheme}://{secret + '@' if secret else ''}{shown}:{port}/{database}"
        return cls(server, stream, f"{parts.scheme}://{shown}:{port}/{database}/{stream}")
