//! `triage` finds the ordinary shapes of secrets and raises no false alarm.
