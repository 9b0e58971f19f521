"""How long a large report takes to open: `make bench`.

A generated project of 2,000 tasks and 200 cron jobs with two weeks of one-minute metrics is analysed for real; its page is then opened
in headless Chromium, a fresh browser context each time. Open means: the overview is painted and the page answers; what lies further
down is built when it is scrolled to, and that is measured too. The goal is under 2 s.
"""

from __future__ import annotations

import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
GOAL_S = 2.0
RUNS = 5
ROLES, TASKS_A_ROLE, JOBS, DAYS = 50, 40, 200, 14
TASKS = (
    "- name: Packages {n}\n  ansible.builtin.apt:\n    name: [curl, jq]\n",
    "- name: Settings {n}\n  ansible.builtin.copy:\n    dest: /etc/app/settings-{n}.conf\n    content: |\n      number={n}\n      mode=fast\n",
    "- name: Folder {n}\n  ansible.builtin.file:\n    path: /srv/app/folder-{n}\n    state: directory\n    mode: '0750'\n",
    "- name: Clock {n}\n  ansible.builtin.service:\n    name: chrony\n    state: started\n",
    "- name: Set up {n}\n  ansible.builtin.command: /opt/vendor/setup --part {n}\n",
    "- name: Account {n}\n  ansible.builtin.user:\n    name: user{n}\n",
    "- name: Kernel {n}\n  ansible.posix.sysctl:\n    name: vm.swappiness\n    value: '{n}'\n",
    "- name: Say {n}\n  ansible.builtin.debug:\n    msg: part {n}\n",
)


def write_project(root: Path) -> None:
    """The generated project and its evidence."""
    (root / "inventory").mkdir()
    (root / "inventory" / "hosts").write_text("[web]\nweb1\n")
    (root / "site.yml").write_text(
        f"- hosts: web\n  roles: [{', '.join(f'part{number}' for number in range(ROLES))}]\n"
    )
    for role in range(ROLES):
        folder = root / "roles" / f"part{role}" / "tasks"
        folder.mkdir(parents=True)
        numbers = range(role * TASKS_A_ROLE, (role + 1) * TASKS_A_ROLE)
        (folder / "main.yml").write_text("".join(TASKS[number % len(TASKS)].format(n=number) for number in numbers))
    evidence = root / "evidence" / "web1"
    (evidence / "fs" / "etc" / "cron.d").mkdir(parents=True)
    (evidence / "metrics").mkdir()
    (evidence / "fs" / "etc" / "timezone").write_text("Europe/Berlin\n")
    (evidence / "fs" / "etc" / "os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    lines = (f"{7 * job % 60} {job % 24} * * {job % 7} app /srv/app/bin/job-{job} --all\n" for job in range(JOBS))
    (evidence / "fs" / "etc" / "cron.d" / "app").write_text("".join(lines))
    rows = (
        f"{1_767_225_600 + 60 * minute},{20 + 15 * math.sin(minute / 229):.2f},{1500 + minute % 700}\n"
        for minute in range(DAYS * 1440)
    )
    (evidence / "metrics" / "host.csv").write_text("time,cpu_percent,memory_mib\n" + "".join(rows))


def open_s(browser: object, page: Path) -> tuple[float, float, float]:
    """Seconds until the first paint, until the page answers, and until every section is built."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})  # type: ignore[attr-defined]
    tab = context.new_page()
    began = time.perf_counter()
    tab.goto(page.as_uri(), wait_until="commit")
    tab.wait_for_selector("html[data-ready]")
    ready_s = time.perf_counter() - began
    tab.evaluate("buildAll()")
    built_s = time.perf_counter() - began
    painted_s = tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0") / 1000
    context.close()
    return painted_s, ready_s, built_s


def main() -> None:
    """Prints the size of the page, every figure's median, and the goal."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no chromium on PATH")
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder) / "project", Path(folder) / "bundle"
        root.mkdir()
        write_project(root)
        began = time.perf_counter()
        command = [
            sys.executable,
            "-m",
            "analyzer",
            str(root / "inventory"),
            "--out",
            str(out),
            "--region",
            "eu-central-1",
        ]
        answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        if answer.returncode not in (0, 1):
            sys.exit(answer.stderr)
        took_s = time.perf_counter() - began
        page = out / "report.html"
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            open_s(browser, page)
            runs = [open_s(browser, page) for _ in range(RUNS)]
            browser.close()
        painted_s, ready_s, built_s = (statistics.median(column) for column in zip(*runs, strict=True))
        size = page.stat().st_size
    print(
        f"report of {ROLES * TASKS_A_ROLE} tasks and {JOBS} jobs: analysed in {took_s:.1f} s, page of {size / 1e6:.1f} MB"
    )
    print(f"first paint {painted_s:.2f} s, answers after {ready_s:.2f} s, everything built after {built_s:.2f} s")
    print(f"median of {RUNS}; goal to open {GOAL_S:.1f} s: {'met' if max(painted_s, ready_s) < GOAL_S else 'missed'}")


if __name__ == "__main__":
    main()
