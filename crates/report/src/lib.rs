//! Writes and reads the run log; renders summaries and verdicts.
