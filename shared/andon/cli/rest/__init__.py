"""Commands that ask the API, over the client."""
