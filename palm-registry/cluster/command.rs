//! The command of an instance: the exact string that old runners get, and the words that ours starts.
