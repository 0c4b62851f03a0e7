"""Where models live: everything that a job does is done here, by commands, with a store client of its own.

``commands`` come in, a ``summary`` of each step goes out; ``contract`` says what every kind of place promises.
``worker`` holds the jobs of one place, each a ``job`` with its ``model`` and its ``outbox``, and finds in
``performing`` what a command does. ``process`` keeps a worker in a child process (``child``, speaking ``wire``), and
``places`` spreads jobs over several. What is decided about jobs is the supervisor's matter, outside.
"""
