"""What can keep the embedded default from starting."""


class EmbeddedError(Exception):
    """The embedded system can't start or go on; the message is one sentence that says what to do."""
