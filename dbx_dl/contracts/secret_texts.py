"""Texts and values that people read, without the secrets in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

HIDDEN = "***"
_SECRET_NAME = re.compile(
    r"secret|passw|pwd$|token(?!s)|sas|signature|credential|connection_string|service_account$|authorization"
    r"|(account|access|api|master|customer|private|encryption|shared)[_.]?key(?!_?id)",
    re.IGNORECASE,
)
# Who asks and their password stand before the last @: a password may hold one, or a slash, that nobody quoted. A port
# and a path are neither.
_USER = re.compile(
    r"(?P<scheme>\b[A-Za-z][\w+.-]{0,40})://"
    r"(?P<user>[^\s/:'\"<>]{0,256}:(?!\d*/)[^\s'\"<>]{0,256}|[^\s/'\"<>]{0,512})@"
)
# Azure writes a container before the @.
_CONTAINER_SCHEMES = ("abfs", "abfss", "wasb", "wasbs")
_PARAMETER = re.compile(r"(?<![\w.-])(?P<name>[\w.-]+)=(?P<value>[^&\s'\"<>]+)")
_PARAMETER_NAME = re.compile(r"(^|[-_.])(sig|odbc_connect)$", re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    """Whether an option of such a name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def hide_secrets(text: str) -> str:
    """The text without users and passwords of URIs and without values of parameters such as `password=` or `sig=`."""
    return _PARAMETER.sub(_hide_parameter, _USER.sub(_hide_user, text))


# A URI in a value that is written to files: it says where something is, and opens nothing that asks for a password.
HiddenUri = Annotated[str, AfterValidator(hide_secrets)]


def hide_values(value: Any) -> Any:
    """A value as YAML gives it, without what `hide_secrets` hides and without what stands under a secret's name."""
    if isinstance(value, str):
        return hide_secrets(value)
    if isinstance(value, Mapping):
        return {key: HIDDEN if is_secret_name(str(key)) else hide_values(each) for key, each in value.items()}
    return [hide_values(each) for each in value] if isinstance(value, list | tuple) else value


def _hide_user(match: re.Match[str]) -> str:
    if match["scheme"].lower() in _CONTAINER_SCHEMES and ":" not in match["user"]:
        return match[0]
    return f"{match['scheme']}://{HIDDEN}@"


def _hide_parameter(match: re.Match[str]) -> str:
    name = match["name"]
    return f"{name}={HIDDEN}" if is_secret_name(name) or _PARAMETER_NAME.search(name) else match[0]
