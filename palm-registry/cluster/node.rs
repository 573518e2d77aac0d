//! The node file: what a runner says of its machine.
