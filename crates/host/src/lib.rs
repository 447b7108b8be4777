//! Is the machine: precise timer, limits, CPU and memory of this process.
