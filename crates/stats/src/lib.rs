//! Turns samples into windows, summaries and threshold verdicts.
