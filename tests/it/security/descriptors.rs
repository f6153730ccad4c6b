//! Running out of file descriptors is reported as such.
