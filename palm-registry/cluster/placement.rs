//! Which instance lies on which node, and at which addresses.
