//! Sections and keys with their lines, as Python's configparser reads them.
