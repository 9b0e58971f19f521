"""PURE: one decision for everything that was read."""
