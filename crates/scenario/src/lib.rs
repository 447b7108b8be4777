//! Turns scenario text into a validated plan, or into a list of located problems.
