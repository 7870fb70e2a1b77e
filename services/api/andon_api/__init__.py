"""The API: REST, the console, and events as they come over HTTP."""
