//! Carries out a plan with virtual users over an abstract connection.
