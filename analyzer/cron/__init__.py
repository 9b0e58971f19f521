"""What a crontab line means, what EventBridge Scheduler means, and the proof that one fires when the other did.

    text ──crontab/systemd──> Times ──convert──> expressions ──eventbridge──> Times ──proof──> equal, or the list

Pure: no clock (the start of the horizon is an argument), no environment, no file but the zone data of the tzdata
package. Facts about the programs are of September to November 2026 and stand where they are used.
"""
