//! Reads arguments and files, wires the parts, draws progress, chooses the exit code.

fn main() {}
