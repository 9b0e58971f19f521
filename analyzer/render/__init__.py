"""PURE: a plan as texts; decides nothing."""
