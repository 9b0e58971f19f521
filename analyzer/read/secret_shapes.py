r"""Secrets that can be told by their look, whatever they are called: the one list for the analysis and for `collect`.

Each is a look that chance does not make: a prefix that its maker gives it, or a form with a length. So `$1$NAME` of a
shell is no password hash, and `sk-fading-circle` of a style sheet is no key.
"""

from __future__ import annotations

import re

_MIXED = r"(?=[\w-]*\d)(?=[\w-]*[A-Z])"
"""Random text has both; names have not."""

PRIVATE_KEY = r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
VAULT_TEXT = r"\$ANSIBLE_VAULT"
AWS_KEY_ID = r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"
VENDOR_TOKEN = (
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|"
    r"xapp-[\w-]{10,}|[rs]k_(?:live|test)_\w{10,}|SG\.[\w-]{16,}\.[\w-]{16,}|AIza[\w-]{30,}|hvs\.[\w-]{20,}|"
    rf"npm_{_MIXED}\w{{30,}}|pypi-{_MIXED}[\w-]{{30,}}|dckr_pat_[\w-]{{20,}}|sk-{_MIXED}[\w-]{{20,}})"
)
"""GitHub, GitLab, Slack, Stripe, SendGrid, Google, Vault, npm, PyPI, Docker, OpenAI and Anthropic."""
WEB_TOKEN = r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
"""A JSON web token."""
WEBHOOKS = (
    (r"https://hooks\.slack\.com/(?:services|workflows)/", r"[\w/+-]+"),
    (r"https://[\w.-]+\.webhook\.office\.com/webhookb2/", r"[^\s\"']+"),
    (r"https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/", r"[\w/-]+"),
)
"""(what may stay, what is the secret) of addresses that whoever knows them may write to."""
SENTRY_ADDRESS = (r"\bhttps?://", r"[0-9a-f]{16,}(?::[0-9a-f]+)?@")
_HASH = r"[\w./]"
PASSWORD_HASH = (
    rf"\$(?:1|apr1)\${_HASH}{{1,8}}\${_HASH}{{22}}|\$2[abxy]\$\d\d\${_HASH}{{53}}|"
    rf"\$[56]\$(?:rounds=\d+\$)?{_HASH}{{1,16}}\${_HASH}{{43,86}}|\$(?:7|g?y)\${_HASH}+\${_HASH}{{1,86}}\${_HASH}{{43}}|"
    rf"\$argon2(?:id|i|d)\$[\w=,$+/.-]{{20,}}|\$pbkdf2(?:-sha\d+)?\$[\w=,$+/.-]{{20,}}"
)
"""crypt(5), Apache and passlib."""

BY_LOOK = re.compile(
    "|".join(
        [
            PRIVATE_KEY,
            f"{VAULT_TEXT};",
            AWS_KEY_ID,
            VENDOR_TOKEN,
            WEB_TOKEN,
            *(f"{open_part}{secret}" for open_part, secret in (*WEBHOOKS, SENTRY_ADDRESS)),
            PASSWORD_HASH,
        ]
    )
)
