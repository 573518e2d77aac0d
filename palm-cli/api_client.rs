//! A blocking client of the registry: `/api/v1` and the logs.
