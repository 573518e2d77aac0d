//! Components and links of a cluster file, as DOT and Mermaid.
