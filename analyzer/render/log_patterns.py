"""CloudWatch Logs filter patterns: which lines mean an error, and which one the end of a batch.

One log group serves one task definition, for RunTask cannot override where a container's log goes; so the "End." lines
of several batches stand in one group and each filter must match its own batch's alone. A quoted phrase matches wherever
it stands in a line: `"close End."` would also count `nightly-close End.`.
"""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.model import Application, InstallPackages, LanguagePackages, Via

_RULE = "template:alarms"


def why_no_pattern(marker: str, markers: list[str]) -> str:
    """Why `marker` cannot be counted in a log group where all of `markers` are written; "" if it can."""
    if not marker:
        return "it prints no line of its own at its end"
    if len(marker) > 500 or not marker.isprintable() or set(marker) & set('"\\'):
        return "its last line cannot be written as a filter pattern"
    if sum(marker in other for other in markers) > 1:
        return "its last line is part of another batch's"
    return ""


def error_pattern(application: Application) -> tuple[str, Via]:
    """The filter pattern of error lines, from the language that the application is seen to use."""
    words = ["ERROR", "FATAL"]
    sources = []
    note = "the usual words; no language of the application is known"
    for step in application.steps:
        match step.effect:
            case LanguagePackages(manager=manager):
                names: tuple[str, ...] = (manager,)
            case InstallPackages(names=names):
                pass
            case _:
                continue
        for language, its_words in _ERROR_WORDS.items():
            if any(name.partition("=")[0].rstrip("0123456789.") in _LANGUAGE_PACKAGES[language] for name in names):
                words += [word for word in its_words if word not in words]
                sources += list(step.via.sources)
                note = "the words with which its language and common loggers mark errors"
    pattern = " ".join(f"?{word}" if word.isalnum() else f'?"{word}"' for word in words)
    return pattern, Via(rule=_RULE, sources=tuple(dict.fromkeys(sources)), note=note)


_LANGUAGE_PACKAGES = {
    "ruby": frozenset({"ruby", "puma", "gem", "bundler", "ruby-dev"}),
    "python": frozenset({"python", "pip", "gunicorn", "uwsgi"}),
    "node": frozenset({"nodejs", "npm", "yarn"}),
    "java": frozenset({"default-jre", "default-jre-headless", "openjdk-17-jre", "openjdk"}),
    "php": frozenset({"php", "php-fpm", "composer"}),
}
_ERROR_WORDS: Mapping[str, tuple[str, ...]] = {
    "ruby": ("(RuntimeError)", "(NoMethodError)", "LoadError"),
    "python": ("Traceback", "CRITICAL"),
    "node": ("UnhandledPromiseRejection", "TypeError"),
    "java": ("Exception", "SEVERE"),
    "php": ("PHP Fatal error",),
}
