//! Scripted servers on loopback and the house rules as tests; used by tests only.
