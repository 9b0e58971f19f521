"""The one catalogue of texts for people, English and Japanese: summary, bundle README and report page.

Reasons, questions and problems come from rules and readers and are English in both; what frames them is translated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LANGUAGES: Final = ("en", "ja")

# key: (English, Japanese); `{name}` is filled in by `Texts.__call__`.
CATALOGUE: Final[Mapping[str, tuple[str, str]]] = {
    # outcomes
    "outcome.image": ("image", "イメージ"),
    "outcome.process": ("process", "プロセス"),
    "outcome.task-definition": ("task definition", "タスク定義"),
    "outcome.schedule": ("schedule", "スケジュール"),
    "outcome.infrastructure": ("infrastructure", "インフラ"),
    "outcome.secret": ("secret", "シークレット"),
    "outcome.deploy": ("deploy step", "デプロイ手順"),
    "outcome.platform": ("platform does it", "基盤が担当"),
    "outcome.control": ("Ansible's own", "Ansible 内部"),
    "outcome.skipped": ("does not apply", "対象外"),
    "outcome.manual": ("needs a person", "要判断"),
    # verdicts
    "verdict.equal": ("proved equal", "同一と証明"),
    "verdict.equal-except-dst": ("equal except at clock changes", "時刻変更時を除き同一"),
    "verdict.differs": ("differs", "相違あり"),
    "verdict.refused": ("refused", "変換不可"),
    "verdict.none": ("no schedule", "スケジュールなし"),
    # job outcomes
    "job.schedule": ("carried over", "移行"),
    "job.platform": ("not needed any more", "不要"),
    "job.manual": ("needs a person", "要判断"),
    "job.skipped": ("left behind", "移行しない"),
    "class.heavy": ("heavy", "重い"),
    "class.light": ("light", "軽い"),
    "confidence.high": ("high", "高"),
    "confidence.medium": ("medium", "中"),
    "confidence.low": ("low", "低"),
    "confidence.none": ("none", "なし"),
    "seen.host-only": ("only on the host", "ホストのみ"),
    "seen.ansible-only": ("only in Ansible", "Ansible のみ"),
    "seen.differs": ("differs", "相違"),
    "kind.package": ("package", "パッケージ"),
    "kind.service": ("service", "サービス"),
    "kind.crontab": ("crontab", "crontab"),
    "kind.port": ("port", "ポート"),
    "kind.user": ("user", "ユーザー"),
    "kind.file": ("file", "ファイル"),
    "severity.error": ("error", "エラー"),
    "severity.warning": ("warning", "警告"),
    "severity.note": ("note", "注記"),
    # summary
    "summary.blocking": (
        "{count} blocking: a person must answer before the cutover",
        "ブロック {count} 件: 切り替え前に回答が必要",
    ),
    "summary.open.one": ("1 more open question: questions.yml", "その他の未回答の質問 1 件: questions.yml"),
    "summary.open": ("{count} more open questions: questions.yml", "その他の未回答の質問 {count} 件: questions.yml"),
    "summary.nothing-open": ("no open questions", "未回答の質問なし"),
    "summary.hosts": ("{count} hosts", "ホスト {count} 台"),
    "summary.hosts.one": ("1 host", "ホスト 1 台"),
    "summary.tasks": ("{count} tasks and handlers", "タスクとハンドラー {count} 件"),
    "summary.jobs": ("{count} jobs", "ジョブ {count} 件"),
    "summary.jobs.one": ("1 job", "ジョブ 1 件"),
    "summary.sizes": ("task definitions", "タスク定義"),
    "summary.cost": ("cost a month", "月額費用"),
    "summary.drift": ("drift", "差分 (ドリフト)"),
    "summary.drift-items.one": ("1 difference between hosts and Ansible", "ホストと Ansible の差分 1 件"),
    "summary.drift-items": ("{count} differences between hosts and Ansible", "ホストと Ansible の差分 {count} 件"),
    "summary.problems": ("problems met while reading", "読み込み時の問題"),
    "summary.more": ("… and {count} more", "… 他 {count} 件"),
    "summary.assumed": ("assumed", "仮定"),
    "summary.month": ("month", "月"),
    "summary.report": (
        "Review it in {folder}report.html; start with {folder}README.md.",
        "{folder}report.html で確認し、{folder}README.md から始めてください。",
    ),
    # README of the bundle
    "readme.title": ("{names}: moving to ECS Fargate ({environment})", "{names}: ECS Fargate への移行 ({environment})"),
    "readme.owner-app": ("application team", "アプリケーションチーム"),
    "readme.owner-infra": ("infrastructure team", "インフラチーム"),
    "readme.owner-both": ("both", "両チーム"),
    "readme.step-infra": ("Review and apply the Terraform", "Terraform を確認して適用"),
    "readme.step-secrets": ("Store {count} secret values", "シークレットの値 {count} 件を登録"),
    "readme.step-image": (
        "Copy into the repository, build the image, push it",
        "リポジトリに写し、イメージをビルドして push",
    ),
    "readme.step-deploy": ("Register the task definitions, start the service", "タスク定義を登録し、サービスを起動"),
    "readme.step-schedules": (
        "Create the schedules, disabled until the cutover",
        "スケジュールを作成 (切り替えまで無効)",
    ),
    "readme.step-cutover": ("Cut over with the runbook, then retire the hosts", "手順書に従って切り替え、ホストを廃止"),
}


class Texts:
    """The catalogue in one language: `texts("summary.jobs", count=3)`."""

    def __init__(self, language: str = "en") -> None:
        self.language = language if language in LANGUAGES else "en"
        self._column = LANGUAGES.index(self.language)

    def __call__(self, key: str, /, **values: object) -> str:
        """The text of `key`, its `{name}` places filled in; a key that is missing is a defect and says so."""
        if values.get("count") == 1 and f"{key}.one" in CATALOGUE:
            key = f"{key}.one"
        text = CATALOGUE[key][self._column]
        return text.format(**values) if values else text

    def all(self, *prefixes: str) -> dict[str, str]:
        """Every text whose key begins with one of `prefixes`, for the page's script."""
        return {key: both[self._column] for key, both in CATALOGUE.items() if key.startswith(prefixes)}
