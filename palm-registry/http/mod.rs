//! The web service: the surface of old clients, the JSON API and the pages.
