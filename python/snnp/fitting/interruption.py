"""Ctrl-C and SIGTERM while a fit runs."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """The fit was told to stop; the text says where it stands, `signal` by what."""

    def __init__(self, sentence: str, signal: int = signal.SIGINT):
        super().__init__(sentence)
        self.signal = signal


class StopSignals:
    """Within `with` the first Ctrl-C or SIGTERM raises Interrupted; in a block `deferred` it only sets `asked`.

    The second one raises in any case, and a third one ends the program without asking it. In threads other than the
    main one signals do nothing.
    """

    def __init__(self):
        self.asked = 0  # the number of the signal
        self._deferred = False
        self._before: dict = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._arrived) for number in _SIGNALS}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """A block that looks at `asked` itself, to stop where it can go on later."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def _arrived(self, number: int, frame) -> None:
        again, self.asked = self.asked, number
        if again or not self._deferred:
            for each in _SIGNALS:
                signal.signal(each, signal.SIG_DFL)
            raise Interrupted("stopped", number)
