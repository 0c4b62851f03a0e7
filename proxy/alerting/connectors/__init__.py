"""Connectors: the kinds of receivers that messages about alerts can go to, one module each.

``kinds`` lists them; ``kind`` says what one is. When a message is sent, and what follows, is ``delivery``'s matter.
"""
