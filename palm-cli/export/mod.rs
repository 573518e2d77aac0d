//! `palm export`: a cluster file as units or manifests, with resolved addresses.
