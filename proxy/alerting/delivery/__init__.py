"""Sends the messages that wait in the outbox: ``plan`` says what follows from what, ``outbox`` does it."""
