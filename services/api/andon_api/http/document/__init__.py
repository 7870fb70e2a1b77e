"""The OpenAPI document, made fit to generate clients from."""
