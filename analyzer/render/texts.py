"""The one catalogue of texts for people, English and Japanese: summary, bundle README and report page.

Reasons, questions and problems come from rules and readers, in English; `translate` has them in other languages.
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
    "class.heavy": ("heavy", "高負荷"),
    "class.light": ("light", "低負荷"),
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
    # questions.yml
    "questions.head": (
        "Open questions of this plan. To answer one, copy its line into migrate.yml beside the inventory,",
        "この計画の未回答の質問です。回答するには、該当行をインベントリーの隣の migrate.yml にコピーし、",
    ),
    "questions.head-2": (
        "uncomment it, choose the answer, and run migrate-analyze again. Nothing here is read by the tool.",
        "コメントを外して回答を選び、migrate-analyze を再実行します。このファイル自体は読み込まれません。",
    ),
    "questions.blocking": ("BLOCKING", "ブロック"),
    "questions.answers": ("answers", "回答の選択肢"),
    # what an answer means, beside the word that is written down
    "answer.drop": ("leave it out", "除外する"),
    "answer.deploy": ("do it with every release", "リリースごとに行う"),
    "answer.image": ("build it into the image", "イメージのビルドで行う"),
    "answer.infrastructure": ("Terraform makes it", "Terraform で用意する"),
    "answer.secret": ("keep it in the secret store", "シークレットストアに置く"),
    "answer.process": ("a task definition of its own", "独立したタスク定義にする"),
    "answer.schedule": ("a schedule", "スケジュールにする"),
    "answer.control": ("it steered Ansible only", "Ansible の制御だけに使う"),
    "answer.efs": ("data that stays: shared file system", "残すデータ (共有ファイルシステム)"),
    "answer.scratch": ("gone with the task", "一時領域 (タスクとともに消える)"),
    "answer.leave it behind": ("leave it behind", "移行しない"),
    "answer.run it as a batch": ("run it as a batch", "バッチとして実行する"),
    "answer.as on the host": ("as on the host", "ホストの内容を採用"),
    "answer.as in Ansible": ("as in Ansible", "Ansible の内容を採用"),
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
    "summary.with-waiting": ("{both} with the {count} waiting", "回答待ち {count} 件を含めて {both}"),
    "summary.jobs-waiting": (
        "{count} jobs, {waiting} of them waiting",
        "ジョブ {count} 件 (うち回答待ち {waiting} 件)",
    ),
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
    "readme.step-infra": (
        "Review and apply the Terraform; every schedule starts disabled",
        "Terraform を確認して適用 (スケジュールは無効のまま)",
    ),
    "readme.step-secrets": ("Store {count} secret values", "シークレットの値 {count} 件を登録"),
    "readme.step-secrets.one": ("Store 1 secret value", "シークレットの値 1 件を登録"),
    "readme.step-image": (
        "Copy into the repository, build and push the image",
        "リポジトリに写し、イメージをビルドして push",
    ),
    "readme.step-services": ("Start the services, then move the traffic", "サービスを起動し、トラフィックを切り替え"),
    "readme.step-batches": ("Hand over {count} batches, one at a time", "バッチ {count} 件を 1 件ずつ引き継ぐ"),
    "readme.step-batches.one": ("Hand over the batch", "バッチを引き継ぐ"),
    "readme.step-parallel": ("A month side by side", "1 か月の並行運用"),
    "readme.step-retire": ("Retire the hosts", "ホストを廃止"),
    # report page
    "page.skip": ("Skip to the overview", "概要へ移動"),
    "page.application": ("Application", "アプリケーション"),
    "page.theme": ("Dark", "ダーク"),
    "page.print": ("Print", "印刷"),
    "page.sections": ("Sections", "目次"),
    "page.overview": ("Overview", "概要"),
    "page.questions": ("Questions", "質問"),
    "page.load": ("Load and sizes", "負荷とサイズ"),
    "page.calendar": ("Calendar", "カレンダー"),
    "page.jobs": ("Jobs", "ジョブ"),
    "page.roles": ("Roles, before and after", "ロールごとの対応"),
    "page.ledger": ("Ledger", "判断の台帳"),
    "page.files": ("Files of the bundle", "生成ファイル"),
    "page.drift": ("Drift", "差分 (ドリフト)"),
    "page.values": ("Secrets and parameters", "シークレットとパラメーター"),
    "page.problems": ("Problems", "問題"),
    "page.noscript": (
        "The overview is complete without scripts; the ledger, plots and filters need them.",
        "概要はスクリプトなしで表示されます。台帳・グラフ・絞り込みにはスクリプトが必要です。",
    ),
    "page.lead": (
        "{name} on {hosts} moves to ECS Fargate in {region}; its image is based on {image}.",
        "{hosts} 上の {name} を {region} の ECS Fargate に移行します。ベースイメージは {image} です。",
    ),
    "page.tile-decisions": ("things read, each with one decision", "件を読み取り、すべてに判断を 1 つ付与"),
    "page.tile-jobs": ("jobs become schedules", "件のジョブをスケジュールに移行"),
    "page.tile-proved": ("schedules proved to fire as cron did", "件のスケジュールが cron と同じと証明済み"),
    "page.tile-questions": (
        "open questions, {blocking} of them blocking",
        "件の未回答の質問 (うちブロック {blocking} 件)",
    ),
    "page.tile-open": ("open questions, none of them blocking", "件の未回答の質問 (ブロックなし)"),
    "page.picture-label": (
        "{name}: on the left what runs on the hosts today, on the right what runs on ECS Fargate",
        "{name}: 左は現在のホスト、右は ECS Fargate",
    ),
    "page.before": ("Before", "移行前"),
    "page.after": ("After", "移行後"),
    "page.port": ("port {port}", "ポート {port}"),
    "page.by-hand": ("{count} differences from the roles (drift)", "ロールとの相違 {count} 件 (ドリフト)"),
    "page.load-balancer": ("load balancer", "ロードバランサー"),
    "page.schedules": ("{count} schedules", "スケジュール {count} 件"),
    "page.what-moves": ("What becomes of it", "何がどうなるか"),
    "page.name": ("name", "名前"),
    "page.runs-what": ("runs", "実行するもの"),
    "page.prices": ("Prices", "料金の出典"),
    "page.cost": ("Cost a month", "月額費用"),
    "page.share": ("compared", "比較"),
    "page.questions-hint": (
        "Choose answers, copy the lines below into migrate.yml beside the inventory, and run migrate-analyze again.",
        "回答を選び、下の行をインベントリーの隣の migrate.yml に写して、migrate-analyze をもう一度実行してください。",
    ),
    "page.load-hint": (
        "What the hosts used: the API's share, and what the jobs add. Shaded: runs. Dashed: task sizes. Drag to zoom.",
        "ホストの使用量を API の分とジョブの分に分けて表示 (網掛け: 実行、破線: タスク定義のサイズ、ドラッグで拡大)。",
    ),
    "page.calendar-hint": (
        "When cron fired and when the schedules fire. A red line is a minute at which only one of them does.",
        "cron とスケジュールの起動時刻を重ねて表示します。赤い線は片方だけが起動する分です。",
    ),
    "page.roles-hint": (
        "On the left the tasks, on the right the lines of the bundle they became. Every link leads both ways.",
        "左がタスク、右がそれから生成された行です。リンクは双方向です。",
    ),
    "page.files-hint": (
        "Every generated line with the source line that caused it, or the rule of the template.",
        "生成された各行と、その元になった行またはテンプレートの規則です。",
    ),
    "page.drift-hint": (
        "What the hosts have and no role makes, what roles make and the hosts do not have.",
        "ホストにあってロールにないもの、ロールにあってホストにないもの。",
    ),
    "page.copied": ("Copied", "コピーしました"),
    "page.copy": ("Copy", "コピー"),
    "page.nothing": ("Nothing matches.", "該当なし"),
    "page.file": ("File", "ファイル"),
    "page.not-shown": (
        "Too large, or no text: see the file itself.",
        "大きすぎるかテキストではないため、ファイル自体を参照してください。",
    ),
    "page.search": ("Search name, file, module, rule, reason", "名前・ファイル・モジュール・規則・理由を検索"),
    "page.search-jobs": ("Search jobs", "ジョブを検索"),
    "page.any-kind": ("every kind", "すべての種類"),
    "page.any-role": ("every role", "すべてのロール"),
    "page.any-outcome": ("every outcome", "すべての結果"),
    "page.only-open": ("only open questions", "未回答のみ"),
    "page.shown": ("{count} of {total}", "{total} 件中 {count} 件"),
    "page.applies-unknown": ("condition not decided", "条件は未確定"),
    "page.applies-no": ("does not apply", "対象外"),
    "page.answered": ("answered by a person", "人が回答済み"),
    "page.no-rule": ("no rule knows it", "該当する規則なし"),
    "page.no-role": ("(plays)", "(プレイ)"),
    "page.question": ("question", "質問"),
    "page.no-jobs": ("No jobs were found.", "ジョブはありません。"),
    "page.disabled": ("disabled", "無効"),
    "page.catch-up": ("catch-up run", "補完実行"),
    "page.proof": ("Proof", "証明"),
    "page.deduplicated": ("second firings are turned away", "二重起動は除外"),
    "page.missed": ("only cron fires", "cron のみ起動"),
    "page.extra": ("only the schedule fires", "スケジュールのみ起動"),
    "page.footprint": ("Footprint of one run", "1 回の実行に必要な資源"),
    "page.cpu-seconds": ("CPU seconds", "CPU 秒"),
    "page.memory": ("peak memory", "最大メモリ"),
    "page.duration": ("duration", "所要時間"),
    "page.runs": ("runs seen", "観測した実行回数"),
    "page.confidence": ("confidence", "確度"),
    "page.watch": ("Watched by", "監視"),
    "page.end-marker": ("end line", "終了行"),
    "page.added": ("added to the command", "コマンドに追加"),
    "page.longest-gap": ("alarm if silent for more than", "無音時の警報"),
    "page.timeout": ("time limit", "制限時間"),
    "page.overlap": ("if the last run still goes", "前回が実行中の場合"),
    "page.flight-skip": ("skipped", "スキップ"),
    "page.flight-queue": ("waits", "待機"),
    "page.flight-none": ("both run", "並行して実行"),
    "page.state-machine": ("State machine", "ステートマシン"),
    "page.no-calendar": ("No schedule can be drawn.", "表示できるスケジュールはありません。"),
    "page.month": ("month", "月"),
    "page.week": ("week", "週"),
    "page.clock-change": ("clock change", "時刻変更"),
    "page.old": ("cron", "cron"),
    "page.new": ("schedule", "スケジュール"),
    "page.one-side": ("only one of them", "片方のみ"),
    "page.month-view": ("The month", "月表示"),
    "page.week-label": ("Firings of {count} jobs in one week", "ジョブ {count} 件の 1 週間の起動時刻"),
    "page.times-a-day": ("{count} times a day", "1 日 {count} 回"),
    "page.daily-jobs": ("+ {count} every day", "+ 毎日 {count} 件"),
    "page.no-metrics": (
        "No metrics were given: nothing can be drawn, and the sizes are assumptions.",
        "メトリクスがないため表示できません。サイズは仮定です。",
    ),
    "page.plot-cpu": ("CPU", "CPU"),
    "page.plot-memory": ("Memory", "メモリ"),
    "page.zoom-out": ("Show all", "全体を表示"),
    "page.measured": ("measured (pale: highest in each step)", "実測 (薄い線: 各区間の最大値)"),
    "page.shade": ("Runs shaded:", "網掛けする実行:"),
    "page.chores": ("{count} that nobody needs any more", "不要になるもの {count} 件"),
    "page.for-migrate": ("For migrate.yml", "migrate.yml 用"),
    "cost.ec2-now": ("EC2 today", "現在の EC2"),
    "cost.fargate-as-it-is": ("Fargate, same size as today", "Fargate (現在と同じサイズ)"),
    "cost.fargate-right-sized": ("Fargate, as planned", "Fargate (この計画)"),
    "cost.fargate-arm64": ("Fargate, as planned, on ARM", "Fargate (この計画、ARM)"),
    "cost.fargate-x86-64": ("Fargate, as planned, on x86", "Fargate (この計画、x86)"),
    "cost.fargate-each-batch-alone": ("Fargate, a size for every batch", "Fargate (バッチごとのサイズ)"),
    "page.api-share": ("the API's share", "API の分"),
    "page.jobs-share": ("what the jobs add", "ジョブの分"),
    "page.plot-caption": (
        "{days} days in steps of {step}, peak {peak} {unit}. {origin}",
        "{days} 日間、{step} 間隔、最大 {peak} {unit}。{origin}",
    ),
    "page.own-answer": ("own answer", "その他の回答"),
    "page.later": ("later", "あとで"),
    "page.blocking": ("blocking", "ブロック"),
    "page.default-applied": ("Until answered, the plan goes by: {answer}", "回答があるまでの既定: {answer}"),
    "page.no-answers": ("# nothing chosen yet", "# まだ選択されていません"),
    "page.kind": ("kind", "種類"),
    "page.seen": ("seen", "状態"),
    "page.what": ("what", "内容"),
    "page.proposal": ("proposal", "提案"),
    "page.no-drift": (
        "No difference between hosts and Ansible was found.",
        "ホストと Ansible の差分は見つかりませんでした。",
    ),
    "page.secrets": ("Secrets", "シークレット"),
    "page.secrets-hint": (
        "Names only: values never enter the bundle.",
        "名前のみです。値がバンドルに入ることはありません。",
    ),
    "page.parameters": ("Parameters", "パラメーター"),
    "page.parameters-hint": (
        "Values that differ between hosts or that nothing in the project defines: given from outside.",
        "ホストごとに異なる値、またはプロジェクトで定義されていない値です。外部から与えます。",
    ),
    "page.why": ("why", "理由"),
    "page.defined": ("defined", "定義"),
    "page.used": ("used", "使用箇所"),
    "page.values-by-host": ("values", "値"),
    "page.no-problems": ("Nothing went wrong while reading.", "読み込み時の問題はありません。"),
    "page.fidelity": ("Fidelity", "再現性の検証"),
    "page.fidelity-hint": (
        "The image was built and compared with a container in which the real playbook ran.",
        "イメージを実際にビルドし、本物の playbook を実行したコンテナーと比較した結果です。",
    ),
    "page.not-verified": ("This application was not verified.", "このアプリケーションは未検証です。"),
    "page.checks": ("Checks", "検査"),
    "page.check": ("check", "検査"),
    "page.result": ("result", "結果"),
    "page.compared": ("Compared with the playbook", "playbook との比較"),
    "page.same": ("same", "同一"),
    "page.explained": ("explained", "説明あり"),
    "page.unexplained": ("unexplained", "説明なし"),
    "page.total": ("total", "合計"),
    "page.in-image": ("image", "イメージ"),
    "page.in-playbook": ("playbook", "playbook"),
    "page.explained-by": ("Explained by", "説明の内訳"),
    "page.where": ("where", "場所"),
    "page.to-do": ("what to do", "対処"),
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

    def named(self, key: str, name: str) -> str:
        """The text of `key`, or `name` itself where the catalogue has none for it."""
        return self(key) if key in CATALOGUE else name

    def all(self, *prefixes: str) -> dict[str, str]:
        """Every text whose key begins with one of `prefixes`, for the page's script."""
        return {key: both[self._column] for key, both in CATALOGUE.items() if key.startswith(prefixes)}
