"""What each program makes of the odd fields, as seen on the programs themselves."""

from __future__ import annotations

import pytest

from analyzer.cron.crontab import ScheduleError, read_schedule
from analyzer.cron.times import ALL_DAYS, ALL_HOURS, ALL_MINUTES, ALL_MONTHS, ALL_WEEKDAYS, members
from analyzer.model import CronDaemon

DAEMONS = {
    "debian": CronDaemon.DEBIAN,
    "1.4": CronDaemon.CRONIE_1_4,
    "1.5": CronDaemon.CRONIE_1_5,
    "1.7": CronDaemon.CRONIE_1_7,
    "busybox": CronDaemon.BUSYBOX,
}
EVERYTHING = {
    "minutes": ALL_MINUTES,
    "hours": ALL_HOURS,
    "days": ALL_DAYS,
    "months": ALL_MONTHS,
    "weekdays": ALL_WEEKDAYS,
}
POSITIONS = ("minutes", "hours", "days", "months", "weekdays")

# field, text, then debian | cronie 1.5.7 | cronie 1.7.2 | busybox: values, `all`, `never`, REJ, or - for not observed
TABLE = """
minutes  5/15      REJ         REJ         REJ         5
hours    22-2      never       REJ         never       0,1,2,22,23
weekdays 6-0       never       REJ         never       0,6
weekdays fri-sun   never       REJ         never       0,5,6
weekdays sat-sun   never       REJ         never       0,6
weekdays 5-7       0,5,6       0,5,6       0,5,6       all
weekdays 7         0           0           0           all
minutes  5-0       never       REJ         never       -
minutes  */90      0           REJ         0           0
minutes  */0       REJ         REJ         REJ         0
minutes  *5        all         all         REJ         all
weekdays 1#2       1           REJ         REJ         1
hours    */5/2     0,5,10,15,20 REJ        REJ         0,5,10,15,20
hours    1-5-7     1,2,3,4,5   REJ         REJ         1,2,3,4,5
minutes  0~30      0           REJ         0           0
minutes  ~         REJ         REJ         0           never
days     L         REJ         REJ         REJ         never
days     ?         REJ         REJ         REJ         never
days     W         REJ         REJ         REJ         never
hours    *,5       all         all         all         all
days     */2       1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 = = 2,4,6,8,10,12,14,16,18,20,22,24,26,28,30
days     */7       1,8,15,22,29 =          =           7,14,21,28
months   */5       1,6,11      =           =           1,6,11
weekdays */2       0,2,4,6     =           =           0,2,4,6
minutes  */7       0,7,14,21,28,35,42,49,56 = =        =
weekdays sunday    REJ         REJ         REJ         0
months   january   REJ         REJ         REJ         1
weekdays mon-5     1,2,3,4,5   =           =           =
months   jan-3     1,2,3       =           =           =
weekdays MON,Fri   1,5         =           =           =
hours    012       12          =           =           =
minutes  00        0           =           =           =
days     0         REJ         REJ         REJ         never
days     32        REJ         REJ         REJ         -
months   0         REJ         REJ         REJ         -
months   13        REJ         REJ         REJ         -
hours    24        REJ         REJ         REJ         all
minutes  60        REJ         REJ         REJ         all
weekdays 8         REJ         REJ         REJ         -
minutes  1,,2      REJ         REJ         REJ         -
minutes  -5        REJ         5           5           -
minutes  5-        REJ         REJ         REJ         -
minutes  */x       REJ         REJ         REJ         -
hours    x         REJ         REJ         REJ         never
"""


def cases() -> list[object]:
    found = []
    for row in TABLE.strip().split("\n"):
        position, text, debian, old, new, busybox = row.split()
        columns = {"debian": debian, "1.5": old, "1.7": new, "busybox": busybox}
        for daemon, expected in columns.items():
            value = debian if expected == "=" else expected
            if value != "-":
                found.append(pytest.param(position, text, daemon, value, id=f"{position} {text} {daemon}"))
    return found


@pytest.mark.parametrize(("position", "text", "daemon", "expected"), cases())
def test_a_field_means_what_the_program_itself_made_of_it(position: str, text: str, daemon: str, expected: str) -> None:
    """Each program's reading, refusal or silence is reproduced."""
    fields = ["0", "0", "*", "*", "*"]
    fields[POSITIONS.index(position)] = text
    line = " ".join(fields)
    if expected == "REJ":
        with pytest.raises(ScheduleError, match=r"^bad (minute|hour|day-of-month|month|day-of-week)"):
            read_schedule(line, DAEMONS[daemon])
        return
    schedule = read_schedule(line, DAEMONS[daemon])
    assert schedule.never == (expected == "never")
    if expected == "never":
        return
    found = getattr(schedule.times[0], position)
    assert found == EVERYTHING[position] if expected == "all" else sorted(members(found)) == eval(f"[{expected}]")


@pytest.mark.parametrize("daemon", [CronDaemon.CRONIE_1_4, CronDaemon.CRONIE_1_5])
def test_old_cronie_refuses_reversed_ranges_but_only_1_5_a_step_beyond_the_field(daemon: CronDaemon) -> None:
    """1.4.11 has the parser of 1.5.7 without its check of steps."""
    with pytest.raises(ScheduleError):
        read_schedule("0 22-2 * * *", daemon)
    if daemon is CronDaemon.CRONIE_1_4:
        assert read_schedule("*/90 * * * *", daemon).times[0].minutes == 1
    else:
        with pytest.raises(ScheduleError):
            read_schedule("*/90 * * * *", daemon)


# line, firings from 1 February to 1 March 2026, both included
DAY_RULES = """
0 12 1,15 * 5            7
0 12 */2 * mon           2
0 12 1-31/2 * mon        17
0 12 1 * */2             2
0 12 1 * 0-6             29
0 12 1,*/40 * mon        6
0 12 *,5 * mon           4
0 12 5,* * mon           29
0 12 1-7 * */7           2
0 12 * * mon             4
0 12 13 * *              1
0 12 13 * 5              4
"""


@pytest.mark.parametrize("row", DAY_RULES.strip().split("\n"))
def test_only_the_first_character_of_a_day_field_decides_between_and_and_or(row: str) -> None:
    """A day field that begins with `*` is joined by AND, whatever follows it."""
    line, _, count = row.rpartition(" ")
    times = read_schedule(line.strip(), CronDaemon.DEBIAN).times[0]
    span = ((1 << 29) - 1) << 31
    assert (times.days_of_year(leap=False, first_weekday=4) & span).bit_count() == int(count)


def test_busybox_looks_at_the_sets_not_at_the_stars() -> None:
    """`*/2` with Monday is OR there, and a full set of weekdays is dropped."""
    either = read_schedule("0 12 */2 * mon", CronDaemon.BUSYBOX).times[0]
    assert either.day_rule == "or"
    dropped = read_schedule("0 12 13 * 0-6", CronDaemon.BUSYBOX).times[0]
    assert (dropped.day_rule, list(members(dropped.days))) == ("and", [13])


# Nicknames as the fields they stand for; case counts.
@pytest.mark.parametrize(
    ("nickname", "fields"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ],
)
def test_a_nickname_is_its_five_fields(nickname: str, fields: str) -> None:
    """Times, class and day rule are those of the fields."""
    for daemon in DAEMONS.values():
        assert read_schedule(nickname, daemon) == read_schedule(fields, daemon)


@pytest.mark.parametrize("text", ["@Daily", "@every_minute", "@minutely", "@", "0 0 * *", "0 0 * * * *", ""])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    """Wrong case, foreign nicknames and a wrong number of fields are refused."""
    with pytest.raises(ScheduleError):
        read_schedule(text, CronDaemon.DEBIAN)


def test_reboot_has_no_times() -> None:
    """@reboot is recognised and is not mistaken for a schedule that never fires."""
    schedule = read_schedule("@reboot", CronDaemon.DEBIAN)
    assert schedule.reboot
    assert not schedule.times
    assert not schedule.never
